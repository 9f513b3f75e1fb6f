"""Repeats a run outside of pytest: ``python -m tests.simulation.replaying SEED STEPS`` prints every event."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.simulation.founding import found
from tests.simulation.machine.stage import Stage
from tests.simulation.running import Run
from tests.simulation.world import World


def replay(seed: int, steps: int, *, loud: bool = False) -> str:
    """The trace of a run.

    Raises:
        Broken, Forgotten: what the run shows.
    """
    with tempfile.TemporaryDirectory(prefix="alliance-simulation-") as name:
        places = [Path(name) / part for part in ("founded", "stage")]
        for place in places:
            place.mkdir()
        stage = Stage(places[1], places[0])
        run = Run(World(found(places[0]), stage, seed))
        if loud:
            run.world.listener = lambda line: print(line, end="")
        try:
            return run.go(steps).trace
        finally:
            stage.close()


if __name__ == "__main__":
    print(replay(int(sys.argv[1]), int(sys.argv[2]), loud=True))
