"""Leaving a household, its end, and another owner: who is out is out at once, and its part waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.ledger.models import lot
from ledger_service.ledger.queries import balance
from ledger_service.members.devices import lock_accounts
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.households import mates, rules
from ledger_service.members.households.desk import mate_in, mate_row, open_house
from ledger_service.members.households.errors import HouseholdConflict, HouseholdRightMissing
from ledger_service.members.households.models import (
    household,
    household_due,
    household_gift,
    household_key,
    household_mate,
)
from ledger_service.members.households.requests import Actor, SpentByKeys
from ledger_service.members.models import device, member
from ledger_service.outbox.service import NewIntent, enqueue_now

_M, _D, _G, _L = household_mate.c, household_due.c, household_gift.c, lot.c
_LAPSES_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class PartingDesk:
    """Commands by which mates and households part; ``spent`` knows what a mate's keys paid with."""

    spent: SpentByKeys

    def part(self, conn: Connection, number: str, whose: int, actor: Actor) -> dict[tuple[int, int], int]:
        """The mate leaves, or is removed: it pays nothing more from now on, and its part waits thirty days.

        Returns:
            what waits, by programme and epoch.

        Raises:
            HouseholdUnknown, HouseholdRightMissing: neither the mate itself nor the owner.
            HouseholdConflict: mate-unknown, owner-stays.

        Locks: the household's account; the head row last.
        """
        house = open_house(conn, number, actor, closing_too=True)
        if actor.member_id not in (None, whose):
            _check_owner(conn, house, actor.member_id or 0)
        mate = mate_row(conn, house, whose)
        if mate is None or mate["state"] not in ("in", "invited"):
            raise HouseholdConflict("mate-unknown")
        if mate["role"] == "owner":
            raise HouseholdConflict("owner-stays")
        part, intents = self._parted(conn, house, mate, actor)
        enqueue_now(conn, intents, actor.at)
        return part

    def dissolve(self, conn: Connection, number: str, actor: Actor) -> str:
        """Nobody pays or joins any more, every mate's part waits; asked again once all is gone, it is closed.

        Returns:
            closing, or closed where no point is left and nothing waits for anybody.

        Raises:
            HouseholdUnknown, HouseholdRightMissing: not the owner's.

        Locks: the household's account; the head row last.
        """
        house = open_house(conn, number, actor, owner=True, closing_too=True)
        if actor.member_id is None:
            raise HouseholdRightMissing
        intents: list[NewIntent] = []
        still_open = (household.c.household_id == house) & (household.c.state == "open")
        conn.execute(update(household).where(still_open).values(state="closing", closing_at=actor.at))
        others = select(household_mate).where(_M.household_id == house, _M.role == "mate")
        for mate in conn.execute(others.where(_M.state.in_(("in", "invited")))).mappings().all():
            intents += self._parted(conn, house, mate, actor)[1]
        state = "closing"
        if not self._holds_anything(conn, house):
            intents += self._end(conn, house, actor)
            state = "closed"
        mates.note(conn, house, state, (actor.member_id, actor.subject, actor.at))
        enqueue_now(conn, intents, actor.at)
        return state

    def hand_over(self, conn: Connection, number: str, heir: int, actor: Actor) -> bool:
        """Another mate owns the household: at its owner's word, or that of two operators.

        Returns:
            whether it does already; False while a second operator must agree.

        Raises:
            HouseholdUnknown, HouseholdRightMissing: not the owner's. HouseholdConflict: not-in.

        Locks: the household's account.
        """
        house = open_house(conn, number, actor, owner=True, closing_too=True)
        mate_in(conn, house, heir)
        its = household.c.household_id == house
        asked = conn.execute(select(household.c.heir, household.c.heir_asked_by).where(its)).one()
        second = asked.heir == heir and asked.heir_asked_by != actor.subject
        if actor.member_id is None and not second:
            conn.execute(update(household).where(its).values(heir=heir, heir_asked_by=actor.subject))
            mates.note(conn, house, "owner-asked", (heir, actor.subject, actor.at))
            return False
        conn.execute(update(household).where(its).values(heir=None, heir_asked_by=None))
        inside = (_M.household_id == house) & (_M.state == "in")
        conn.execute(update(household_mate).where(inside, _M.role == "owner").values(role="mate"))
        whole = {"role": "owner", "spends": "all", "limit_micros": None, "sees_balances": True}
        conn.execute(update(household_mate).where(inside, _M.member_id == heir).values(**whole))
        mates.note(conn, house, "owner", (heir, actor.subject, actor.at))
        return True

    def lapse(self, conn: Connection, at: datetime) -> int:
        """Parts that nobody fetched in thirty days are the household's, the mates' keys end; a job's step.

        Returns:
            how many mates are out by it.
        """
        late = select(_D.household_id, _D.member_id).where(_D.until <= at).distinct().limit(_LAPSES_AT_ONCE)
        found = conn.execute(late.order_by(_D.household_id, _D.member_id)).all()
        accounts = lock_accounts(conn, {row.household_id for row in found})
        intents: list[NewIntent] = []
        for house, member_id in found:
            conn.execute(delete(household_due).where(_D.household_id == house, _D.member_id == member_id))
            mine = (_M.household_id == house) & (_M.member_id == member_id) & (_M.state == "parting")
            conn.execute(update(household_mate).where(mine).values(state="out"))
            intents += mates.end_keys(conn, (house, accounts[house]), member_id, at)
        enqueue_now(conn, intents, at)
        return len(found)

    def _parted(
        self, conn: Connection, house: int, mate: RowMapping, actor: Actor
    ) -> tuple[dict[tuple[int, int], int], list[NewIntent]]:
        whose = mate["member_id"]
        part = {} if mate["state"] == "invited" else self._part(conn, house, mate, actor.at)
        mine = (_M.household_id == house) & (_M.member_id == whose)
        state = "parting" if part else "out"
        conn.execute(update(household_mate).where(mine).values(state=state, left_at=actor.at))
        kind = "left" if actor.member_id == whose else "removed"
        mates.note(conn, house, kind, (whose, actor.subject, actor.at))
        conn.execute(delete(household_due).where(_D.household_id == house, _D.member_id == whose))
        rows = [
            {"household_id": house, "member_id": whose, "programme_id": programme, "epoch": epoch,
             "points": points, "until": actor.at + rules.PART_LIFE}
            for (programme, epoch), points in sorted(part.items())
        ]  # fmt: skip
        if rows:
            sql_of(household_due, conn).insert(conn, rows)
            return part, []
        return part, mates.end_keys(conn, (house, _account(conn, house)), whose, actor.at)

    def _part(
        self, conn: Connection, house: int, mate: RowMapping, at: datetime
    ) -> dict[tuple[int, int], int]:
        rule = select(household.c.parting).where(household.c.household_id == house)
        since = mate["joined_at"]
        if conn.execute(rule).scalar_one() == rules.STAYS or since is None:
            return {}
        given: dict[tuple[int, int], int] = {}
        mine = (_G.household_id == house) & (_G.member_id == mate["member_id"]) & (_G.at >= since)
        for row in conn.execute(select(_G.programme_id, _G.epoch, _G.points).where(mine)):
            given[row.programme_id, row.epoch] = given.get((row.programme_id, row.epoch), 0) + row.points
        if not given:
            return {}
        lanes = select(device.c.lane).join(household_key, household_key.c.device_id == device.c.device_id)
        keys = (household_key.c.household_id == house) & (household_key.c.member_id == mate["member_id"])
        spent = self.spent(conn, house, frozenset(conn.execute(lanes.where(keys)).scalars()), since)
        there = {(v.programme_id, v.epoch): v.available for v in balance(conn, house)}
        owed = conn.execute(
            select(_D.programme_id, _D.epoch, _D.points).where(_D.household_id == house, _D.until > at)
        )
        free = rules.lessened(there, [((p, e), points) for p, e, points in owed])
        return rules.part_of(given, spent, free)

    def _holds_anything(self, conn: Connection, house: int) -> bool:
        points = select(func.sum(_L.available + _L.held + _L.pending)).where(_L.member_id == house)
        due = select(func.sum(_D.points)).where(_D.household_id == house)
        return bool(conn.execute(points).scalar_one()) or bool(conn.execute(due).scalar_one())

    def _end(self, conn: Connection, house: int, actor: Actor) -> list[NewIntent]:
        account, intents = _account(conn, house), []
        there = select(_M.member_id).where(_M.household_id == house, _M.state != "out")
        for member_id in conn.execute(there.order_by(_M.member_id)).scalars().all():
            intents += mates.end_keys(conn, (house, account), member_id, actor.at)
        gone = (_M.household_id == house) & (_M.state != "out")
        conn.execute(update(household_mate).where(gone).values(state="out", left_at=actor.at))
        mates.close(conn, house, actor.at)
        return intents


def _check_owner(conn: Connection, house: int, member_id: int) -> None:
    row = mate_row(conn, house, member_id)
    if row is None or row["role"] != "owner" or row["state"] != "in":
        raise HouseholdRightMissing


def _account(conn: Connection, house: int) -> bytes:
    found: bytes | None = conn.execute(
        select(member.c.account).where(member.c.member_id == house)
    ).scalar_one_or_none()
    if found is None:
        raise MemberUnknown
    return found
