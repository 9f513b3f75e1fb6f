"""How far a programme's end has come: what members still have of it, and what has become of the rest."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    case,
    cast,
    distinct,
    func,
    select,
    tuple_,
)

from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.ledger.models import lot
from ledger_service.outbox.models import State, intent
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.conversion.deals import at_the_end
from ledger_service.points.conversion.models import rest_conversion
from ledger_service.points.conversion.winding import least_points, live_from
from ledger_service.points.models import member_programme

_DONE, _SENT = rest_conversion.c, intent.c


class Stage(StrEnum):
    """Where a programme stands."""

    GOES_ON = "goes-on"
    ANNOUNCED = "announced"
    ISSUES_ENDED = "issues-ended"
    CONVERTING = "converting"
    OVER = "over"


class Rest(NamedTuple):
    """What members have of a programme: how many members, and their points by what they are."""

    members: int
    available: int
    held: int
    pending: int

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return self.members > 0


class Converted(NamedTuple):
    """What has become points of the target; ``under_way`` operations are not final, ``refused`` ones wait for
    somebody."""

    members: int
    points: int
    received: int
    under_way: int
    refused: int


class Progress(NamedTuple):
    """A programme's end as it stands.

    ``due`` is what could convert now, ``frozen_members`` wait for the operator; what is too little for one
    point of the target stays until it expires.
    """

    stage: Stage
    rest: Rest
    due: Rest
    frozen_members: int
    converted: Converted


class RestView(NamedTuple):
    """What became of a member's rest of an ended programme."""

    op_id: bytes
    programme_id: int
    target_id: int
    points: int
    received: int
    converted_at: datetime


def progress_of(conn: Connection, known: Programme, every: Catalogue, at: datetime) -> Progress:
    """How far the programme's end has come.

    Args:
        conn: a snapshot.
        known: the programme.
        every: all programmes, its target among them.
        at: the present instant.
    """
    mine = lot.c.programme_id == known.programme_id
    rest, converted = _rest(conn, mine), _converted(conn, known.programme_id)
    deal = at_the_end(known, list(every.programmes.values()), seconds_floor(at))
    due = Rest(0, 0, 0, 0)
    if deal is not None:
        live = mine & (lot.c.epoch >= live_from(deal))
        due = _rest(conn, live, least_points(deal))
    frozen = select(func.count()).where(
        (member_programme.c.programme_id == known.programme_id) & member_programme.c.frozen
    )
    frozen_members = int(conn.execute(frozen).scalar_one())
    open_ = due.any or converted.under_way > 0 or converted.refused > 0 or rest.held > 0
    return Progress(_stage(known, seconds_floor(at), open_), rest, due, frozen_members, converted)


def _stage(known: Programme, at: int, open_: bool) -> Stage:
    end = known.end
    if end is None:
        return Stage.GOES_ON
    if at < end.closing.effective_from:
        return Stage.ANNOUNCED
    if at < end.ends_at:
        return Stage.ISSUES_ENDED
    return Stage.CONVERTING if open_ else Stage.OVER


def _rest(conn: Connection, mine: ColumnElement[bool], least: int = 0) -> Rest:
    """Points of members that have any, or that have so many available at least."""
    there = mine & (lot.c.available + lot.c.held + lot.c.pending > 0)
    parts = [func.sum(column).label(column.name) for column in (lot.c.available, lot.c.held, lot.c.pending)]
    each = select(lot.c.member_id, *parts).where(there).group_by(lot.c.member_id)
    if least:
        each = each.having(func.sum(lot.c.available) >= least)
    found = each.subquery()
    sums = [cast(func.coalesce(func.sum(found.c[part.name]), 0), BigInteger) for part in parts]
    row = conn.execute(select(func.count(found.c.member_id), *sums)).one()
    return Rest(*(int(value) for value in row))


def _converted(conn: Connection, programme_id: int) -> Converted:
    refused = _SENT.state == State.SET_ASIDE.value
    waits = _SENT.state.in_([s.value for s in State if s not in (State.FINAL, State.SET_ASIDE)])
    stands = [case((refused, 0), else_=column) for column in (_DONE.points, _DONE.received)]
    counts = [cast(func.coalesce(func.sum(case((one, 1), else_=0)), 0), Integer) for one in (waits, refused)]
    members = func.count(distinct(case((refused, None), else_=_DONE.member_id)))
    sums = [cast(func.coalesce(func.sum(one), 0), BigInteger) for one in stands]
    query = select(members, *sums, *counts).outerjoin(intent, _SENT.op_id == _DONE.op_id)
    row = conn.execute(query.where(_DONE.programme_id == programme_id)).one()
    return Converted(*(int(value) for value in row))


def rests_of(
    conn: Connection, member_id: int, after: tuple[datetime, bytes] | None, most: int
) -> list[RestView]:
    """What became of the member's rests, newest first, from behind the one at ``after``; without what the
    chain refused."""
    columns = (_DONE.op_id, _DONE.programme_id, _DONE.target_id, _DONE.points, _DONE.received,
               _DONE.converted_at)  # fmt: skip
    mine = _DONE.member_id == member_id
    mine &= _SENT.state.is_(None) | (_SENT.state != State.SET_ASIDE.value)
    if after is not None:
        mine &= tuple_(_DONE.converted_at, _DONE.op_id) < after
    query = select(*columns).outerjoin(intent, _SENT.op_id == _DONE.op_id).where(mine)
    newest = query.order_by(_DONE.converted_at.desc(), _DONE.op_id.desc()).limit(most)
    return [RestView(*row) for row in conn.execute(newest)]


def document_of(known: Programme, progress: Progress, every: Catalogue) -> dict[str, Any]:
    """How far the end has come, as JSON; ``end`` is None where none was announced."""
    end, told = known.end, None
    if end is not None:
        told = {
            "target": every.programme(end.target_id).code,
            "issues_until": format_instant(instant_of_seconds(end.closing.effective_from)),
            "ends_at": format_instant(instant_of_seconds(end.ends_at)),
            "spread_bps": end.spread_bps,
            "announced_at": format_instant(instant_of_seconds(end.announced_at)),
        }
    return {
        "programme": known.code,
        "stage": progress.stage.value,
        "end": told,
        "rest": progress.rest._asdict(),
        "due": progress.due._asdict(),
        "frozen_members": progress.frozen_members,
        "converted": progress.converted._asdict(),
    }
