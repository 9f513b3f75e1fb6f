"""Real sales of all real processes, backed up in the middle and then killed: made once for all tests."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger_service.demo.processes import accepts, free_port
from ledger_service.demo.stack import run_command
from tests.demo.test_main_run import command

_SALES, _MORE_SALES = 120, 40


@dataclass(frozen=True)
class Interrupted:
    """What a run left behind that was killed: its state, a backup from before, what it said, ports."""

    state: Path
    backup: Path
    said: str
    ports: tuple[int, int]


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """Sales, a backup meanwhile, more sales, everything killed."""
    folder = tmp_path_factory.mktemp("interrupted")
    state, backup, ports = folder / "state", folder / "backup", (free_port(), free_port())
    with (folder / "run.txt").open("wb") as out:
        run = subprocess.Popen(command(state, *ports), stdout=out, stderr=out)
        try:
            _until(state, run, _entries, _SALES)
            said = run_command({"ALLIANCE_STATE_DIR": str(state)}, "backup", str(backup))
            _until(state, run, _entries, _entries(backup) + _MORE_SALES)
            # The chain has some of them: it knows what the backup does not.
            _until(state, run, _mined, _operations(backup) + _MORE_SALES)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
    _until_all_ended(ports)
    return Interrupted(state, backup, said, ports)


def _number(state: Path, query: str) -> int:
    if not (state / "alliance.db").exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{state / 'alliance.db'}?mode=ro", uri=True)) as conn:
            return int(conn.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _entries(state: Path) -> int:
    return _number(state, "SELECT COALESCE(MAX(sequence), 0) FROM entry")


def _operations(state: Path) -> int:
    return _number(state, "SELECT COUNT(*) FROM intent")


def _mined(state: Path) -> int:
    return _number(state, "SELECT COUNT(*) FROM chain_operation")


def _until(state: Path, run: subprocess.Popen[bytes], count: Callable[[Path], int], wanted: int) -> None:
    deadline = time.monotonic() + 240
    while count(state) < wanted:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _until_all_ended(ports: tuple[int, int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(accepts, ports)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
