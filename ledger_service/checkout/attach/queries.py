"""Reads of late attaches: who attached how much to whom, page by page, for merchants and for rules of fraud.

``tallies_after`` is the read that rules go by: one row for each merchant's cashier in a window of days,
with how much of it went to one member and how much to people who work there. Nothing here judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.members.models import member
from ledger_service.risk.models import staff_link

WHOLE_BPS = 10_000
MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Window:
    """Days of UTC since 1970, both included, at most ``MOST_DAYS``; of one merchant."""

    merchant_id: int
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True)
class DayTally:
    """What one cashier attached to one member on one day; the number is None once the member is erased."""

    day: int
    cashier: str
    member_id: int
    member_number: str | None
    attaches: int
    total_minor: int
    approved: int
    own: bool


@dataclass(frozen=True, slots=True)
class CashierTally:
    """What one cashier attached in a window of days.

    ``top_attaches`` went to one member, ``top_member``; ``to_staff`` to members who work at the merchant.
    """

    cashier: str
    attaches: int
    members: int
    total_minor: int
    to_staff: int
    top_member_id: int
    top_member: str | None
    top_attaches: int
    top_is_own: bool

    @property
    def top_share_bps(self) -> int:
        """How much of it went to that one member, in hundredths of a percent."""
        return self.top_attaches * WHOLE_BPS // self.attaches


def days_after(
    conn: Connection, window: Window, after: tuple[int, str, int] | None, most: int
) -> list[DayTally]:
    """By day, cashier and member; ``after`` is the last row's (day, cashier, member id)."""
    a = sale_attachment.c
    where = [_in(window)]
    if after is not None:
        day, cashier, member_id = after
        same = and_(
            a.day == day, or_(a.cashier > cashier, and_(a.cashier == cashier, a.member_id > member_id))
        )
        where.append(or_(a.day > day, same))
    key = (a.day, a.cashier, a.member_id)
    sums = (func.count().label("attaches"), func.sum(a.total_minor).label("total_minor"))
    approved = func.count(a.approved_by).label("approved")
    grouped = select(*key, *sums, approved).where(*where).group_by(*key).order_by(*key).limit(most).subquery()
    g, own = grouped.c, _own(grouped.c.cashier, grouped.c.member_id, window.merchant_id)
    wanted = select(grouped, member.c.member_number, own).join(member, member.c.member_id == g.member_id)
    return [
        DayTally(
            row.day, row.cashier, row.member_id, row.member_number, row.attaches, int(row.total_minor),
            row.approved, bool(row.own),
        )
        for row in conn.execute(wanted.order_by(g.day, g.cashier, g.member_id))
    ]  # fmt: skip


def tallies_after(conn: Connection, window: Window, after: str | None, most: int) -> list[CashierTally]:
    """By cashier; ``after`` is the last row's cashier.

    Reads: the window's attaches once, by its index.
    """
    a = sale_attachment.c
    where = [_in(window)] if after is None else [_in(window), a.cashier > after]
    of_pair = (
        select(a.cashier, a.member_id, func.count().label("n"), func.sum(a.total_minor).label("minor"))
        .where(*where)
        .group_by(a.cashier, a.member_id)
        .subquery()
    )
    p = of_pair.c
    staff = select(staff_link.c.member_id).where(staff_link.c.merchant_id == window.merchant_id)
    rank = func.row_number().over(partition_by=p.cashier, order_by=(p.n.desc(), p.member_id))
    to_staff = func.sum(p.n).filter(p.member_id.in_(staff)).over(partition_by=p.cashier)
    ranked = select(
        p.cashier, p.member_id, p.n, rank.label("rank"),
        func.sum(p.n).over(partition_by=p.cashier).label("attaches"),
        func.count().over(partition_by=p.cashier).label("members"),
        func.sum(p.minor).over(partition_by=p.cashier).label("total_minor"), to_staff.label("to_staff"),
    ).subquery()  # fmt: skip
    r, own = ranked.c, _own(ranked.c.cashier, ranked.c.member_id, window.merchant_id)
    wanted = select(ranked, member.c.member_number, own).join(member, member.c.member_id == r.member_id)
    wanted = wanted.where(r.rank == 1).order_by(r.cashier).limit(most)
    return [_tally(row) for row in conn.execute(wanted)]


def _tally(row: Any) -> CashierTally:
    return CashierTally(
        row.cashier,
        int(row.attaches),
        int(row.members),
        int(row.total_minor),
        int(row.to_staff or 0),
        row.member_id,
        row.member_number,
        int(row.n),
        bool(row.own),
    )


def _in(window: Window) -> ColumnElement[bool]:
    a = sale_attachment.c
    return and_(a.merchant_id == window.merchant_id, a.day.between(window.first_day, window.last_day))


def _own(cashier: Any, member_id: Any, merchant_id: int) -> ColumnElement[bool]:
    """Whether the cashier is the member herself."""
    s = staff_link.c
    mine = and_(s.merchant_id == merchant_id, s.cashier == cashier, s.member_id == member_id)
    return select(s.cashier).where(mine).exists().label("own")
