"""Reads of tickets: a merchant's and a member's, each with when its event was called off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, select

from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.tickets.errors import TicketUnknown
from ledger_service.coupons.tickets.models import ticket
from ledger_service.db.bulk import Row
from ledger_service.kernel.ids import id_text

_T, _D, _V = ticket.c, coupon_definition.c, coupon_version.c


class TicketSeen(NamedTuple):
    """A ticket, its event's name and names, and when the event was called off."""

    row: Row
    event: str
    names: dict[str, str]
    called_off_at: datetime | None

    @property
    def position(self) -> str:
        """Where it stands among others."""
        return id_text(self.row["ticket_id"])


def tickets_of_merchant(
    conn: Connection, merchant_id: int, after: str | None, most: int
) -> Sequence[TicketSeen]:
    """The tickets that a merchant has sold, in the order of their ids behind a position."""
    return _page(conn, _T.merchant_id == merchant_id, after, most)


def tickets_of_member(conn: Connection, member_id: int, after: str | None, most: int) -> Sequence[TicketSeen]:
    """The tickets that are a member's own, in the order of their ids behind a position."""
    return _page(conn, _T.holder == member_id, after, most)


def ticket_of_member(conn: Connection, ticket_id: bytes, member_id: int) -> Row:
    """A ticket that is the member's own now.

    Raises:
        TicketUnknown: there is none, or it is somebody else's.
    """
    mine = (_T.ticket_id == ticket_id) & (_T.holder == member_id)
    row = conn.execute(select(ticket).where(mine)).one_or_none()
    if row is None:
        raise TicketUnknown
    return row._asdict()


def _page(conn: Connection, mine: ColumnElement[bool], after: str | None, most: int) -> list[TicketSeen]:
    if after is not None:
        mine &= _T.ticket_id > bytes.fromhex(after)
    joined = ticket.join(coupon_definition, _D.definition_id == _T.definition_id)
    joined = joined.join(coupon_version, (_V.definition_id == _T.definition_id) & (_V.version == _T.version))
    found = select(ticket, _D.names, _D.withdrawn_at, _V.body).select_from(joined)
    rows = conn.execute(found.where(mine).order_by(_T.ticket_id).limit(most))
    return [_seen(row._asdict()) for row in rows]


def _seen(row: Row) -> TicketSeen:
    return TicketSeen(row, _event(row), orjson.loads(row["names"]), row["withdrawn_at"])


def _event(row: Row) -> str:
    benefit: dict[str, Any] = orjson.loads(row["body"])["benefit"]
    return str(benefit["event"])
