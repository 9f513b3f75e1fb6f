"""Retries of refused operations under everything that a simulated world does to services and bridges."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.simulation.climate import Climate
from tests.simulation.founding import Founded
from tests.simulation.machine.stage import Stage
from tests.simulation.refusing import RefusingRun
from tests.simulation.world import World

# Seeds of which each meets refusals and retries; further ones under --deep.
FEW = range(12)


def run(founded: Founded, stage: Stage, seed: int, steps: int) -> dict[str, int]:
    climate = replace(Climate.drawn(Random(seed), seed), backup_at=-1, accident_at=-1)
    return RefusingRun(World(founded, stage, seed, climate)).go(steps).met


def test_what_is_refused_and_tried_again_in_any_weather_counts_once(founded: Founded, stage: Stage) -> None:
    met = [run(founded, stage, seed, 30) for seed in FEW]
    assert sum(one.get("refused", 0) for one in met) > len(FEW)
    assert sum(one.get("decide-retry", 0) for one in met) > len(FEW)


def test_a_node_behind_that_does_not_know_a_phone_yet_condemns_no_gift_of_it(
    founded: Founded, stage: Stage
) -> None:
    assert run(founded, stage, 1023, 60)["refused"]


@pytest.mark.deep
@pytest.mark.parametrize("hundred", range(4))
def test_four_hundred_longer_runs(founded: Founded, stage: Stage, hundred: int) -> None:
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        run(founded, stage, seed, 60)
