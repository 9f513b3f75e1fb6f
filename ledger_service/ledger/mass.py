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
from ledger_service.ledger.book import ENTRIES
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import account, entry, lot, posting
from ledger_service.ledger.rules import Account, Part, PostingRow

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
_COLUMN = {Part.AVAILABLE: "available", Part.HELD: "held", Part.PENDING: "pending"}


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
    sql, key = sql_of(lot, conn), ("member_id", "programme_id", "epoch")
    found = {tuple(row[n] for n in key): row for row in sql.select(conn, key, sorted(shifts))}
    fresh: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for place in sorted(shifts):
        known = found.get(place)
        row = dict(known) if known is not None else dict(zip(key, place, strict=True), **_EMPTY)
        for part, points in shifts[place].items():
            column = _COLUMN[part]
            if row[column] + points < 0:
                raise InsufficientPoints(place[1], place[2], column, row[column], -points)
            row[column] += points
        (fresh if known is None else changed).append(row)
    if fresh:
        sql.insert(conn, fresh)
    if changed:
        sql.update(conn, ("available", "held", "pending"), changed)


_EMPTY = {"available": 0, "held": 0, "pending": 0}


def write_entries(conn: Connection, entries: Sequence[MassEntry], recorded_at: datetime) -> None:
    """The entries stand in the ledger, numbered without a gap.

    Locks: the head row; nothing but further numbered rows may be written afterwards.
    """
    if not entries:
        return
    first = take_numbers(conn, len(entries), 0).sequence + 1
    rows: list[dict[str, Any]] = []
    posted: list[dict[str, Any]] = []
    for number, one in enumerate(entries, first):
        made = [row for _, row in ENTRIES.rows(number, one, recorded_at)]
        rows.append(made[0])
        posted += made[1:]
    sql_of(entry, conn).insert(conn, rows)
    sql_of(posting, conn).insert(conn, posted)
