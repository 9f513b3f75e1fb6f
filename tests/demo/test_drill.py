"""The drill, with all real processes: sales, a backup meanwhile, more sales, everything killed, restored."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_service.bootstrap.backup import MANIFEST
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet
from ledger_service.demo.stack import SetupFailed, Stack, StackOptions, run_command, start
from tests.demo.conftest import Interrupted

# What was claimed or redeemed by contract since the backup: nothing adopts the rows, an audit names them.
CLAIMED = {"items-marksOf", "coupons-consumedWord"}
# The relay takes its batches over soon after the indexer has read to the head.
TAKING_OVER_SECONDS = 30


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
    assert checks - CLAIMED == {"operation-was-intended", "ledger-is-chain"}
    assert verdict["pending"] == 0
    listed_is_what_the_audit_misses(settings, verdict)
    verdict = started_and_audited(state, ports, adopt_everything)
    left = [json.loads(line) for line in run_command(settings, "lost", "--json", good=(1,)).splitlines()]
    assert {row["member"] for row in left} == {None}, "only of those who were enrolled after the backup"
    strangers = {row["account"] for row in left}
    for finding in verdict["findings"]:
        if finding["check"] in CLAIMED:
            continue
        account = finding["subject"].split()[1] if finding["check"] == "ledger-is-chain" else None
        assert account in strangers or finding["subject"] in {row["op_id"] for row in left}, finding


def adopt_everything(settings: dict[str, str], state: Path) -> None:
    """Two operators adopt what the chain has; one of them alone cannot."""
    keys = [state / name for name in ("ann.key", "ben.key")]
    for path in keys:
        path.write_text(run_command(settings, "keys", "issue", "operator", path.stem))
    first, second = (str(path) for path in keys)
    with pytest.raises(SetupFailed, match="second-person-needed"):
        run_command(settings, "adopt", "--key", first, "--second-key", first)
    ask = ("adopt", "--key", first, "--second-key", second)
    *reasons, counted = run_command(settings, *ask, good=(3,)).splitlines()
    assert int(counted.split()[0]) > 0
    assert {line.split("left: ")[1] for line in reasons} == {
        "member-unknown {}", "a device must be enrolled again"
    }  # fmt: skip
    assert "0 operations adopted" in run_command(settings, *ask, good=(3,))


def listed_is_what_the_audit_misses(settings: dict[str, str], verdict: dict[str, Any]) -> None:
    """`alliance lost` tells each operation, and its sums are the differences of the lots, point for point."""
    rows = [json.loads(line) for line in run_command(settings, "lost", "--json", good=(1,)).splitlines()]
    unintended = {f["subject"] for f in verdict["findings"] if f["check"] == "operation-was-intended"}
    assert {row["op_id"] for row in rows} == unintended
    short = Counter[str]()
    for row in rows:
        if row["points"]:
            short[f"{row['account']} {row['epoch']} {row['programme']}"] += row["points"]
    differing = [f for f in verdict["findings"] if f["check"] == "ledger-is-chain"]
    wanted = sorted(int(f["actual"]) - int(f["expected"]) for f in differing)
    assert sorted(points for points in short.values() if points) == wanted
    told = run_command(settings, "lost", good=(1,))
    assert told.strip().endswith("are on the chain alone")
    assert "together: " in told


def started_and_audited(
    state: Path, ports: tuple[int, int], meanwhile: Callable[[dict[str, str], Path], None] | None = None
) -> dict[str, Any]:
    options = StackOptions(state, "", "local", ports[0], 1, "demo", ports[1])
    with Fleet(state / "log") as fleet:
        stack = start(fleet, options)
        asyncio.run(caught_up(stack, fleet))
        if meanwhile is not None:
            meanwhile(stack.settings, state)
            asyncio.run(caught_up(stack, fleet))
        verdict = audited(stack.settings)
    assert verdict["node_asked"]
    return verdict


def audited(settings: dict[str, str]) -> dict[str, Any]:
    end = time.monotonic() + TAKING_OVER_SECONDS
    while True:
        verdict: dict[str, Any] = json.loads(run_command(settings, "audit", "--json", good=(0, 1)))
        late = [f for f in verdict["findings"] if f["check"].endswith("-lastBatch")]
        if not late or time.monotonic() > end:
            return verdict
        time.sleep(0.5)


async def caught_up(stack: Stack, fleet: Fleet) -> None:
    await Observer(stack.host, stack.port, stack.chain_url).caught_up(120, fleet.watch)
