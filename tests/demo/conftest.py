"""Real sales of all real processes, backed up in the middle and then killed: made once for all tests."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger_service.demo import dataset
from ledger_service.demo.coupon_data import ensure_coupons
from ledger_service.demo.goods_data import ensure_goods
from ledger_service.demo.processes import accepts, free_port
from ledger_service.demo.stack import run_command
from tests.demo.running import MAKERS, command

_SALES, _MORE_SALES = 120, 40


@dataclass(frozen=True)
class Interrupted:
    """What a run left behind that was killed: its state and a copy of that, a backup from before, what the
    backup said, ports."""

    state: Path
    killed: Path
    backup: Path
    said: str
    ports: tuple[int, int]


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers share; held by one of them while it makes something there."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "demo"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def data(of_all_workers: Path) -> Path:
    """The converted data set with the coupons and goods that runs of the tests take from it."""
    path = of_all_workers / "baskets.db"
    with _alone(of_all_workers):
        dataset.ensure_cache(path)
        ensure_coupons(path.with_name("coupons.db"), path)
        ensure_goods(path, MAKERS)
    return path


@pytest.fixture(scope="session")
def interrupted(of_all_workers: Path, data: Path) -> Interrupted:
    """Sales, a backup meanwhile, more sales, everything killed; made by the worker that asks first."""
    folder = of_all_workers / "interrupted"
    with _alone(of_all_workers):
        if not folder.exists():
            folder.mkdir()
            said, ports = _interrupt(folder, data)
            shutil.copytree(folder / "state", folder / "killed", ignore=shutil.ignore_patterns("*.sock"))
            (folder / "told.json").write_text(json.dumps([said, ports]))
    said, (port, chain_port) = json.loads((folder / "told.json").read_text())
    return Interrupted(folder / "state", folder / "killed", folder / "backup", said, (port, chain_port))


def _interrupt(folder: Path, data: Path) -> tuple[str, tuple[int, int]]:
    state, backup, ports = folder / "state", folder / "backup", (free_port(), free_port())
    with (folder / "run.txt").open("wb") as out:
        run = subprocess.Popen(command(state, data, *ports), stdout=out, stderr=out)
        try:
            _until(state, run, _entries, _SALES)
            said = run_command({"ALLIANCE_STATE_DIR": str(state)}, "backup", str(backup))
            _until(state, run, _entries, _entries(backup) + _MORE_SALES)
            # The chain has some of them: it knows what the backup does not.
            _until(state, run, _mined, _operations(backup) + _MORE_SALES)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
    _until_all_ended(state, ports)
    return said, ports


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


def _until_all_ended(state: Path, ports: tuple[int, int]) -> None:
    """Children see that their parent died and end; one that has closed its port may still write its files."""
    deadline = time.monotonic() + 30
    while any(map(accepts, ports)) or _is_open(state):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _is_open(state: Path) -> bool:
    """Whether some process has a file of this folder open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # it was closed, or its process ended, meanwhile
            if link.readlink().is_relative_to(state):
                return True
    return False
