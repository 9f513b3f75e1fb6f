"""The size ratchet: functions, files, parameters and nesting stay small; an old excess may shrink and never
grow.

``size_baseline.json`` lists what stood above a limit when the limit came; a change that makes one of these
smaller must lower its figure too (``ALLIANCE_WRITE_BASELINE=1`` rewrites the file, and can only lower
figures).
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.syntax import ROOT
from tests.architecture.test_layout import tracked

LIMITS = {"function lines": 40, "file lines": 300, "parameters": 5, "nesting": 3}
BASELINE = Path(__file__).with_name("size_baseline.json")
_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)


def test_nothing_is_larger_than_the_limit_or_than_it_was() -> None:
    sizes = {f"{what}: {where}": size for what, where, size in measured() if size > LIMITS[what]}
    baseline: dict[str, int] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if os.environ.get("ALLIANCE_WRITE_BASELINE") == "1":
        lowered = {key: min(size, baseline.get(key, size)) for key, size in sorted(sizes.items())}
        BASELINE.write_text(json.dumps(lowered, indent=1) + "\n")
        baseline = lowered
    grown = {key: size for key, size in sizes.items() if size > baseline.get(key, 0)}
    assert not grown, f"larger than STYLE.md allows (limits {LIMITS}), split them: {grown}"
    stale = {key: old for key, old in baseline.items() if sizes.get(key, 0) < old}
    assert not stale, f"these shrank, lower them in size_baseline.json so that they cannot grow back: {stale}"


def test_the_ratchet_sees_an_oversized_function() -> None:
    body = "\n".join(f"    x{i} = {i}" for i in range(45))
    rows = list(_functions("made_up.py", ast.parse(f"def long(a, b, c, d, e, f):\n{body}\n")))
    assert ("function lines", "made_up.py long", 46) in rows
    assert ("parameters", "made_up.py long", 6) in rows


def measured() -> Iterator[tuple[str, str, int]]:
    """(limit's name, place, size) of every file and function that is ours and in Python."""
    for name in tracked():
        path = ROOT / name
        if not _is_python(path) or name.startswith("migrations/versions/"):
            continue
        text = path.read_text(encoding="utf-8")
        yield "file lines", name, text.count("\n")
        yield from _functions(name, ast.parse(text))


def _is_python(path: Path) -> bool:
    if path.suffix:
        return path.suffix == ".py"
    return path.parent.name == "scripts" and path.read_text(encoding="utf-8").startswith(
        "#!/usr/bin/env python3"
    )


def _functions(name: str, tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        where = f"{name} {node.name}"
        yield "function lines", where, (node.end_lineno or node.lineno) - node.lineno + 1
        arguments = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
        yield "parameters", where, len([a for a in arguments if a not in ("self", "cls")])
        yield "nesting", where, _depth(node.body)


def _depth(body: list[ast.stmt]) -> int:
    deepest = 0
    for statement in body:
        if not isinstance(statement, _BLOCKS):
            continue
        inner = [list(getattr(statement, part, [])) for part in ("body", "finalbody")]
        inner += [handler.body for handler in getattr(statement, "handlers", [])]
        inner += [case.body for case in getattr(statement, "cases", [])]
        deepest = max([deepest, *(1 + _depth(block) for block in inner)])
        deepest = max(deepest, _else_depth(statement))
    return deepest


def _else_depth(statement: ast.stmt) -> int:
    """An ``elif`` stands beside its ``if``, not inside it."""
    orelse = getattr(statement, "orelse", [])
    if isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If):
        return _depth(orelse)
    return 1 + _depth(orelse) if orelse else 0
