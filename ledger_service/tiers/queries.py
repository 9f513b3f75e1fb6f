"""Reads of the tiers room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from ledger_service.tiers.models import qualifying_day, tier_ladder, tier_run
from ledger_service.tiers.rules import Ladder, Place, place_at, since_day


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's tier of a programme with all that explains it; amounts in minor units.

    ``to_next_minor`` is None on the highest tier, ``to_keep_minor`` is what is missing for reaching the
    present tier in the window that is open.
    """

    ladder: Ladder
    place: Place
    since_day: int | None
    to_next_minor: int | None
    to_keep_minor: int


def standing_of(ladder: Ladder, amounts: Mapping[int, int], day: int) -> Standing:
    """The standing of a member with these amounts by day."""
    place = place_at(ladder, amounts, day)
    missing = missing_minor(ladder, place)
    keep = max(ladder.tiers[place.level].at_least_minor - place.window_minor, 0)
    return Standing(ladder, place, since_day(ladder, amounts, day), missing, keep)


def missing_minor(ladder: Ladder, place: Place) -> int | None:
    """What must still be bought in the open window for the next tier; None on the highest."""
    if place.level == ladder.top:
        return None
    return max(ladder.tiers[place.level + 1].at_least_minor - place.window_minor, 0)


def amounts_of(conn: Connection, member_id: int) -> dict[int, dict[int, int]]:
    """A member's qualifying amounts: programme, then business day."""
    q = qualifying_day.c
    found: dict[int, dict[int, int]] = {}
    for row in conn.execute(select(q.programme_id, q.day, q.amount_minor).where(q.member_id == member_id)):
        found.setdefault(row.programme_id, {})[row.day] = row.amount_minor
    return found


def first_published(conn: Connection, until: datetime) -> set[int]:
    """The programmes whose first ladder was published at ``until`` or before."""
    first = select(tier_ladder.c.programme_id).where(tier_ladder.c.version == 1)
    return set(conn.execute(first.where(tier_ladder.c.published_at <= until)).scalars())


def runs(conn: Connection, most: int) -> list[RowMapping]:
    """The last recounts by programme and kind: how many members they have counted, begun and ended when."""
    return list(conn.execute(select(tier_run).order_by(tier_run.c.begun_at.desc()).limit(most)).mappings())
