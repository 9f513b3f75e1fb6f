"""Backup and restore of an installation: database and local chain as a pair that heals, with checksums.

The chain is copied before the database. So whatever the copied chain holds, the copied database has
signed and journaled; what the chain lacks, the bridge sends again (R13). Keys are not part of a backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, func, make_url, select, text

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.chain.status import chain_status
from ledger_service.config import Settings
from ledger_service.db import copies
from ledger_service.db.copies import CopyRefused
from ledger_service.db.revisions import revision_of
from ledger_service.kernel.clock import format_instant
from ledger_service.ledger.models import entry
from ledger_service.outbox.models import intent

MANIFEST = "manifest.json"
_FORMAT = 1
_CHAIN = "chain.db"
_DATABASES = {"sqlite": "alliance.db", "postgresql": "alliance.dump"}


@dataclass(frozen=True, slots=True)
class Point:
    """The point of recovery: the last entry and operation of the copied database, and where its mirror
    stands; ``chain_block`` is the copied chain's last block, None without one."""

    alliance: str
    schema: str
    last_entry: int
    last_entry_at: str | None
    last_operation: int
    mirror_block: int | None
    last_batch_sent: int | None
    chain_block: int | None = None

    def text(self) -> str:
        """The point of recovery for people."""
        at = f", recorded {self.last_entry_at}" if self.last_entry_at else ""
        chain = "not part of it" if self.chain_block is None else f"at block {self.chain_block}"
        return (
            f"{self.alliance}: up to entry {self.last_entry}{at}, operation {self.last_operation};"
            f" mirror at block {self.mirror_block}, chain {chain}"
        )


def backup(settings: Settings, folder: Path) -> Point:
    """``folder`` holds a backup of the running installation; it appears whole or not at all.

    Raises:
        CopyRefused: the folder exists, or a copy could not be made.
        NotFounded: the database holds no alliance yet.
    """
    url = make_url(settings.database_url)
    kind = url.get_backend_name()
    if folder.exists():
        raise CopyRefused(f"{folder} exists; a backup goes into a new folder")
    with _whole(folder) as coming:
        block = _copy_chain(settings.chain_store, coming / _CHAIN)
        seen: list[Point] = []
        _copy_database(url, coming / _DATABASES[kind], seen)
        point = Point(**asdict(seen[0]) | {"chain_block": block})
        files = [_DATABASES[kind], *([_CHAIN] if block is not None else [])]
        manifest = {
            "format": _FORMAT, "made_at": format_instant(datetime.now(UTC)), "database": kind,
            "point": asdict(point), "files": {name: _described(coming / name) for name in files},
        }  # fmt: skip
        (coming / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        copies.sync(coming / MANIFEST)
        copies.sync(coming)
    return point


def restore(settings: Settings, folder: Path, *, keep_chain: bool = False) -> Point:
    """Database and local chain are those of the backup; nothing that stands there is overwritten.

    Args:
        settings: where they go; no process of the installation may run.
        folder: a whole backup.
        keep_chain: the chain went on and stays as it is, so only the database is put back.

    Raises:
        CopyRefused: the backup is damaged or of another kind, or something stands where it would go.
    """
    manifest = read_manifest(folder)
    url = make_url(settings.database_url)
    kind = url.get_backend_name()
    if manifest["database"] != kind:
        raise CopyRefused(f"the backup is of {manifest['database']}, ALLIANCE_DATABASE_URL is {kind}")
    with_chain = _CHAIN in manifest["files"] and not keep_chain
    source = folder / _DATABASES[kind]
    if kind == "sqlite":
        copies.refuse_present(Path(str(url.database)))
    else:
        copies.refuse_tables(url)
    if with_chain:
        copies.put_sqlite(folder / _CHAIN, settings.chain_store)
    if kind == "sqlite":
        copies.put_sqlite(source, Path(str(url.database)))
    else:
        copies.restore_postgres(source, url)
    return Point(**manifest["point"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose every file has the size and checksum that it states.

    Raises:
        CopyRefused: it is no backup, or a damaged one.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        stated = dict(manifest["files"])
        known = manifest["format"] == _FORMAT and manifest["database"] in _DATABASES
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise CopyRefused(f"{folder} holds no whole backup: {failure}") from None
    if not known:
        raise CopyRefused(f"{folder} holds a backup of another format")
    for name, described in stated.items():
        path = folder / name
        if not path.is_file() or _described(path) != described:
            raise CopyRefused(f"{path} is not the file that the manifest describes: the backup is damaged")
    return manifest


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield coming
        os.rename(coming, folder)
        copies.sync(folder.parent)
    finally:
        shutil.rmtree(coming, ignore_errors=True)


def _copy_chain(store: Path, target: Path) -> int | None:
    if not store.exists():
        return None
    copies.copy_sqlite(store, target)
    with copies.looking_into(target) as conn:
        return int(conn.execute(text("SELECT max(number) FROM block")).scalar_one())


def _copy_database(url: URL, target: Path, seen: list[Point]) -> None:
    def look(conn: Connection) -> None:
        seen.append(_point(conn))

    if url.get_backend_name() == "postgresql":
        copies.dump_postgres(url, target, look)
        return
    copies.copy_sqlite(Path(str(url.database)), target)
    with copies.looking_into(target) as conn:
        look(conn)


def _point(conn: Connection) -> Point:
    last = conn.execute(
        select(entry.c.sequence, entry.c.recorded_at).order_by(entry.c.sequence.desc()).limit(1)
    )
    row = last.one_or_none()
    status = chain_status(conn)
    return Point(
        alliance=the_alliance(conn).name,
        schema=revision_of(conn) or "",
        last_entry=0 if row is None else row.sequence,
        last_entry_at=None if row is None else format_instant(row.recorded_at),
        last_operation=conn.execute(select(func.max(intent.c.intent_id))).scalar() or 0,
        mirror_block=status.block_number,
        last_batch_sent=status.last_batch_sent,
    )


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
