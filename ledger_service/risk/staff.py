"""Which member a cashier is, as the merchant says: for rules about own cards, and for late attach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from ledger_service.members.models import member
from ledger_service.risk.changes import changed
from ledger_service.risk.errors import StaffUnknown
from ledger_service.risk.models import staff_link


def link(conn: Connection, who: tuple[int, str], member_id: int, said: tuple[str, datetime]) -> None:
    """The merchant's cashier is this member from now on, whoever it was before."""
    (merchant_id, cashier), (by, at) = who, said
    mine = (staff_link.c.merchant_id == merchant_id) & (staff_link.c.cashier == cashier)
    values = {"member_id": member_id, "linked_by": by, "linked_at": at}
    if not conn.execute(update(staff_link).where(mine).values(values)).rowcount:
        conn.execute(insert(staff_link).values(merchant_id=merchant_id, cashier=cashier, **values))
    changed(conn)


def unlink(conn: Connection, merchant_id: int, cashier: str) -> None:
    """The merchant's cashier is no member that it knows of.

    Raises:
        StaffUnknown: it was none before.
    """
    mine = (staff_link.c.merchant_id == merchant_id) & (staff_link.c.cashier == cashier)
    if not conn.execute(delete(staff_link).where(mine)).rowcount:
        raise StaffUnknown(cashier)
    changed(conn)


def forget_member(conn: Connection, member_id: int) -> None:
    """Nobody's cashier is this member any more: it is erased."""
    if conn.execute(delete(staff_link).where(staff_link.c.member_id == member_id)).rowcount:
        changed(conn)


def links_after(conn: Connection, merchant_id: int, after: str | None, most: int) -> Sequence[RowMapping]:
    """A merchant's links by cashier, each with the member's number."""
    s = staff_link.c
    wanted = select(s.cashier, s.linked_by, s.linked_at, member.c.member_number)
    wanted = wanted.join_from(staff_link, member, member.c.member_id == s.member_id)
    wanted = wanted.where(s.merchant_id == merchant_id)
    if after is not None:
        wanted = wanted.where(s.cashier > after)
    return conn.execute(wanted.order_by(s.cashier).limit(most)).mappings().all()
