"""Reads of the ledger: balances now and at any past instant, statements, totals, holds that are due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, text

from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.ledger.carried import EVERY_POSTING, archived, newest_file
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.ledger.rules import Part, SystemKind, of_member


class LotView(NamedTuple):
    """One lot of a member."""

    programme_id: int
    epoch: int
    available: int
    held: int
    pending: int


class PostingView(NamedTuple):
    """What a posting did to one part of a member's points; ``amount`` is positive where it came in."""

    programme_id: int
    epoch: int
    part: Part
    amount: int


class EntryView(NamedTuple):
    """An entry of a statement with what it did to the member."""

    sequence: int
    op_id: bytes
    kind: str
    occurred_at: datetime
    body: dict[str, Any]
    postings: tuple[PostingView, ...]


class Total(NamedTuple):
    """What passed through one kind of account of a programme and epoch, and the member side of it."""

    programme_id: int
    epoch: int
    kind: str
    points: int


_BALANCE = text(
    "SELECT programme_id, epoch, available, held, pending FROM lot WHERE member_id = :member"
    " AND available + held + pending > 0 ORDER BY programme_id, epoch"
)
_AS_OF = text(
    "SELECT m.programme_id, m.epoch, m.part, CAST(SUM(m.amount) AS BIGINT) FROM ("
    " SELECT p.programme_id, p.epoch, p.destination_id - :base AS part, p.amount FROM posting AS p"
    " JOIN entry AS e ON e.sequence = p.sequence"
    f" WHERE p.destination_id BETWEEN :base AND :base + 3 AND {of_member('p.destination_id')}"
    " AND e.occurred_at <= :at"
    " UNION ALL SELECT p.programme_id, p.epoch, p.source_id - :base, -p.amount FROM posting AS p"
    " JOIN entry AS e ON e.sequence = p.sequence"
    f" WHERE p.source_id BETWEEN :base AND :base + 3 AND {of_member('p.source_id')} AND e.occurred_at <= :at"
    " UNION ALL SELECT programme_id, epoch, destination_id - :base, amount FROM carried"
    " WHERE destination_id BETWEEN :base AND :base + 3"
    " UNION ALL SELECT programme_id, epoch, source_id - :base, -amount FROM carried"
    " WHERE source_id BETWEEN :base AND :base + 3"
    ") AS m GROUP BY m.programme_id, m.epoch, m.part HAVING SUM(m.amount) <> 0 ORDER BY 1, 2, 3"
)
# The same for several instants at once: each posting counts from the first of them on that is not before it.
_POINTS_AT = (
    "SELECT m.place, CAST(SUM(m.amount) AS BIGINT) FROM ("
    " SELECT {place} AS place, p.amount FROM posting AS p JOIN entry AS e ON e.sequence = p.sequence"
    " WHERE p.destination_id BETWEEN :base AND :base + 1 AND {destination}"
    " UNION ALL SELECT {place}, -p.amount FROM posting AS p JOIN entry AS e ON e.sequence = p.sequence"
    " WHERE p.source_id BETWEEN :base AND :base + 1 AND {source}"
    " UNION ALL SELECT 0, amount FROM carried WHERE destination_id BETWEEN :base AND :base + 1"
    " UNION ALL SELECT 0, -amount FROM carried WHERE source_id BETWEEN :base AND :base + 1"
    ") AS m GROUP BY m.place"
)
# Eight short walks down an index, one for each account and side: it costs a page, not a history.
_PAGE = text(
    "SELECT sequence FROM ("
    + " UNION ".join(
        f"SELECT sequence FROM (SELECT sequence FROM posting WHERE {side} = :base + {part.value}"
        f" AND {of_member(side)} AND sequence < :before ORDER BY sequence DESC LIMIT :most) AS {side}{part}"
        for side in ("source_id", "destination_id")
        for part in Part
    )
    + ") AS page ORDER BY sequence DESC LIMIT :most"
)
_ENTRIES = text(
    "SELECT e.sequence, e.op_id, e.kind, e.occurred_at, e.body, p.source_id, p.destination_id,"
    " p.programme_id, p.epoch, p.amount FROM entry AS e JOIN posting AS p ON p.sequence = e.sequence"
    " WHERE e.sequence IN :sequences ORDER BY e.sequence DESC, p.position"
).bindparams(bindparam("sequences", expanding=True))
_OF_OPERATION = text("SELECT sequence FROM entry WHERE op_id = :op_id ORDER BY sequence LIMIT 1")
_TOTALS = text(
    "SELECT m.programme_id, m.epoch, a.kind, CAST(SUM(m.amount) AS BIGINT) FROM ("
    f" SELECT destination_id AS account_id, programme_id, epoch, amount FROM {EVERY_POSTING} AS p"
    f" UNION ALL SELECT source_id, programme_id, epoch, -amount FROM {EVERY_POSTING} AS p"
    ") AS m JOIN account AS a ON a.account_id = m.account_id"
    " GROUP BY m.programme_id, m.epoch, a.kind ORDER BY 1, 2, 3"
)
_DUE = text(
    "SELECT hold_id, member_id FROM hold WHERE state = 'open' AND expires_at <= :at"
    " ORDER BY expires_at LIMIT :most"
)


def balance(conn: Connection, member_id: int) -> list[LotView]:
    """Every lot of a member that is not empty, by programme and epoch; one statement."""
    return [LotView(*row) for row in conn.execute(_BALANCE, {"member": member_id})]


