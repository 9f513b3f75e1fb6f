"""What import-linter cannot say: purity of rules, who reads the environment, what no code of ours does."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.syntax import ROOT, imported_by, modules

IMPURE = {
    "sqlalchemy", "flask", "web3", "eth_account", "eth_tester", "random", "secrets", "time", "os",
    "threading", "uuid", "requests", "socket", "subprocess",
}  # fmt: skip
# The last line of defence of each process that must not die of one bad request or one bad turn.
TOP_LOOPS = {
    "ledger_service/api/pipeline.py",
    "ledger_service/chain/bridge.py",
    "ledger_service/chain/node/rpc.py",
}


@pytest.mark.parametrize("pattern", ["kernel/*.py", "*/rules.py"])
def test_kernel_and_rules_import_nothing_that_has_effects(pattern: str) -> None:
    impure = {
        name: bad
        for name, tree in modules(pattern)
        if (bad := {n.split(".")[0] for n in imported_by(tree)} & IMPURE)
    }
    assert not impure, f"{impure}: time, randomness and the outside come in as arguments (ARCHITECTURE 2.2)"


def test_rules_never_ask_for_the_present_time() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if name.endswith(("rules.py",)) or "/kernel/" in name
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    ]
    assert not found, f"{found}: an instant is an argument"


def test_only_the_configuration_reads_the_environment() -> None:
    found = []
    for name, tree in modules():
        # `os.environ["X"] = …` hands a value to a library and reads nothing.
        written = {
            id(n.value)
            for n in ast.walk(tree)
            if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)
        }
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and id(node) not in written
            if isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and name != "ledger_service/config.py"
        ]
    assert not found, f"{found}: settings are read in config.py alone and passed on"


def test_nothing_outside_the_two_top_loops_catches_everything() -> None:
    found = []
    for name, tree in modules():
        if name in TOP_LOOPS:
            continue
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
            and not _raises_again(node)
        ]
    assert not found, f"{found}: name what you expect; the rest is a bug and must surface"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """A clean-up that ends in a bare ``raise`` hides nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_assert_outside_the_tests() -> None:
    found = [
        f"{name}:{n.lineno}" for name, tree in modules() for n in ast.walk(tree) if isinstance(n, ast.Assert)
    ]
    assert not found, f"{found}: python -O removes them"


def test_no_float_stands_near_points_or_money() -> None:
    rooms = ("kernel", "points", "tiers", "ledger", "checkout", "outbox", "members", "merchants")
    found = [
        f"{name}:{n.lineno}"
        for name, tree in modules()
        if name.split("/")[1] in rooms
        for n in ast.walk(tree)
        if (isinstance(n, ast.Constant) and isinstance(n.value, float))
        or (isinstance(n, ast.Call) and getattr(n.func, "id", "") == "float")
        or (isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div) and not _is_path(n))
    ]
    assert not found, f"{found}: points and money are integers, and / makes floats"


def _is_path(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
    )


def test_the_import_arrows_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    out = subprocess.run(
        [str(tool), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stdout[-3000:] + out.stderr[-1000:]
