"""Entries of many members at once, set-based: for an import's chunks, where a draft for each would be slow.

The caller holds the locks of the members' rows; what it moves changes lots and postings alike (INV-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.db.heads import take_numbers
from ledger_service.db.send import send
from ledger_service.kernel.clock import micros_of
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import account, entry, lot, posting
from ledger_service.ledger.rules import Account, EntryRow, Part, PostingRow, entry_hash

LotKey = tuple[int, int, int]
# The kinds of an import's entries: promised, taken back, issued. What they leave pending is no pending issue.
MOVED_IN, MOVED_OUT, CUT_OVER = "moved-in", "moved-out", "cut-over"
# What an import's entries have left pending, as (member_id, programme_id, epoch, points) to be summed.
PROMISED_BY_IMPORTS = "".join(
    f"{union}SELECT a.member_id, p.programme_id, p.epoch, {sign}p.amount AS points FROM entry AS e"
    f" JOIN posting AS p ON p.sequence = e.sequence JOIN account AS a ON a.account_id = p.{side}"
    f" WHERE a.kind = 'pending' AND e.kind IN ('{MOVED_IN}', '{MOVED_OUT}', '{CUT_OVER}')"
    f" UNION ALL SELECT a.member_id, c.programme_id, c.epoch, {sign}c.amount FROM carried AS c"
    f" JOIN account AS a ON a.account_id = c.{side} WHERE a.kind = 'pending' AND c.imported = 1"
    for union, sign, side in (("", "", "destination_id"), (" UNION ALL ", "-", "source_id"))
)
# The columns of a lot as they are read, written and indexed by ``Part``.
_KEY, _PARTS, _NOTHING = ("member_id", "programme_id", "epoch"), ("available", "held", "pending"), (0, 0, 0)
_ENTRY = ("sequence", "op_id", "kind", "occurred_at", "recorded_at", "body", "hash")
_POSTING = ("sequence", "position", *PostingRow._fields)


class MassEntry(NamedTuple):
    """An entry to be: ``body`` is canonical JSON text, the postings are well formed (INV-1)."""

    op_id: bytes
    kind: str
    occurred_at: datetime
    body: str
    postings: tuple[PostingRow, ...]


def open_system_accounts(conn: Connection, accounts: Iterable[Account]) -> None:
    """Accounts that no member owns exist."""
    rows = [
        {"account_id": a.account_id, "kind": a.kind, "member_id": None, "merchant_id": a.merchant_id,
         "programme_id": a.programme_id, "pool_id": None}
        for a in sorted(accounts)
    ]  # fmt: skip
    sql_of(account, conn).insert(conn, rows, or_ignore=True)


def shift_lots(conn: Connection, shifts: Mapping[LotKey, Mapping[Part, int]]) -> None:
    """Every lot has so many points more, or less, in each of these parts.

    Args:
        conn: a db transaction that holds the members' locks.
        shifts: signed points by (member, programme, epoch) and part.

    Raises:
        InsufficientPoints: a part would go below zero (INV-2).
    """
    if not shifts:
        return
    sql, places = sql_of(lot, conn), sorted(shifts)
    read = [row for outcome in send(conn, sql.selects(_KEY, places)) for row in outcome.rows]
    found = {(row[0], row[1], row[2]): row[3:] for row in read}
    fresh: list[tuple[int, ...]] = []
    changed: list[tuple[int, ...]] = []
    for place in places:
        known = found.get(place)
        parts = list(known or _NOTHING)
        for part, points in shifts[place].items():
            parts[part] += points
            if parts[part] < 0:
                raise InsufficientPoints(place[1], place[2], _PARTS[part], parts[part] - points, -points)
        (fresh if known is None else changed).append((*place, *parts))
    if fresh:
        sql.insert_cells(conn, (*_KEY, *_PARTS), fresh)
    if changed:
        sql.update_cells(conn, _PARTS, changed)


def write_entries(conn: Connection, entries: Sequence[MassEntry], recorded_at: datetime) -> None:
    """The entries stand in the ledger, numbered without a gap.

    Locks: the head row; nothing but further numbered rows may be written afterwards.
    """
    if not entries:
        return
    first, recorded = take_numbers(conn, len(entries), 0).sequence + 1, micros_of(recorded_at)
    rows: list[tuple[Any, ...]] = []
    posted: list[tuple[int, ...]] = []
    occurred = {at: micros_of(at) for at in {one.occurred_at for one in entries}}
    for number, (op_id, kind, at, body, postings) in enumerate(entries, first):
        hashed = entry_hash(EntryRow(number, op_id, kind, occurred[at], recorded, body), postings)
        rows.append((number, op_id, kind, at, recorded_at, body, hashed))
        posted += [(number, position, *row) for position, row in enumerate(postings)]
    sql_of(entry, conn).insert_cells(conn, _ENTRY, rows)
    sql_of(posting, conn).insert_cells(conn, _POSTING, posted)
