"""Notices of expiry as data: what expires, when, how much of it, each once; sending them is another's work.

A step of the job takes some members of one programme, epoch and notice in the order of their ids and keeps
how far it came in the same db transaction, so a run that was cut off goes on where it was, and what is done
costs nothing any more. Points that come into an epoch after its run are told of by the next notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Select, cast, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.ledger.models import lot
from ledger_service.members.models import member
from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.models import expiry_notice, expiry_notice_run
from ledger_service.points.notice_rules import end_notice_days, last_day, notice_due

_ROWS = 500
# In the place of an epoch: the end of the programme itself.
OF_THE_END = 0


class Stage(NamedTuple):
    """One notice of one epoch: so many days before its end."""

    programme_id: int
    epoch: int
    days_before: int


class NoticeView(NamedTuple):
    """One notice to a member: so many points of a programme can be spent up to and with the last day."""

    notice_id: int
    programme_id: int
    epoch: int
    days_before: int
    points: int
    last_day: str
    noticed_at: datetime


def stages_due(conn: Connection, catalogue: Catalogue, at: datetime) -> list[Stage]:
    """The notices whose time has come and that have not been written to the end."""
    due = [stage for p in catalogue.programmes.values() for stage in _due_of(p, seconds_floor(at))]
    if not due:
        return []
    run = expiry_notice_run.c
    mine = run.done & run.programme_id.in_({stage.programme_id for stage in due})
    ended = select(run.programme_id, run.epoch, run.days_before).where(mine)
    done = {Stage(*row) for row in conn.execute(ended)}
    return [stage for stage in due if stage not in done]


def _due_of(programme: Programme, at: int) -> Iterable[Stage]:
    end = programme.end
    if end is not None:
        told = end_notice_days(end.ends_at, end.announced_at, programme.zone)
        days = notice_due(end.ends_at, told, programme.zone, at)
        if days is not None:
            yield Stage(programme.programme_id, OF_THE_END, days)
    for epoch, ends_at in enumerate(programme.epoch_ends, 1):
        days = notice_due(ends_at, programme.notice_days, programme.zone, at)
        if days is not None:
            yield Stage(programme.programme_id, epoch, days)


def write_some(conn: Connection, stage: Stage, programme: Programme, at: datetime) -> int:
    """Some members more have their notice; returns how many rows the step looked at, 0 once all have.

    Locks: the row of the run.
    Idempotency: a member's notice of a stage is written once, by the UNIQUE constraint too.
    """
    run = expiry_notice_run.c
    mine = (
        (run.programme_id == stage.programme_id)
        & (run.epoch == stage.epoch)
        & (run.days_before == stage.days_before)
    )
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(make(expiry_notice_run).values({**stage._asdict(), "last_member_id": 0, "done": False})
                 .on_conflict_do_nothing())  # fmt: skip
    so_far = conn.execute(select(run.last_member_id, run.done).where(mine).with_for_update()).one()
    if so_far.done:
        return 0
    rows = conn.execute(_holders(stage, so_far.last_member_id)).all()
    if rows:
        day = last_day(_end_of(stage, programme), programme.zone).isoformat()
        same = {**stage._asdict(), "last_day": day, "noticed_at": at}
        told = [{**same, "member_id": row.member_id, "points": row.points} for row in rows]
        conn.execute(insert(expiry_notice), told)
    last = rows[-1].member_id if rows else so_far.last_member_id
    conn.execute(update(expiry_notice_run).where(mine).values(last_member_id=last, done=len(rows) < _ROWS))
    return len(rows)


def _end_of(stage: Stage, programme: Programme) -> int:
    if stage.epoch == OF_THE_END and programme.end is not None:
        return programme.end.ends_at
    return programme.epoch_ends[stage.epoch - 1]


def tell_anew(
    conn: Connection, programme: Programme, epoch: int, into: Mapping[int, int], at: datetime
) -> None:
    """Those of these members who were told of the end of ``epoch`` are told of the later one, too.

    Args:
        conn: the unit of work in which their points are in the later epoch.
        programme: whose points.
        epoch: the one that the points have left.
        into: the later epoch by member.
        at: the present instant.

    Idempotency: once a day for a member and epoch, by the UNIQUE constraint.
    """
    row, own = expiry_notice.c, expiry_notice.c.programme_id == programme.programme_id
    mine = own & (row.epoch == epoch) & row.member_id.in_(list(into))
    told = list(conn.execute(select(row.member_id).where(mine).distinct().order_by(row.member_id)).scalars())
    found = (lot.c.programme_id == programme.programme_id) & lot.c.member_id.in_(told)
    points = {
        (kept.member_id, kept.epoch): kept.available + kept.held
        for kept in conn.execute(select(lot).where(found & lot.c.epoch.in_(set(into.values()))))
    }
    today, rows = at.astimezone(programme.zone).date(), []
    for member_id in told:
        ends_at, left = programme.epoch_ends[into[member_id] - 1], points.get((member_id, into[member_id]), 0)
        if left and ends_at < NEVER_SECONDS:
            day = last_day(ends_at, programme.zone)
            same = {"programme_id": programme.programme_id, "epoch": into[member_id], "noticed_at": at}
            until = {"last_day": day.isoformat(), "days_before": (day - today).days}
            rows.append({**same, **until, "member_id": member_id, "points": left})
    if rows:
        make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        conn.execute(make(expiry_notice).on_conflict_do_nothing(), rows)


def _holders(stage: Stage, after: int) -> Select[tuple[int, int]]:
    points = lot.c.available + lot.c.held
    mine = (lot.c.programme_id == stage.programme_id) & (points > 0) & (lot.c.member_id > after)
    if stage.epoch != OF_THE_END:
        mine &= lot.c.epoch == stage.epoch
    return (
        select(lot.c.member_id, cast(func.sum(points), BigInteger).label("points"))
        .join(member, (member.c.member_id == lot.c.member_id) & (member.c.status != "erased"))
        .where(mine)
        .group_by(lot.c.member_id)
        .order_by(lot.c.member_id)
        .limit(_ROWS)
    )


def notices_of(conn: Connection, member_id: int, before: int | None, most: int) -> list[NoticeView]:
    """A member's notices, newest first, from behind the notice ``before``."""
    row = expiry_notice.c
    mine = row.member_id == member_id
    if before is not None:
        mine &= row.notice_id < before
    columns = (row.notice_id, row.programme_id, row.epoch, row.days_before, row.points, row.last_day,
               row.noticed_at)  # fmt: skip
    query = select(*columns).where(mine).order_by(row.notice_id.desc()).limit(most)
    return [NoticeView(*found) for found in conn.execute(query)]
