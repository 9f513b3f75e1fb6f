"""The package's modules as syntax trees, and what each imports; shared by the tests of this folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ledger_service"


def modules(pattern: str = "**/*.py") -> Iterator[tuple[str, ast.Module]]:
    """(path from the root, syntax tree) of every module of the package that matches."""
    for path in sorted(PACKAGE.glob(pattern)):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported_by(tree: ast.Module) -> set[str]:
    """Every imported module's full name."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
