"""What stands in the way of moving an account, and what goes along."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from ledger_service.kernel.operations import Kind
from ledger_service.ledger.models import hold
from ledger_service.ledger.queries import balance
from ledger_service.outbox.models import intent
from ledger_service.points.models import member_programme


def has_open_holds(conn: Connection, member_id: int) -> bool:
    """Whether a sale is under way with a permit of the present account."""
    mine = exists().where((hold.c.member_id == member_id) & (hold.c.state == "open"))
    return bool(conn.execute(select(mine)).scalar_one())


def is_unsettled(conn: Connection, member_id: int) -> bool:
    """Whether the chain refused something of the member that is not settled yet (D7)."""
    row = member_programme.c
    return bool(conn.execute(select(exists().where((row.member_id == member_id) & row.frozen))).scalar_one())


def lots_of(conn: Connection, member_id: int) -> list[tuple[int, int]]:
    """(programme, epoch) of whatever the member has on the chain, or will have once it is mined."""
    return [(lot.programme_id, lot.epoch) for lot in balance(conn, member_id) if lot.available + lot.held]


def was_ever_used(conn: Connection, member_id: int) -> bool:
    """Whether any points ever came to or left the member: such a sale may still be returned."""
    row = intent.c
    used = (row.member_id == member_id) & (row.kind < int(Kind.SIGNER))
    return bool(conn.execute(select(exists().where(used))).scalar_one())
