"""Reads of payments: a merchant's, and what waits for the job."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, tuple_

from ledger_service.members.models import member
from ledger_service.payments.models import payment

_P = payment.c
WAITING = ("ordered", "noticed", "due", "matched")


def payments_of(
    conn: Connection, merchant_id: int, state: str | None, after: tuple[str, str], most: int
) -> list[RowMapping]:
    """A merchant's payments behind (provider, order), with the member's number where one was found."""
    its = select(payment, member.c.member_number).outerjoin(member, member.c.member_id == _P.member_id)
    its = its.where(_P.merchant_id == merchant_id, tuple_(_P.provider, _P.reference) > after)
    if state is not None:
        its = its.where(_P.state == state)
    return list(conn.execute(its.order_by(_P.provider, _P.reference).limit(most)).mappings())


def waiting(conn: Connection, at: datetime, most: int) -> list[RowMapping]:
    """Payments whose next step is due."""
    its = select(payment).where(_P.state.in_(WAITING), _P.until <= at)
    return list(conn.execute(its.order_by(_P.until, _P.reference).limit(most)).mappings())
