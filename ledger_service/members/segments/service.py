"""Commands about segments: rules written, tags given and taken, outcomes of a count kept as intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.errors import MalformedField
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.members.segments.errors import SegmentLimitReached
from ledger_service.members.segments.models import member_tag, segment, segment_member, segment_version
from ledger_service.members.segments.rules import MOST_SEGMENTS, TAG, rule_of, segment_id_of
from ledger_service.outbox.service import NewIntent

_G, _V, _M, _T = segment.c, segment_version.c, segment_member.c, member_tag.c


class Written(NamedTuple):
    """A rule under a merchant's own code for it."""

    merchant_id: int
    code: str
    name: str
    body: Mapping[str, Any]


class Counted(NamedTuple):
    """A count as of an instant, by a version of the rule; how many are in is unknown where it failed."""

    segment_id: bytes
    version: int
    at: datetime
    size: int | None = None


def write(conn: Connection, new: Written, by_whom: str, at: datetime) -> RowMapping:
    """The segment has this rule from now on, and is counted by it at the job's next turn.

    Raises:
        SegmentRuleRefused: no rule.
        SegmentLimitReached: the merchant has enough of them.

    Locks: the segment's row.
    """
    rule_of(new.body)
    row = _row(conn, new, at)
    mine, version = _G.segment_id == row["segment_id"], row["version"] + 1
    conn.execute(update(segment).where(mine).values(version=version, name=new.name, due_at=at))
    conn.execute(insert(segment_version).values(
        segment_id=row["segment_id"], version=version, body=orjson.dumps(new.body).decode(),
        written_by=by_whom, written_at=at,
    ))  # fmt: skip
    return conn.execute(select(segment).where(mine)).mappings().one()


def _row(conn: Connection, new: Written, at: datetime) -> RowMapping:
    """The segment's row, locked; of version 0 where there was none."""
    mine = (_G.merchant_id == new.merchant_id) & (_G.code == new.code)
    its = select(segment).where(mine).with_for_update()
    found = conn.execute(its).mappings().first()
    if found is not None:
        return found
    there = select(func.count()).where(_G.merchant_id == new.merchant_id)
    if conn.execute(there).scalar_one() >= MOST_SEGMENTS:
        raise SegmentLimitReached(MOST_SEGMENTS)
    fresh = {
        "segment_id": segment_id_of(new.merchant_id, new.code), "merchant_id": new.merchant_id,
        "code": new.code, "name": new.name, "version": 0, "created_at": at, "due_at": at,
        "counted_at": None, "size": None,
    }  # fmt: skip
    sql_of(segment, conn).insert(conn, [fresh], or_ignore=True)
    return conn.execute(its).mappings().one()


def set_tag(conn: Connection, whose: tuple[int, int], tag: str, on: bool, at: datetime) -> None:
    """The merchant's tag stands on the member, or no more; ``whose`` is the merchant and the member.

    Raises:
        MalformedField: no tag.
        MemberUnknown: erased, perhaps since it was looked up.

    Locks: the member's row against erasure.
    """
    if not TAG.fullmatch(tag):
        raise MalformedField("tag", "must be 1 to 32 small letters, digits and dashes")
    merchant_id, member_id = whose
    if not _there(conn, [member_id]):
        raise MemberUnknown
    mine = (_T.merchant_id == merchant_id) & (_T.member_id == member_id) & (_T.tag == tag)
    stands = conn.execute(select(_T.since).where(mine, _T.until.is_(None)).with_for_update()).scalar()
    if on and stands is None:
        row = {"merchant_id": merchant_id, "member_id": member_id, "tag": tag, "since": at, "until": None}
        sql_of(member_tag, conn).insert(conn, [row], or_ignore=True)
    elif not on and stands is not None:
        conn.execute(delete(member_tag).where(mine, _T.since == at))
        conn.execute(update(member_tag).where(mine, _T.until.is_(None)).values(until=at))


def enter(conn: Connection, segment_id: bytes, members: Sequence[int], at: datetime) -> None:
    """These members are in the segment from ``at`` on, but for who was erased meanwhile. Idempotent.

    Locks: the members' rows against erasure.
    """
    there = _there(conn, members)
    rows = [{"segment_id": segment_id, "member_id": m, "since": at, "until": None} for m in there]
    if rows:
        sql_of(segment_member, conn).insert(conn, rows, or_ignore=True)


def _there(conn: Connection, members: Sequence[int]) -> Sequence[int]:
    """Those of the members that are not erased, and cannot be before this commits: erasure takes the number,
    which a key share holds off, and what it forgets afterwards includes what is written now."""
    its = select(member.c.member_id).where(member.c.member_id.in_(members), member.c.status != "erased")
    its = its.order_by(member.c.member_id).with_for_update(read=True, key_share=True)
    return conn.execute(its).scalars().all()


def leave(conn: Connection, segment_id: bytes, members: Sequence[int], at: datetime) -> None:
    """These members are in the segment up to ``at``, excluded. Idempotent."""
    mine = (_M.segment_id == segment_id) & _M.member_id.in_(list(members)) & _M.until.is_(None)
    conn.execute(delete(segment_member).where(mine, _M.since == at))
    conn.execute(update(segment_member).where(mine).values(until=at))


def counted(conn: Connection, done: Counted, next_at: datetime) -> None:
    """The count is complete; the next one is due at ``next_at``, or at once where the rule has changed."""
    mine = _G.segment_id == done.segment_id
    conn.execute(update(segment).where(mine).values(counted_at=done.at, size=done.size))
    _due_again(conn, done, next_at)


def put_off(conn: Connection, failed: Counted, until: datetime) -> None:
    """A rule that could not be counted waits, so that those behind it do not; another version does not."""
    _due_again(conn, failed, until)


def _due_again(conn: Connection, done: Counted, next_at: datetime) -> None:
    # By version, not by time: a request that came before the count may be written while it runs.
    mine = (_G.segment_id == done.segment_id) & (_G.version == done.version)
    conn.execute(update(segment).where(mine, _G.due_at <= done.at).values(due_at=next_at))


def forget_member(conn: Connection, member_id: int) -> None:
    """The member is and was in no segment and has no tags."""
    conn.execute(delete(segment_member).where(_M.member_id == member_id))
    conn.execute(delete(member_tag).where(_T.member_id == member_id))


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Segments are counted anew from the books; tags of the account that closes end with it."""
    forget_member(conn, merge.closes)
    return []
