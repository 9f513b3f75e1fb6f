"""Reads of the intents beside: how many wait, where one stands, what the contracts refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ledger_service.outbox.beside.models import BESIDE_STATES, QUEUED, beside_intent

_i = beside_intent.c


class BesideStanding(NamedTuple):
    """Where an operation stands; ``reason`` says why its contract refused it, or why it is never sent."""

    op_id: bytes
    target: str
    kind: int
    state: str
    reason: str | None


_PLACES = (_i.op_id, _i.target, _i.kind, _i.state, _i.reason)


def standings(conn: Connection, op_ids: Sequence[bytes]) -> dict[bytes, BesideStanding]:
    """Where these operations stand; unknown ones are left out."""
    if not op_ids:
        return {}
    rows = conn.execute(select(*_PLACES).where(_i.op_id.in_(list(op_ids))))
    return {row[0]: BesideStanding(*row) for row in rows}


def counts(conn: Connection, target: str) -> dict[str, int]:
    """How many intents of a target stand in each state, every state named; reads the whole table."""
    query = select(_i.state, func.count()).where(_i.target == target).group_by(_i.state)
    found = {row[0]: int(row[1]) for row in conn.execute(query)}
    return {state: found.get(state, 0) for state in BESIDE_STATES}


class BesideLag(NamedTuple):
    """How much of a target waits to be sent, and how much its contract refused or is never shown (D7)."""

    queued: int
    refused: int


def lag(conn: Connection, target: str) -> BesideLag:
    """What a person may have to look at; costs as much as there is of it."""
    mine = _i.target == target
    queued = conn.execute(select(func.count()).where(mine & QUEUED)).scalar_one()
    aside = conn.execute(select(func.count()).where(mine & _i.reason.is_not(None))).scalar_one()
    return BesideLag(int(queued), int(aside))


def refused(conn: Connection, target: str, most: int = 100) -> list[BesideStanding]:
    """Operations that SQL did and the contract did not (D7), newest first."""
    query = select(*_PLACES).where((_i.target == target) & _i.reason.is_not(None))
    rows = conn.execute(query.order_by(_i.created_at.desc(), _i.op_id).limit(most))
    return [BesideStanding(*row) for row in rows]


def last_queued(conn: Connection, target: str) -> datetime | None:
    """The instant behind which nothing of the target waits to be sent; None where nothing waits."""
    found = select(func.max(_i.created_at)).where((_i.target == target) & QUEUED)
    last: datetime | None = conn.execute(found).scalar_one_or_none()
    return last


def leaves_of(conn: Connection, op_ids: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Whose these operations are, and their leaves; unknown ones are left out."""
    rows = conn.execute(select(_i.op_id, _i.merchant_id, _i.leaf).where(_i.op_id.in_(list(op_ids))))
    return {row[0]: (row[1], row[2]) for row in rows}
