"""What the database knows of archives: which file is being written, its chapters, and their root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.file import ArchiveFile, packed
from ledger_service.archive.room import Room
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.merkle import root_of
from ledger_service.ledger.models import archive, archive_chapter


@dataclass(frozen=True, slots=True)
class Run:
    """An archive that is being written: its number, its file, and what it takes: everything before."""

    number: int
    file: str
    before: datetime


@dataclass(frozen=True, slots=True)
class Chapter:
    """Records to be moved; of entries also their span, else zeros. The instants are the latest among them."""

    kind: str
    records: Sequence[bytes]
    occurred_until: datetime
    recorded_until: datetime
    first_sequence: int = 0
    last_sequence: int = 0


def reference(file: str, chapter: int) -> str:
    """Where something stands that is archived, as answers and people name it."""
    return f"{file}#{chapter}"


def run_under_way(conn: Connection) -> Run | None:
    """The archive that is not sealed yet, if any."""
    row = conn.execute(select(archive).where(archive.c.sealed_at.is_(None))).one_or_none()
    return None if row is None else Run(row.number, row.file, row.before)


def next_run(conn: Connection, before: datetime) -> Run:
    """The archive that would be begun now."""
    number = int(conn.execute(select(func.coalesce(func.max(archive.c.number), 0))).scalar_one()) + 1
    return Run(number, f"archive-{number:06}.jsonl.gz", before)


def hold(conn: Connection, room: Room, run: Run) -> None:
    """The archive's row exists and is locked until the end of the db transaction; take it before all else.

    Raises:
        ArchiveRefused: it was sealed meanwhile.
    """
    row = {"number": run.number, "file": run.file, "before": run.before, "byte_count": 0, "root": None,
           "begun_at": room.clock.now(), "sealed_at": None}  # fmt: skip
    sql_of(archive, conn).insert(conn, [row], or_ignore=True)
    free = (archive.c.number == run.number) & archive.c.sealed_at.is_(None)
    if conn.execute(update(archive).where(free).values(number=run.number)).rowcount != 1:
        raise ArchiveRefused(f"another run has sealed {run.file} meanwhile: run it again")


def write_chapter(conn: Connection, room: Room, run: Run, chapter: Chapter) -> int:
    """The records are in the file, on disk, and the chapter counts once the caller has committed.

    Args:
        conn: a db transaction that holds the archive's row.
        room: where files go.
        run: the archive.
        chapter: what to write.

    Returns:
        The chapter's number, in one series over all archives.

    Raises:
        ArchiveRefused: the file is not the one that the database counts on.
    """
    mine = archive.c.number == run.number
    at_byte = int(conn.execute(select(archive.c.byte_count).where(mine)).scalar_one())
    last = conn.execute(select(func.coalesce(func.max(archive_chapter.c.number), 0))).scalar_one()
    data = packed(chapter.records)
    ArchiveFile(room.folder, run.file).append(at_byte, data)
    row = {"number": int(last) + 1, "archive": run.number, "kind": chapter.kind,
           "records": len(chapter.records), "first_sequence": chapter.first_sequence,
           "last_sequence": chapter.last_sequence, "occurred_until": chapter.occurred_until,
           "recorded_until": chapter.recorded_until, "at_byte": at_byte, "byte_count": len(data),
           "sha256": sha256(data).digest()}  # fmt: skip
    conn.execute(insert(archive_chapter).values(row))
    conn.execute(update(archive).where(mine).values(byte_count=at_byte + len(data)))
    return int(last) + 1


def chapters_of(conn: Connection, number: int) -> list[Row[Any]]:
    """The chapters of an archive in their order."""
    mine = archive_chapter.c.archive == number
    return list(conn.execute(select(archive_chapter).where(mine).order_by(archive_chapter.c.number)))


def root_over(chapters: Sequence[Any]) -> bytes:
    """The Merkle root over the SHA-256 of each chapter's bytes."""
    return root_of([chapter.sha256 for chapter in chapters])


def seal(conn: Connection, room: Room, run: Run) -> bytes | None:
    """The archive has its root, and no run writes to it any more; None where it has no chapter, and goes.

    Locks: the archive's row, which must be held.
    """
    mine = archive.c.number == run.number
    length = int(conn.execute(select(archive.c.byte_count).where(mine)).scalar_one())
    chapters = chapters_of(conn, run.number)
    if not chapters:
        conn.execute(delete(archive).where(mine))
        return None
    root = root_over(chapters)
    ArchiveFile(room.folder, run.file).seal(length)
    conn.execute(update(archive).where(mine).values(root=root, sealed_at=room.clock.now()))
    return root
