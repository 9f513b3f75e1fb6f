"""The drill, with all real processes: sales, a backup meanwhile, more sales, everything killed, restored."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.backup import MANIFEST
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet, accepts, free_port
from ledger_service.demo.stack import SetupFailed, Stack, StackOptions, run_command, start
from tests.demo.test_main_run import command

_SALES = 40


def entries(state: Path) -> int:
    path = state / "alliance.db"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
            return int(conn.execute("SELECT COALESCE(MAX(sequence), 0) FROM entry").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def until_entries(state: Path, count: int, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while entries(state) < count:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def move_away(state: Path, where: Path, stem: str) -> None:
    where.mkdir(exist_ok=True)
    for path in state.glob(f"{stem}.db*"):
        path.rename(where / path.name)


def point_of(folder: Path) -> dict[str, Any]:
    point: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["point"]
    return point


def test_the_drill(tmp_path: Path) -> None:
    state, folder, lost = tmp_path / "state", tmp_path / "backup", tmp_path / "lost"
    ports = free_port(), free_port()
    settings = {"ALLIANCE_STATE_DIR": str(state)}
    with (tmp_path / "run.txt").open("wb") as out:
        run = subprocess.Popen(command(state, *ports), stdout=out, stderr=out)
        until_entries(state, _SALES, run)
        said = run_command(settings, "backup", str(folder))
        point = point_of(folder)
        until_entries(state, point["last_entry"] + _SALES, run)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert f"up to entry {point['last_entry']}" in said
    wait_for_the_end_of_all(ports)
    with pytest.raises(SetupFailed, match="nothing is overwritten"):
        run_command(settings, "restore", str(folder))

    move_away(state, lost, "alliance")
    move_away(state, lost, "chain")
    run_command(settings, "restore", str(folder))
    verdict = started_and_audited(state, ports)
    assert verdict["clean"], verdict["findings"]
    assert verdict["operations"] >= point["last_operation"] > 0

    # The other accident: only the database was lost, and the chain knows sales that it does not.
    move_away(state, tmp_path / "first", "alliance")
    move_away(state, tmp_path / "first", "chain")
    for path in lost.glob("chain.db*"):
        path.rename(state / path.name)
    run_command(settings, "restore", str(folder), "--keep-chain")
    verdict = started_and_audited(state, ports)
    checks = {finding["check"] for finding in verdict["findings"]}
    assert checks == {"operation-was-intended", "ledger-is-chain"}
    assert verdict["pending"] == 0


def wait_for_the_end_of_all(ports: tuple[int, int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(accepts, ports)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def started_and_audited(state: Path, ports: tuple[int, int]) -> dict[str, Any]:
    options = StackOptions(state, "", "local", ports[0], 1, "demo", ports[1])
    with Fleet(state / "log") as fleet:
        stack = start(fleet, options)
        asyncio.run(caught_up(stack, fleet))
        verdict: dict[str, Any] = json.loads(run_command(stack.settings, "audit", "--json", good=(0, 1)))
    assert verdict["node_asked"]
    return verdict


async def caught_up(stack: Stack, fleet: Fleet) -> None:
    await Observer(stack.host, stack.port, stack.chain_url).caught_up(120, fleet.watch)
