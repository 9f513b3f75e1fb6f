"""The manifest of an import: which files there are, and the control totals that they must come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.moving_in.models import KINDS

MANIFEST = "manifest.json"
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_MOST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file and its control totals: rows, and for lots points by programme code."""

    kind: str
    file: str
    rows: int
    points: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An import: its name (once for ever), the old system's name, and its files in the order of loading."""

    name: str
    source: str
    files: tuple[FileEntry, ...]

    @property
    def import_id(self) -> bytes:
        """The 16 bytes that all ids of the import follow from (ADR 6)."""
        return derive_id("moving-in", self.name)

    def text(self) -> str:
        """The manifest as JSON, as ``parse_manifest`` reads it."""
        files = {
            f.kind: {"file": f.file, "rows": f.rows, **({"points": dict(f.points)} if f.points else {})}
            for f in self.files
        }
        document = {"import": self.name, "source": self.source, "files": files}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        MalformedField: there is none, or one that cannot be used; ``field`` says where.
    """
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except OSError:
        raise MalformedField(MANIFEST, "must stand in the folder of the import") from None


def parse_manifest(raw: bytes | str) -> Manifest:
    """The manifest of its JSON text.

    Raises:
        MalformedField: not JSON, an unknown field, a name or total that cannot be.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise MalformedField(MANIFEST, "must be JSON") from None
    _only(document, {"import", "source", "files"}, MANIFEST)
    name = clean_text(document["import"], "import", 64)
    source = document["source"]
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise MalformedField("source", "must be 1 to 32 small letters, digits, dots and dashes")
    files = document["files"]
    if not isinstance(files, dict) or not files or set(files) - set(KINDS):
        raise MalformedField("files", f"must name some of {', '.join(KINDS)}")
    return Manifest(name, source, tuple(_file(kind, files[kind]) for kind in KINDS if kind in files))


def _file(kind: str, entry: Any) -> FileEntry:
    where = f"files.{kind}"
    _only(entry, {"file", "rows", "points"} if kind == "lots" else {"file", "rows"}, where)
    name = clean_text(entry["file"], f"{where}.file", 200)
    if "/" in name or name.startswith(".") or not name.endswith((".csv", ".parquet")):
        raise MalformedField(f"{where}.file", "must be a .csv or .parquet file of the folder itself")
    points = entry.get("points", {})
    if not isinstance(points, dict):
        raise MalformedField(f"{where}.points", "must be an object of programme codes")
    sums = {code: clean_integer(n, f"{where}.points.{code}", 0, _MOST) for code, n in points.items()}
    return FileEntry(kind, name, clean_integer(entry["rows"], f"{where}.rows", 0, _MOST), sums)


def _only(found: Any, wanted: set[str], where: str) -> None:
    if not isinstance(found, dict) or set(found) != wanted:
        raise MalformedField(where, f"must be an object with {', '.join(sorted(wanted))} and nothing else")
