"""Answers of tills: the bytes move, key and hash of the body stay and refuse a second effect (D6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_

from ledger_service.archive.books import Chapter, Run, hold, reference, write_chapter
from ledger_service.archive.room import Room
from ledger_service.archive.rules import answer_record
from ledger_service.checkout.answers import ARCHIVED
from ledger_service.checkout.models import idempotency
from ledger_service.db.bulk import sql_of

Key = tuple[str, str]
# Subjects of terminals, whose answers are nearly all: what operators were told is looked for by the audit.
_OF_TILLS = "terminal:"
FIRST: Key = (_OF_TILLS, "")


def candidates(room: Room, run: Run, after: Key) -> list[Key]:
    """The next keys whose answers may go, in their order; found without holding up anybody."""
    i = idempotency.c
    old = (i.created_at < run.before) & i.status.not_in((0, ARCHIVED))
    # Not up to a greatest subject: where that would stand is for the language of the server to say.
    behind = (tuple_(i.subject, i.key) > tuple_(*after)) & i.subject.startswith(_OF_TILLS, autoescape=True)
    query = select(i.subject, i.key).where(behind & old).order_by(i.subject, i.key).limit(room.records)
    with room.database.read() as conn:
        return [(row.subject, row.key) for row in conn.execute(query)]


def move(room: Room, run: Run, keys: Sequence[Key]) -> int:
    """The answers of these keys are in the file, and a reference stands in their place; all of it or nothing.

    Raises:
        ArchiveRefused: the file is not the archive's.

    Idempotency: what is archived already is left alone.

    Locks: the archive's row, then the keys' rows.
    """
    with room.database.begin() as conn:
        hold(conn, room, run)
        rows = _rows(conn, keys)
        if not rows:
            return 0
        newest = max(row["created_at"] for row in rows)
        records = [answer_record(row) for row in rows]
        number = write_chapter(conn, room, run, Chapter("answers", records, newest, newest))
        _replace(conn, rows, reference(run.file, number))
    return len(rows)


def _replace(conn: Connection, rows: Sequence[dict[str, Any]], stands: str) -> None:
    """The keys stand behind the youngest: SQLite gives a page free only once nothing is left in it."""
    i = idempotency.c
    conn.execute(delete(idempotency).where(tuple_(i.subject, i.key).in_([_key(row) for row in rows])))
    gone = {"status": ARCHIVED, "response": stands.encode()}
    sql_of(idempotency, conn).insert(conn, [{**row, **gone} for row in rows])


def _key(row: dict[str, Any]) -> Key:
    return row["subject"], row["key"]


def _rows(conn: Connection, keys: Sequence[Key]) -> list[dict[str, Any]]:
    i = idempotency.c
    mine = tuple_(i.subject, i.key).in_(keys) & (i.status != ARCHIVED)
    listed = select(idempotency).where(mine).order_by(i.subject, i.key)
    return [dict(row) for row in conn.execute(listed).mappings()]
