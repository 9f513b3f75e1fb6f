"""Changes of tiers, written down where they are first found: in a purchase's draft, or by a recount's SELECT.

A recount compares with the last change that was written, not with the cached row, so that a cache made anew,
or one lost, is no change of anybody's tier. Members that were erased have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, text

from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import instant_of_seconds, micros_of, seconds_floor
from ledger_service.tiers.change_rules import (
    Cause,
    Change,
    Stand,
    carried_level,
    change_between,
    ends_are_told,
)
from ledger_service.tiers.ladders import ladder_of
from ledger_service.tiers.models import tier_change, tier_ladder
from ledger_service.tiers.rules import FOR_EVER, Ladder

# Asked for each member by its index: a member has few changes, and a range of ten thousand has many.
_LAST_ID = (
    "(SELECT MAX(x.change_id) FROM tier_change AS x WHERE x.member_id = place.member_id"
    " AND x.programme_id = :programme)"
)
# Who stood somewhere and has no activity any more, since its sales are another's.
_BARE = (
    "SELECT b.member_id, 0, CAST(NULL AS INTEGER) FROM tier_change AS b WHERE b.change_id IN (SELECT"
    " MAX(change_id) FROM tier_change WHERE programme_id = :programme AND member_id BETWEEN :first AND :last"
    " GROUP BY member_id) AND b.level > 0 AND NOT EXISTS (SELECT 1 FROM qualifying_day q"
    " WHERE q.member_id = b.member_id AND q.programme_id = :programme)"
)


def note_change(
    draft: Draft, whose: tuple[int, int, int], ladder: Ladder, stands: tuple[Stand, Stand],
    why: tuple[Cause, int],
) -> None:  # fmt: skip
    """Where the two stands differ, the change will be written.

    Args:
        draft: of the command that found it.
        whose: member, programme, and the present second.
        ladder: the one that judges; before its time it changes nothing.
        stands: before and now, both in its levels.
        why: the cause, and the business day from which it holds.
    """
    was, now = stands
    change = change_between(ladder, was, now)
    member_id, programme_id, at = whose
    if change is None or ladder.effective_from > at:
        return
    draft.append(tier_change, {
        "member_id": member_id, "programme_id": programme_id, "ladder_version": ladder.version,
        "was": was.level, "level": now.level, "until_day": now.until_day, "change": change.value,
        "cause": why[0].value, "day": why[1], "at": instant_of_seconds(at),
    })  # fmt: skip


def changes_insert(places: str, versions: Sequence[Ladder], ladder: Ladder) -> str:
    """An INSERT of the changes between what was written last and ``places``, before the cache is written.

    Binds ``programme``, ``first`` and ``last`` (member ids), ``day`` (today) and ``at`` (micros).

    Args:
        places: a SELECT of ``member_id``, ``level`` and ``until_day``, as ``standing_select`` makes it.
        versions: the programme's ladders, whose levels the last changes count in.
        ladder: the one that judges.
    """
    now_end, was_end = (f"COALESCE({one}, {FOR_EVER})" for one in ("until_day", "was_until"))
    ends = f" OR (level > 0 AND {now_end} <> {was_end})" if ends_are_told(ladder) else ""
    lapsed = f"judged_by = {ladder.version} AND level < was AND held_until < :day"
    return (
        "INSERT INTO tier_change (member_id, programme_id, ladder_version, was, level, until_day, change,"
        " cause, day, at)"
        f" WITH place AS (SELECT member_id, level, until_day FROM ({places}) AS s UNION ALL {_BARE}),"
        " stand AS (SELECT p.member_id, p.level, p.until_day, c.until_day AS was_until,"
        f" {_carried(versions, ladder)} AS was, t.until_day AS held_until, t.ladder_version AS judged_by"
        f" FROM (SELECT place.*, {_LAST_ID} AS last_id FROM place) AS p"
        " JOIN member m ON m.member_id = p.member_id AND m.status <> 'erased'"
        " LEFT JOIN tier_change c ON c.change_id = p.last_id"
        " LEFT JOIN member_tier t ON t.member_id = p.member_id AND t.programme_id = :programme)"
        f" SELECT member_id, CAST(:programme AS INTEGER), {ladder.version}, was, level, until_day,"
        f" CASE WHEN level > was THEN '{Change.REACHED}' WHEN level < was THEN '{Change.FELL}'"
        f" WHEN {now_end} > {was_end} THEN '{Change.RENEWED}' ELSE '{Change.SHORTENED}' END,"
        f" CASE WHEN {lapsed} THEN '{Cause.TIME}' WHEN judged_by = {ladder.version} THEN '{Cause.RECOUNT}'"
        f" ELSE '{Cause.LADDER}' END,"
        f" CASE WHEN {lapsed} THEN held_until + 1 ELSE CAST(:day AS INTEGER) END, CAST(:at AS BIGINT)"
        f" FROM stand WHERE level <> was{ends} ORDER BY member_id"
    )


def _carried(versions: Sequence[Ladder], ladder: Ladder) -> str:
    moved = [
        (one.version, level, carried)
        for one in versions for level in range(one.top + 1)
        if (carried := carried_level(versions, ladder, one.version, level)) != level
    ]  # fmt: skip
    cases = " ".join(f"WHEN c.ladder_version = {v} AND c.level = {was} THEN {now}" for v, was, now in moved)
    return f"COALESCE({f'CASE {cases} ELSE c.level END' if cases else 'c.level'}, 0)"


def write_changes(
    conn: Connection, places: str, ladder: Ladder, bounds: dict[str, int], at: datetime
) -> None:
    """The changes that a recount finds are written; of a ladder before its time none are.

    Args:
        conn: the unit of work.
        places: as in ``changes_insert``.
        ladder: the one that judges.
        bounds: ``programme``, ``first``, ``last`` and ``day``.
        at: the present instant.
    """
    if ladder.effective_from > seconds_floor(at):
        return
    row = tier_ladder.c
    its = select(row.version, row.effective_from, row.body).where(row.programme_id == bounds["programme"])
    rows = conn.execute(its).all()
    versions = [ladder_of(one.version, one.effective_from, orjson.loads(one.body)) for one in rows]
    conn.execute(text(changes_insert(places, versions, ladder)), {**bounds, "at": micros_of(at)})
