"""A simulation that finds nothing proves nothing: with one guard broken, it must find that."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from sqlalchemy.exc import IntegrityError

from tests.simulation.founding import Founded
from tests.simulation.machine.bridging import Sleepwalker
from tests.simulation.machine.stage import Stage
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.people.memory import Forgotten
from tests.simulation.running import Broken, Run
from tests.simulation.world import World

STEPS, MOST_RUNS = 40, 60


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_guard_is_noticed(founded: Founded, stage: Stage, mutant: Mutant) -> None:
    seen = []
    with patch(mutant.target, mutant.stand_in):
        for seed in range(mutant.seed, mutant.seed + MOST_RUNS):
            try:
                Run(World(founded, stage, seed, mutant.climate)).go(STEPS)
            except (Broken, Forgotten, Sleepwalker, IntegrityError) as noticed:  # the last: by the database
                seen.append(str(noticed))
                break
    assert seen, f"no run noticed that {mutant.name}"
