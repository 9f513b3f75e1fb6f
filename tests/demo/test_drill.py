"""The drill, with all real processes: sales, a backup meanwhile, more sales, everything killed, restored."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.backup import MANIFEST
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet
from ledger_service.demo.stack import SetupFailed, Stack, StackOptions, run_command, start
from tests.demo.conftest import Interrupted


def move_away(state: Path, where: Path, stem: str) -> None:
    where.mkdir(exist_ok=True)
    for path in state.glob(f"{stem}.db*"):
        path.rename(where / path.name)


def point_of(folder: Path) -> dict[str, Any]:
    point: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["point"]
    return point


def test_the_drill(interrupted: Interrupted, tmp_path: Path) -> None:
    state, folder, ports = interrupted.state, interrupted.backup, interrupted.ports
    settings, lost, point = {"ALLIANCE_STATE_DIR": str(state)}, tmp_path / "lost", point_of(folder)
    assert f"up to entry {point['last_entry']}" in interrupted.said
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
