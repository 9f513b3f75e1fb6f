"""Keeps alive what an active member has: before each notice of an epoch, on its last day and when it has
ended the job looks for activity and extends; the expiry looks once more before it takes anything.

Nobody's sale does more for it. How far a look has come stands in ``extension_run``; one that was cut off goes
on where it was, and a member that is looked at twice has nothing left to extend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.clock import instant_of_micros, seconds_floor
from ledger_service.kernel.permits import MINING_WINDOW_SECONDS
from ledger_service.ledger.models import lot
from ledger_service.ledger.rules import Part, of_member
from ledger_service.points.catalogue import Catalogue, Programme, read_catalogue
from ledger_service.points.inactivity_rules import LAST_LOOKS, active_since, entry_kinds, epoch_after
from ledger_service.points.models import extension_run, member_programme
from ledger_service.points.notice_rules import notice_due
from ledger_service.points.notices import Stage
from ledger_service.points.rules import may_expire

_ROWS = 200
_SIDE = (
    "SELECT m.member_id, e.occurred_at FROM member AS m"
    " JOIN posting AS p ON p.{side} BETWEEN m.ledger_base AND m.ledger_base + :last"
    " AND {own} AND p.programme_id = :programme"
    " JOIN entry AS e ON e.sequence = p.sequence"
    " WHERE m.member_id IN :members AND e.kind IN :kinds AND e.occurred_at BETWEEN :since AND :until"
)
_ACTIVE = text(
    "SELECT member_id, MAX(occurred_at) FROM ("
    + " UNION ALL ".join(
        _SIDE.format(side=side, own=of_member(f"p.{side}")) for side in ("source_id", "destination_id")
    )
    + ") AS acts GROUP BY member_id"
).bindparams(bindparam("members", expanding=True), bindparam("kinds", expanding=True))


class Look(NamedTuple):
    """Some members with points in an epoch, in the order of their ids, and where those points go.

    ``into`` has the members that were active; the points of all others stay where they are.
    """

    member_ids: Sequence[int]
    into: Mapping[int, int]


def looks_due(conn: Connection, catalogue: Catalogue, at: datetime) -> list[Stage]:
    """The looks whose time has come and that are not done: one before each notice, and the last two."""
    second = seconds_floor(at)
    due = [stage for p in catalogue.programmes.values() if p.activities for stage in _due_of(p, second)]
    if not due:
        return []
    run = extension_run.c
    mine = run.done & run.programme_id.in_({stage.programme_id for stage in due})
    ended = select(run.programme_id, run.epoch, run.days_before).where(mine)
    done = {Stage(*row) for row in conn.execute(ended)}
    return [stage for stage in due if stage not in done]


def _due_of(programme: Programme, at: int) -> Iterable[Stage]:
    days = {*programme.notice_days, *LAST_LOOKS}
    for epoch, ends_at in enumerate(programme.epoch_ends, 1):
        due = notice_due(ends_at, sorted(days), programme.zone, at)
        ended = may_expire(programme.epoch_ends, epoch, at)
        if ended and not has_lapsed(programme, epoch, at):
            due = 0
        if due is not None:
            yield Stage(programme.programme_id, epoch, due)


def has_lapsed(programme: Programme, epoch: int, at: int) -> bool:
    """Whether what is left of an ended epoch may expire.

    Where inactivity decides, not before every sale made without a connection has had the time to come in.
    """
    wait = MINING_WINDOW_SECONDS if programme.activities else 0
    return may_expire(programme.epoch_ends, epoch, at - wait)


def look(conn: Connection, stage: Stage, programme: Programme) -> Look:
    """The next members of a look, those of no activity too; none when all have been looked at."""
    run, standing = extension_run.c, member_programme.c
    so_far = conn.execute(select(run.last_member_id).where(_is(stage))).scalar_one_or_none() or 0
    frozen = exists().where(
        (standing.member_id == lot.c.member_id)
        & (standing.programme_id == stage.programme_id)
        & standing.frozen
    )
    mine = (lot.c.programme_id == stage.programme_id) & (lot.c.epoch == stage.epoch) & (lot.c.available > 0)
    query = select(lot.c.member_id).where(mine & ~frozen & (lot.c.member_id > so_far))
    found = conn.execute(query.order_by(lot.c.member_id).limit(_ROWS)).scalars().all()
    return Look(found, into_epochs(conn, programme, stage.epoch, found))


def into_epochs(
    conn: Connection, programme: Programme, epoch: int, member_ids: Sequence[int]
) -> dict[int, int]:
    """The later epoch that points of ``epoch`` go to, of each of these members that was active in time."""
    if not member_ids or not programme.activities:
        return {}
    ends, terms = programme.epoch_ends, programme.terms
    values = {
        "members": list(member_ids), "kinds": list(entry_kinds(programme.activities)),
        "programme": programme.programme_id, "last": int(Part.DEBT),
        "since": active_since(ends, terms, epoch) * 1_000_000, "until": ends[epoch - 1] * 1_000_000 - 1,
    }  # fmt: skip
    active = {row[0]: seconds_floor(instant_of_micros(row[1])) for row in conn.execute(_ACTIVE, values)}
    later = {member_id: epoch_after(ends, terms, epoch, at) for member_id, at in active.items()}
    return {member_id: into for member_id, into in sorted(later.items()) if into is not None}


def needed_since(conn: Connection) -> int | None:
    """No entry that occurred before this instant (seconds) can keep points alive any more.

    None where no programme's points lapse through inactivity. What is not spent, extended or expired yet
    counts, however long ago its epoch has ended.
    """
    alive = lot.c.available + lot.c.held + lot.c.pending > 0
    found = []
    for one in read_catalogue(conn).programmes.values():
        if one.activities:
            mine = (lot.c.programme_id == one.programme_id) & alive
            first = conn.execute(select(func.min(lot.c.epoch)).where(mine)).scalar_one()
            if first is not None:
                found.append(active_since(one.epoch_ends, one.terms, first))
    return min(found, default=None)


def note_progress(conn: Connection, stage: Stage, seen: Look) -> None:
    """The look has come that far; it is done where it saw fewer than a full step. Locks: the run's row."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    first = {**stage._asdict(), "last_member_id": 0, "done": False}
    conn.execute(make(extension_run).values(first).on_conflict_do_nothing())
    values: dict[str, object] = {"done": len(seen.member_ids) < _ROWS}
    if seen.member_ids:
        values["last_member_id"] = seen.member_ids[-1]
    conn.execute(update(extension_run).where(_is(stage)).values(values))


def looked_at(conn: Connection, stage: Stage) -> bool:
    """Whether everybody's activity was looked at as late as for this notice."""
    run = extension_run.c
    late = (run.programme_id == stage.programme_id) & (run.epoch == stage.epoch) & run.done
    return conn.execute(select(exists().where(late & (run.days_before <= stage.days_before)))).scalar_one()


def _is(stage: Stage) -> ColumnElement[bool]:
    run = extension_run.c
    return (
        (run.programme_id == stage.programme_id)
        & (run.epoch == stage.epoch)
        & (run.days_before == stage.days_before)
    )
