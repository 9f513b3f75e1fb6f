"""Reads of households: one with its mates, a member's, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.members.households.errors import HouseholdUnknown
from ledger_service.members.households.models import (
    household,
    household_due,
    household_event,
    household_key,
    household_mate,
)
from ledger_service.members.households.requests import MateView
from ledger_service.members.households.rules import left_micros, period_of
from ledger_service.members.models import device, member

MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """A household; ``mates`` are those who are invited, in, or have something waiting."""

    household_id: int
    number: str
    account: bytes
    name: str | None
    state: str
    parting: str
    timezone: str
    mates: tuple[MateView, ...]

    def mate(self, member_id: int | None) -> MateView | None:
        """The mate with this id."""
        return next((m for m in self.mates if m.member_id == member_id), None)


@dataclass(frozen=True, slots=True)
class EventView:
    """What happened; ``number`` is that of the member whom it concerned, None once erased."""

    position: int
    kind: str
    number: str | None
    by: str
    at: datetime


def find_household(conn: Connection, number: str, member_id: int | None, at: datetime) -> HouseholdView:
    """The household, for one of its mates or (None) for an operator.

    Raises:
        HouseholdUnknown: no such household, or none of this member's.
    """
    h, m = household.c, member.c
    joined = household.join(member, m.member_id == h.household_id)
    who = (m.member_id, m.member_number, m.account, m.display_name, h.state, h.parting, h.timezone)
    row = conn.execute(select(*who).select_from(joined).where(m.member_number == number)).one_or_none()
    if row is None:
        raise HouseholdUnknown
    found = HouseholdView(*row, mates=_mates(conn, row.member_id, row.timezone, at))
    if member_id is not None and found.mate(member_id) is None:
        raise HouseholdUnknown
    return found


def households_of(conn: Connection, member_id: int) -> list[tuple[str, str | None, str, str]]:
    """Number, name, and the member's role and state, of each household that it has to do with."""
    h = household_mate.c
    joined = household_mate.join(member, member.c.member_id == h.household_id)
    what = select(member.c.member_number, member.c.display_name, h.role, h.state).select_from(joined)
    mine = what.where(h.member_id == member_id, h.state != "out").order_by(h.invited_at.desc())
    rows = conn.execute(mine.limit(MOST_LISTED))
    return [(row.member_number, row.display_name, row.role, row.state) for row in rows]


def has_to_do_with(conn: Connection, household_id: int, member_id: int) -> bool:
    """Whether the member is invited to, in, or parting from the household."""
    h = household_mate.c
    mine = (h.household_id == household_id) & (h.member_id == member_id) & (h.state != "out")
    return conn.execute(select(h.role).where(mine)).first() is not None


def owner_of_lane(conn: Connection, household_id: int) -> dict[int, int]:
    """The mate behind each lane that ever signed for the household's account."""
    joined = household_key.join(device, device.c.device_id == household_key.c.device_id)
    mine = household_key.c.household_id == household_id
    rows = conn.execute(select(device.c.lane, household_key.c.member_id).select_from(joined).where(mine))
    return {row.lane: row.member_id for row in rows}


def numbers_of(conn: Connection, member_ids: set[int]) -> dict[int, str]:
    """The numbers of members; the erased ones are missing."""
    wanted = select(member.c.member_id, member.c.member_number).where(member.c.member_id.in_(member_ids))
    return {row.member_id: row.member_number for row in conn.execute(wanted) if row.member_number is not None}


def events_of(conn: Connection, household_id: int, after: int | None, most: int) -> list[EventView]:
    """What happened, oldest first, behind a position."""
    e = household_event.c
    joined = household_event.outerjoin(member, member.c.member_id == e.member_id)
    what = select(e.position, e.kind, member.c.member_number, e.by_whom, e.at).select_from(joined)
    mine = what.where(e.household_id == household_id, e.position > (-1 if after is None else after))
    return [EventView(*row) for row in conn.execute(mine.order_by(e.position).limit(most))]


def _mates(conn: Connection, household_id: int, timezone: str, at: datetime) -> tuple[MateView, ...]:
    m, d = household_mate.c, household_due.c
    due: dict[int, dict[tuple[int, int], int]] = {}
    waiting = select(household_due).where(d.household_id == household_id, d.points > 0, d.until > at)
    for row in conn.execute(waiting):
        due.setdefault(row.member_id, {})[row.programme_id, row.epoch] = row.points
    joined = household_mate.join(member, member.c.member_id == m.member_id)
    what = select(household_mate, member.c.member_number, member.c.display_name).select_from(joined)
    there = what.where(m.household_id == household_id, m.state != "out").order_by(m.invited_at, m.member_id)
    return tuple(
        MateView(
            row["member_id"], row["member_number"],
            # Whoever guesses a number does not learn whose it is by inviting it.
            None if row["state"] == "invited" else row["display_name"], row["role"], row["state"],
            row["spends"], row["limit_micros"],
            left_micros(dict(row), period_of(row["spends"], timezone, at)),
            row["sees_balances"], row["shows_baskets"], due.get(row["member_id"], {}),
        )
        for row in conn.execute(there).mappings()
    )  # fmt: skip


def lapse_is_due(conn: Connection, at: datetime) -> bool:
    """Whether something that waits for a mate that left has waited long enough."""
    late = select(household_due.c.points).where(household_due.c.until <= at).limit(1)
    return conn.execute(late).first() is not None
