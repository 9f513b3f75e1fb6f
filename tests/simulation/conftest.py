"""One founded alliance and one stage for all runs of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulation.founding import Founded, found
from tests.simulation.machine.stage import Stage
from tests.simulation.running import Ended, Run
from tests.simulation.world import World

Play = Callable[[int, int], Ended]


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """The alliance from which every run starts."""
    return found(tmp_path_factory.mktemp("founded"))


@pytest.fixture(scope="session")
def stage(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Files and connections, used by one run after the other."""
    made = Stage(tmp_path_factory.mktemp("stage"), founded.folder)
    yield made
    made.close()


@pytest.fixture(scope="session")
def play(founded: Founded, stage: Stage) -> Play:
    """Plays a seed for so many steps; raises what is broken."""
    return lambda seed, steps: Run(World(founded, stage, seed)).go(steps)
