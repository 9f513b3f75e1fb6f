"""Runs whose members claim coded items and whose readers see goods pass: whatever fails, an item earns once,
for one member (INV-12), and the log only appends (INV-15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from tests.simulation.climate import Climate
from tests.simulation.founding import ROOM, Founded
from tests.simulation.machine.stage import Stage
from tests.simulation.running import Run
from tests.simulation.world import World

FEW, STEPS, LONGER = range(3), 24, 36
# Claims on the chain that a backup does not know, and finders who claim those items again.
_RESTORED = Climate(room=replace(ROOM, confirmations=1), items=True, backup_at=2, accident_at=12)
# Checkpoints that a backup does not know, and a log that goes another way from what it knows.
_LOGGED = Climate(events=True, crash_rate=30, commit_rate=10, backup_at=10, accident_at=16)


def run(founded: Founded, stage: Stage, seed: int, steps: int, climate: Climate | None = None) -> Run:
    drawn = climate or replace(Climate.drawn(Random(seed), seed), items=True, events=True)
    made = Run(World(founded, stage, seed, drawn))
    made.go(steps)
    return made


def test_an_item_earns_once_and_the_log_only_appends_in_any_weather(founded: Founded, stage: Stage) -> None:
    met: Counter[str] = Counter()
    for seed in FEW:
        played = run(founded, stage, seed, STEPS)
        met.update(played.world.met)
        met["checkpoint"] += len(played.watch.logged)
    assert met["claim-item"] > len(FEW)
    assert met["return-item"]
    assert met["capture-event"] > len(FEW)
    assert met["checkpoint"] > len(FEW)


# Whoever found such an item was answered with an error of the database: its issue had been adopted.
@pytest.mark.parametrize("seed", [0, 10])
def test_an_item_whose_claim_was_lost_and_adopted_earns_no_more(
    founded: Founded, stage: Stage, seed: int
) -> None:
    met = run(founded, stage, seed, 30, _RESTORED).world.met
    assert met["adopted"]
    assert met["claim-item"]


def test_the_log_goes_on_from_what_a_backup_had(founded: Founded, stage: Stage) -> None:
    watch = run(founded, stage, 1, LONGER, _LOGGED).watch
    assert watch.kept
    assert len(watch.logged) > len(watch.kept)


# A node that lied had the bridge leave two nonces out; then a restore took what it had sent above them.
def test_a_transaction_of_lost_hours_above_a_gap_is_met_when_the_gap_is_filled(
    founded: Founded, stage: Stage
) -> None:
    met = run(founded, stage, 1256, 60).world.met
    assert met["restored"]


@pytest.mark.deep
@pytest.mark.parametrize("hundred", range(4))
def test_four_hundred_longer_runs(founded: Founded, stage: Stage, hundred: int) -> None:
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        run(founded, stage, seed, 60)
