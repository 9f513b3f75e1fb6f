"""The cached tiers of a programme made anew from the qualifying activity: set-based, in resumable steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.tiers.changing import write_changes
from ledger_service.tiers.models import qualifying_day, tier_run
from ledger_service.tiers.rules import Ladder
from ledger_service.tiers.standing_sql import standing_select

MEMBERS_AT_ONCE = 10_000
ACTIVITY, TIERS = "activity", "tiers"
_WITHOUT_ACTIVITY = (
    "DELETE FROM member_tier WHERE programme_id = :programme AND member_id BETWEEN :first AND :last"
    " AND NOT EXISTS (SELECT 1 FROM qualifying_day q"
    " WHERE q.member_id = member_tier.member_id AND q.programme_id = :programme)"
)

Before = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run makes anew: a programme's rows by a ladder, as of a business day; ``kind`` names them."""

    kind: str
    programme_id: int
    ladder: Ladder
    day: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the last member that is done, how many are, and whether that is all."""

    last_member_id: int
    members: int
    ended: bool


def progress_of(conn: Connection, run: Run) -> Progress | None:
    """How far this very run came, or None where it was never begun (or another replaced it).

    Activity does not depend on ladder and day; tiers do, so those of another version or day are begun anew.
    """
    row = conn.execute(select(tier_run).where(*_mine(run))).one_or_none()
    if row is None:
        return None
    if run.kind != ACTIVITY and (row.ladder_version, row.day) != (run.ladder.version, run.day):
        return None
    return Progress(row.last_member_id, row.members, row.ended_at is not None)


def begin_again(conn: Connection, run: Run, at: datetime) -> None:
    """A run that has ended starts anew; one that was interrupted is left to go on."""
    done = progress_of(conn, run)
    if done is not None and done.ended:
        begin(conn, run, at)


def begin(conn: Connection, run: Run, at: datetime) -> Progress:
    """The run starts at the first member; what another run of its kind has noted is forgotten."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    begun = {
        "ladder_version": run.ladder.version,
        "day": run.day,
        "last_member_id": 0,
        "members": 0,
        "begun_at": at,
        "ended_at": None,
    }
    # A command and the bridge's job may begin the same at once: the later one goes on for both.
    first = make(tier_run).values(programme_id=run.programme_id, kind=run.kind, **begun)
    conn.execute(first.on_conflict_do_update(index_elements=["programme_id", "kind"], set_=begun))
    return Progress(0, 0, False)


def next_members(conn: Connection, after: int, count: int) -> tuple[int, int] | None:
    """The last id of the next ``count`` members and how many there are; None behind the last member.

    Locks (PostgreSQL): the members, ascending, as a checkout does; their sales wait until the commit.
    """
    lock = "" if conn.dialect.name == "sqlite" else " FOR NO KEY UPDATE"
    some = f"SELECT member_id FROM member WHERE member_id > :after ORDER BY member_id LIMIT :count{lock}"
    counted = text(f"WITH chosen AS ({some}) SELECT MAX(member_id), COUNT(*) FROM chosen")
    last, found = conn.execute(counted, {"after": after, "count": count}).one()
    return None if last is None else (last, found)


def note(conn: Connection, run: Run, done: Progress, at: datetime) -> Progress:
    """The run is so far; what is noted commits with the rows."""
    values: dict[str, Any] = {"last_member_id": done.last_member_id, "members": done.members}
    if done.ended:
        values["ended_at"] = at
    conn.execute(update(tier_run).where(*_mine(run)).values(values))
    return done


def step(
    conn: Connection, run: Run, at: datetime, count: int = MEMBERS_AT_ONCE, before: Before | None = None
) -> Progress:
    """The tiers of the next ``count`` members are what their activity says; call until ``ended``.

    Args:
        conn: the unit of work.
        run: which programme's, by which ladder, as of which day.
        at: the present instant, noted.
        count: how many members.
        before: called with the first and last member id before their tiers are written: makes the activity.

    Idempotency: a run that was interrupted goes on where its last commit was; one that has ended changes
    nothing.
    Locks (PostgreSQL): the members, ascending.
    """
    done = progress_of(conn, run) or begin(conn, run, at)
    if done.ended:
        return done
    some = next_members(conn, done.last_member_id, count)
    if some is None:
        return note(conn, run, Progress(done.last_member_id, done.members, True), at)
    last, found = some
    if before is not None:
        before(done.last_member_id + 1, last)
    write_places(conn, run, (done.last_member_id + 1, last), at)
    return note(conn, run, Progress(last, done.members + found, False), at)


