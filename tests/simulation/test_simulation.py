"""Whole runs of the real services and the real bridge in a world where everything fails; a seed is a run.

A failure names its seed: ``play(seed, steps)`` repeats it exactly. Seeds that found something stay below
by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.conftest import Play
from tests.simulation.network.faults import HAZARDS
from tests.simulation.running import Ended

SHORT, LONG = 20, 80
SEEDS, MANY = range(200), range(10_000, 12_000)


@pytest.fixture(scope="module")
def short(play: Play) -> Callable[[int], Ended]:
    """A short run of each seed, played once for whoever asks."""
    return cache(lambda seed: play(seed, SHORT))


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_fails_nothing_is_lost_and_nothing_doubled(short: Callable[[int], Ended], seed: int) -> None:
    short(seed)


@pytest.mark.deep
@pytest.mark.parametrize("seed", MANY)
def test_two_thousand_longer_runs(play: Play, seed: int) -> None:
    play(seed, LONG)


def test_a_seed_is_one_run_in_every_process(play: Play, short: Callable[[int], Ended]) -> None:
    first, again = short(7), play(7, SHORT)
    assert first == again
    assert short(8).trace != first.trace
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    root = Path(__file__).resolve().parents[2]
    elsewhere = subprocess.run(
        [sys.executable, "-m", "tests.simulation.replaying", "7", str(SHORT)],
        cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert elsewhere.stdout.split()[-1] == first.trace


def test_every_hazard_strikes_somewhere(short: Callable[[int], Ended]) -> None:
    """What never happens in any run is not tested by it."""
    met: Counter[str] = Counter()
    for seed in range(40):
        met.update(short(seed).met)
    people = {"sale", "capture", "void", "refund", "gift", "decide", "revoke", "extend", "upload", "suspend",
              "reinstate", "claim", "give"}  # fmt: skip
    machines = {"front-died", "bridge-died", "front-paused", "bridge-paused", "bridge-took-over",
                "reorganised", "commit-failed", "answer-failed", "long-pause", "backup", "restored",
                "adopted"}  # fmt: skip
    wanted = {*HAZARDS, *people, *machines}
    assert wanted - {what for what, count in met.items() if count} == set()
