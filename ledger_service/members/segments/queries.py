"""Reads of segments: rules, sizes, who was in one when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, or_, select

from ledger_service.members.models import member
from ledger_service.members.segments.errors import SegmentUnknown
from ledger_service.members.segments.models import segment, segment_member, segment_version

_G, _V, _M, _N = segment.c, segment_version.c, segment_member.c, member.c


def segments(
    conn: Connection, merchant_id: int | None, after: tuple[int, str] | None, most: int
) -> Sequence[RowMapping]:
    """Segments in the order of merchants and codes; of one merchant or of all."""
    its = select(segment)
    if merchant_id is not None:
        its = its.where(_G.merchant_id == merchant_id)
    if after is not None:
        owner, code = after
        its = its.where((_G.merchant_id > owner) | ((_G.merchant_id == owner) & (_G.code > code)))
    return conn.execute(its.order_by(_G.merchant_id, _G.code).limit(most)).mappings().all()


def segment_of(conn: Connection, segment_id: bytes, own: int | None) -> RowMapping:
    """A segment, of this merchant where one is named.

    Raises:
        SegmentUnknown: there is none, or it is another merchant's.
    """
    row = conn.execute(select(segment).where(_G.segment_id == segment_id)).mappings().first()
    if row is None or own not in (None, row["merchant_id"]):
        raise SegmentUnknown
    return row


def due(conn: Connection, at: datetime) -> RowMapping | None:
    """The segment whose count is due first, with its rule; None where none is."""
    joined = segment.join(segment_version, (_V.segment_id == _G.segment_id) & (_V.version == _G.version))
    its = select(segment, _V.body).select_from(joined).where(_G.due_at <= at)
    return conn.execute(its.order_by(_G.due_at, _G.segment_id).limit(1)).mappings().first()


def present(conn: Connection, segment_id: bytes) -> set[int]:
    """Who is in the segment by its last count."""
    its = select(_M.member_id).where(_M.segment_id == segment_id, _M.until.is_(None))
    return set(conn.execute(its).scalars())


def members_at(
    conn: Connection, segment_id: bytes, at: datetime, after: str | None, most: int
) -> Sequence[str]:
    """Numbers of who was in the segment at an instant, in their order."""
    then = (_M.since <= at) & or_(_M.until.is_(None), _M.until > at)
    joined = segment_member.join(member, _N.member_id == _M.member_id)
    its = select(_N.member_number).select_from(joined).where(_M.segment_id == segment_id, then)
    its = its.where(_N.member_number.is_not(None))
    if after is not None:
        its = its.where(_N.member_number > after)
    return list(conn.execute(its.order_by(_N.member_number).limit(most)).scalars())