def balance_as_of(conn: Connection, ledger_base: int, at: datetime) -> list[PostingView]:
    """What stood on a member's accounts after the last entry that occurred at or before an instant.

    Args:
        conn: for reading.
        ledger_base: the member's first account.
        at: any past instant, aware; entries count by when they occurred, not by when they were written.

    Returns:
        One item for each programme, epoch and part that is not zero.

    Raises:
        HistoryArchived: an entry that occurred later than that stands in an archive already.
    """
    gone = archived(conn)
    if micros_of(at) < gone.occurred_until:
        raise HistoryArchived(newest_file(conn), format_instant(instant_of_micros(gone.occurred_until)))
    rows = conn.execute(_AS_OF, {"base": ledger_base, "at": micros_of(at)})
    return [PostingView(programme, epoch, Part(part), int(points)) for programme, epoch, part, points in rows]


def points_at(conn: Connection, ledger_base: int, instants: Sequence[datetime]) -> list[int]:
    """A member's points, available or held, of all programmes, after each of some instants; one statement.

    Args:
        conn: for reading.
        ledger_base: the member's first account.
        instants: aware, the earliest first; entries count by when they occurred.

    Raises:
        HistoryArchived: as ``balance_as_of``, for the earliest.
    """
    gone = archived(conn)
    if micros_of(instants[0]) < gone.occurred_until:
        raise HistoryArchived(newest_file(conn), format_instant(instant_of_micros(gone.occurred_until)))
    cases = "".join(f" WHEN e.occurred_at <= :at{place} THEN {place}" for place in range(len(instants)))
    sql = _POINTS_AT.format(
        place=f"CASE{cases} ELSE {len(instants)} END",
        destination=of_member("p.destination_id"), source=of_member("p.source_id"),
    )  # fmt: skip
    given = {f"at{place}": micros_of(at) for place, at in enumerate(instants)}
    found = {place: int(points) for place, points in conn.execute(text(sql), {"base": ledger_base, **given})}
    return list(accumulate(found.get(place, 0) for place in range(len(instants))))


def statement(conn: Connection, ledger_base: int, before: int | None, most: int) -> list[EntryView]:
    """A page of a member's entries, newest first; two statements, however long the history.

    Args:
        conn: for reading.
        ledger_base: the member's first account.
        before: the sequence number of the last entry of the page before; None for the first page.
        most: how many entries, at least 1.
    """
    page = {"base": ledger_base, "before": before if before is not None else 2**62, "most": most}
    sequences = [row[0] for row in conn.execute(_PAGE, page)]
    return _views(conn, sequences, ledger_base)


def entry_of(conn: Connection, op_id: bytes, ledger_base: int) -> EntryView | None:
    """The entry of an operation with what it did to a member; None where the ledger has none."""
    sequences = list(conn.execute(_OF_OPERATION, {"op_id": op_id}).scalars())
    found = _views(conn, sequences, ledger_base)
    return found[0] if found else None


def _views(conn: Connection, sequences: Sequence[int], ledger_base: int) -> list[EntryView]:
    if not sequences:
        return []
    entries: list[EntryView] = []
    for sequence, op_id, kind, occurred, body, *posted in conn.execute(_ENTRIES, {"sequences": sequences}):
        if not entries or entries[-1].sequence != sequence:
            instant = instant_of_micros(occurred)
            entries.append(EntryView(sequence, bytes(op_id), kind, instant, json.loads(body), ()))
        mine = entries[-1].postings + _of_member(ledger_base, posted)
        entries[-1] = entries[-1]._replace(postings=mine)
    return entries


def totals(conn: Connection) -> list[Total]:
    """The sum on every kind of account, by programme and epoch (INV-4).

    Issuance is negative of what was issued; redemption, expired and clawback are positive; ``available``
    and ``held`` are what is outstanding. The sum over all kinds is zero (INV-1).
    """
    return [Total(p, e, kind, int(points)) for p, e, kind, points in conn.execute(_TOTALS)]


def outstanding(all_totals: Sequence[Total]) -> dict[tuple[int, int], int]:
    """Points that members have, available or held, by programme and epoch."""
    found: dict[tuple[int, int], int] = {}
    for total in all_totals:
        if total.kind in ("available", "held"):
            key = (total.programme_id, total.epoch)
            found[key] = found.get(key, 0) + total.points
    return found


def issued(all_totals: Sequence[Total]) -> dict[tuple[int, int], int]:
    """Points that were issued, by programme and epoch."""
    mine = [t for t in all_totals if t.kind == SystemKind.ISSUANCE]
    return {(t.programme_id, t.epoch): -t.points for t in mine}


def holds_due(conn: Connection, at: datetime, most: int) -> list[tuple[bytes, int]]:
    """(hold, member) of open holds whose deadline has passed, the longest due first."""
    return [(bytes(row[0]), row[1]) for row in conn.execute(_DUE, {"at": micros_of(at), "most": most})]


def _of_member(base: int, posted: Sequence[int]) -> tuple[PostingView, ...]:
    source, destination, programme, epoch, amount = posted
    views = []
    for side, sign in ((source, -1), (destination, 1)):
        if base <= side <= base + Part.DEBT:
            views.append(PostingView(programme, epoch, Part(side - base), sign * amount))
    return tuple(views)
