"""What came into and went out of a programme's outstanding points, by epoch and month, in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from ledger_service.kernel.clock import format_instant, instant_of_micros
from ledger_service.ledger.carried import archived, newest_file
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.ledger.rules import SystemKind
from ledger_service.settlement.liability.calendar import BEFORE, Calendar

_HELD_BY_MEMBERS = frozenset({"available", "held"})


class Way(StrEnum):
    """Where points come from or go to; what comes back the same way counts as negative."""

    ISSUED = "issued"
    IMPORTED = "imported"
    REDEEMED = "redeemed"
    REVERSED = "reversed"
    EXPIRED = "expired"
    EXTENDED = "extended"
    OTHER = "other"


class Flow(NamedTuple):
    """Points that came in (negative: went out) by a way, in a month, of an epoch."""

    epoch: int
    month: int
    way: Way
    points: int


_WAYS = {
    SystemKind.REDEMPTION: Way.REDEEMED, SystemKind.CLAWBACK: Way.REVERSED, SystemKind.EXPIRED: Way.EXPIRED,
    SystemKind.EXTENSION: Way.EXTENDED,
}  # fmt: skip
_LOTS = text(
    "SELECT CAST(COALESCE(SUM(available + held), 0) AS BIGINT) FROM lot WHERE programme_id = :programme"
)


def flows_of(conn: Connection, programme_id: int, calendar: Calendar) -> list[Flow]:
    """Every flow of the programme; months after the report's last one are one month behind it.

    It reads each posting of the programme once; its answer has a few rows for each epoch and month, however
    many members and sales there are.

    Raises:
        HistoryArchived: an entry that occurred after ``as_of`` stands in an archive already.
    """
    gone = archived(conn)
    if calendar.until_micros <= gone.occurred_until:
        raise HistoryArchived(newest_file(conn), format_instant(instant_of_micros(gone.occurred_until)))
    found: dict[tuple[int, int, Way], int] = {}
    for epoch, month, kind, source, destination, points in conn.execute(
        _flows_sql(calendar), {"programme": programme_id}
    ):
        sign = (destination in _HELD_BY_MEMBERS) - (source in _HELD_BY_MEMBERS)
        if sign:
            key = (epoch, month, _way(kind, source if sign > 0 else destination))
            found[key] = found.get(key, 0) + sign * int(points)
    return [Flow(*key, points) for key, points in sorted(found.items()) if points]


def in_lots(conn: Connection, programme_id: int) -> int:
    """What members have of the programme now, available or held."""
    return int(conn.execute(_LOTS, {"programme": programme_id}).scalar_one())


def outstanding(flows: Iterable[Flow], last: int) -> int:
    """Points that members had at the end of a month."""
    return sum(flow.points for flow in flows if flow.month <= last)


def _way(entry_kind: str, account_kind: str) -> Way:
    if account_kind == SystemKind.ISSUANCE:
        return Way.ISSUED if entry_kind in ("issue", "convert") else Way.IMPORTED
    return _WAYS.get(SystemKind(account_kind), Way.OTHER) if account_kind in set(SystemKind) else Way.OTHER


def _flows_sql(calendar: Calendar) -> TextClause:
    accounts = (
        " JOIN account AS s ON s.account_id = p.source_id"
        " JOIN account AS d ON d.account_id = p.destination_id"
        " WHERE p.programme_id = :programme"
    )
    return text(
        f"SELECT p.epoch, {calendar.case('e.occurred_at')} AS month, e.kind, s.kind, d.kind,"
        " CAST(SUM(p.amount) AS BIGINT) FROM posting AS p JOIN entry AS e ON e.sequence = p.sequence"
        f"{accounts} GROUP BY 1, 2, 3, 4, 5"
        f" UNION ALL SELECT p.epoch, {BEFORE}, CASE WHEN p.imported = 1 THEN 'imported' ELSE 'issue' END,"
        f" s.kind, d.kind, CAST(SUM(p.amount) AS BIGINT) FROM carried AS p{accounts} GROUP BY 1, 2, 3, 4, 5"
    )
