"""The main run with all its real processes: killed at an arbitrary line, started again, and proven clean."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ledger_service.demo import dataset
from ledger_service.demo.processes import free_port
from ledger_service.demo.replay import end_of_day
from tests.demo.conftest import Interrupted
from tests.demo.running import command


def test_a_run_that_was_killed_continues_and_proves_database_equal_to_chain(
    interrupted: Interrupted, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(interrupted.killed, tmp_path / "state")
    run = command(tmp_path / "state", data, free_port(), free_port())
    second = subprocess.run(run, capture_output=True, text=True, timeout=400, check=False)
    assert second.returncode == 0, second.stdout[-3000:] + second.stderr[-3000:]
    assert "Audit: database = chain" in second.stdout
    assert "is what they hold: as the service says" in second.stdout
    figures = {
        line.strip().split("  ")[0]: line.split()[-1] for line in second.stdout.splitlines() if line.strip()
    }
    day = list(dataset.stream(data, 0, end_of_day(1)))
    assert figures["baskets"] == str(len(day))
    assert figures["checkouts"] == str(sum(len(basket.checkouts) for basket in day))
    assert figures["members"] == str(len({basket.household for basket in day}))
    assert figures["honest acts that the rules refused"] == "0"
    refused = {line.strip() for line in second.stdout.splitlines() if "refused" in line}
    refused = {line for line in refused if not line.startswith("honest acts")}
    assert {line.split(":")[0] for line in refused} <= {"thief refused"}, refused
    assert "the finder of a lost phone: pay-code-altered" in second.stdout
    assert "done: case is approved" in second.stdout