def replace_days(
    conn: Connection, programme_id: int, members: tuple[int, int], days: Iterable[tuple[int, int, int]]
) -> None:
    """The activity of the members, first to last, of a programme is these (member, day, amount) alone."""
    mine = qualifying_day.c.member_id.between(*members) & (qualifying_day.c.programme_id == programme_id)
    conn.execute(delete(qualifying_day).where(mine))
    rows = [
        {
            "member_id": member_id,
            "programme_id": programme_id,
            "year": date.fromordinal(day).year,
            "day": day,
            "amount_minor": amount,
        }
        for member_id, day, amount in days
    ]
    if rows:
        conn.execute(insert(qualifying_day), rows)


def write_places(conn: Connection, run: Run, members: tuple[int, int], at: datetime) -> None:
    """The cached rows of the members, first to last, are what their activity says; equal ones stay.

    What that changes for whom stands in ``tier_change``.
    """
    select_places = standing_select(run.ladder, run.day, conn.dialect.name)
    # WHERE true: without it SQLite reads the ON of the conflict as one of a join.
    sql = (
        "INSERT INTO member_tier (member_id, programme_id, level, until_day, total_minor, ladder_version)"
        f" SELECT member_id, CAST(:programme AS INTEGER), level, until_day, total_minor, {run.ladder.version}"
        f" FROM ({select_places}) AS s WHERE true"
        " ON CONFLICT (member_id, programme_id) DO UPDATE SET level = excluded.level,"
        " until_day = excluded.until_day, total_minor = excluded.total_minor,"
        " ladder_version = excluded.ladder_version"
        " WHERE member_tier.level <> excluded.level OR member_tier.total_minor <> excluded.total_minor"
        " OR member_tier.ladder_version <> excluded.ladder_version"
        " OR COALESCE(member_tier.until_day, 0) <> COALESCE(excluded.until_day, 0)"
    )
    bounds = {"programme": run.programme_id, "first": members[0], "last": members[1]}
    write_changes(conn, select_places, run.ladder, {**bounds, "day": run.day}, at)
    conn.execute(text(sql), bounds)
    if run.kind == ACTIVITY:
        conn.execute(text(_WITHOUT_ACTIVITY), bounds)


def moves(
    conn: Connection, programme_id: int, ladders: tuple[Ladder | None, Ladder], day: int
) -> Mapping[tuple[int, int], int]:
    """How many members with activity would stand on which level by one ladder and by the other on a day.

    Args:
        conn: a snapshot; nothing is written.
        programme_id: whose members.
        ladders: the one before (None: everybody stands on level 0) and the one after.
        day: the business day on which both judge.

    Returns:
        Members by (level before, level after).
    """
    before, after = ladders
    dialect = conn.dialect.name
    new = standing_select(after, day, dialect)
    old = "SELECT 0 AS level, 0 AS member_id WHERE false" if before is None else (
        standing_select(before, day, dialect))  # fmt: skip
    sql = text(
        f"SELECT COALESCE(b.level, 0), a.level, COUNT(*) FROM ({new}) AS a"
        f" LEFT JOIN ({old}) AS b ON b.member_id = a.member_id GROUP BY 1, 2"
    )
    found: dict[tuple[int, int], int] = {}
    last = 0
    while (some := _members_behind(conn, last)) is not None:
        bounds = {"programme": programme_id, "first": last + 1, "last": some}
        for was, will, members in conn.execute(sql, bounds):
            found[(was, will)] = found.get((was, will), 0) + members
        last = some
    return found


def _members_behind(conn: Connection, after: int) -> int | None:
    some = "SELECT member_id FROM member WHERE member_id > :after ORDER BY member_id LIMIT :count"
    sql = text(f"SELECT MAX(member_id) FROM ({some}) AS m")
    found: int | None = conn.execute(sql, {"after": after, "count": MEMBERS_AT_ONCE}).scalar_one()
    return found


def _mine(run: Run) -> tuple[Any, ...]:
    return (tier_run.c.programme_id == run.programme_id, tier_run.c.kind == run.kind)
