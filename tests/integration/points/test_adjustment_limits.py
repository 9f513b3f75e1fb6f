"""Limits of adjustments (D18): data that a second person puts in force; 64 requests at once within them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger_service.db.engine import Database
from ledger_service.points.adjustments import Asked, Decision
from ledger_service.points.errors import AdjustmentDecided, AdjustmentLimitReached, SecondPersonNeeded
from ledger_service.points.limits import service
from ledger_service.points.limits.rules import EVERYBODY, AdjustmentLimits
from ledger_service.points.limits.service import Proposal
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, FUEL, GROCER, Phone, Shop, lots_equal_postings
from tests.integration.checkout.test_races import at_once

WAYS = 64
WIDE = AdjustmentLimits(1_000, 100_000)


class Desk:
    """The points rooms of two workers, and operators who ask and decide."""

    def __init__(self, shop: Shop, other: Shop) -> None:
        self.shop = shop
        self.rooms = [room(shop, "w1"), room(other, "w2")]
        self.asked = 0

    def ask(self, phone: Phone, points: int, by: str = "ann", funder: int = GROCER, worker: int = 0) -> bytes:
        self.asked += 1
        request = AskAdjustment(phone.number, "GROC", points, "goodwill", "sorry", funder)
        asked = Asked(f"operator:{by}", f"k{self.asked}", self.shop.clock.at)
        return self.rooms[worker].ask_adjustment(request, asked)

    def approve(self, adjustment: bytes, worker: int = 0) -> str:
        decision = Decision(adjustment, "operator:zoe", True, self.shop.clock.at)
        return str(self.rooms[worker].decide_adjustment(decision))

    def limit(self, case: int, agent: int, month: int, day: int, funder: int = EVERYBODY) -> None:
        """These limits are in force."""
        self.asked += 1
        who = "operator:ann", f"l{self.asked}", self.shop.clock.at
        proposal = Proposal(funder, case, agent, month, day, *who)
        limit_id = self.shop.writer.run(lambda conn: service.propose(conn, proposal))
        said = "operator:bob", self.shop.clock.at
        self.shop.writer.run(lambda conn: service.decide(conn, limit_id, True, said))


def room(shop: Shop, worker: str) -> PointsService:
    settings = PointsSettings(DOMAIN, shop.desk.limits, WIDE, worker)
    return PointsService(shop.writer, shop.database, shop.catalogue, settings)


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield Desk(one, two)
    one.close()
    two.close()
    lots_equal_postings(one)


def which(desk: Desk, phone: Phone, points: int, **more: object) -> str:
    with pytest.raises(AdjustmentLimitReached) as refusal:
        desk.ask(phone, points, **more)  # type: ignore[arg-type]
    return refusal.value.which


def test_each_limit_is_its_own_and_the_agents_and_members_count_across_funders(desk: Desk) -> None:
    desk.limit(100, 200, 250, 300)
    jane, joe = desk.shop.enrol(), desk.shop.enrol()
    assert which(desk, jane, 101) == "case"
    desk.ask(jane, 100)
    desk.ask(joe, 100)
    assert which(desk, joe, 1, funder=FUEL) == "agent-day"
    desk.ask(jane, 100, by="bob", funder=FUEL)
    assert which(desk, jane, 51, by="bob", funder=FUEL) == "member-month"
    desk.ask(joe, 100, by="cid")
    assert which(desk, joe, 1, by="dan") == "funder-day"
    desk.shop.clock.at += timedelta(days=1)
    assert which(desk, jane, 51) == "member-month"
    desk.ask(joe, 50)
    desk.shop.clock.at += timedelta(days=29)
    desk.ask(jane, 100)


def test_a_funders_own_limits_only_tighten_everybodys_and_the_services(desk: Desk) -> None:
    phone = desk.shop.enrol()
    desk.limit(10_000, 10_000, 10_000, 10_000)
    assert which(desk, phone, 1_001) == "case"
    desk.limit(50, 10_000, 10_000, 10_000, FUEL)
    assert which(desk, phone, 51, funder=FUEL) == "case"
    desk.ask(phone, 51)
    desk.limit(70, 10_000, 10_000, 10_000, FUEL)
    desk.ask(phone, 70, funder=FUEL)


def test_limits_are_put_in_force_by_another_person_and_once(desk: Desk) -> None:
    proposal = Proposal(EVERYBODY, 1, 1, 1, 1, "operator:ann", "l", desk.shop.clock.at)
    limit_id = desk.shop.writer.run(lambda conn: service.propose(conn, proposal))

    def decide(by: str, approve: bool = True) -> str:
        said = by, desk.shop.clock.at
        return desk.shop.writer.run(lambda conn: service.decide(conn, limit_id, approve, said))

    with pytest.raises(SecondPersonNeeded):
        decide("operator:ann")
    desk.ask(desk.shop.enrol(), 100)
    assert decide("operator:bob", approve=False) == "declined"
    with pytest.raises(AdjustmentDecided):
        decide("operator:bob")
    desk.ask(desk.shop.enrol(), 100)


def test_what_was_asked_for_before_a_limit_came_down_is_judged_by_the_new_one(desk: Desk) -> None:
    phones = [desk.shop.enrol() for _ in range(3)]
    asked = [desk.ask(phone, 100) for phone in phones]
    assert desk.approve(asked[0]) == "approved"
    desk.limit(1_000, 250, 1_000, 1_000)
    assert desk.approve(asked[1]) == "approved"
    with pytest.raises(AdjustmentLimitReached) as refusal:
        desk.approve(asked[2])
    assert (refusal.value.which, refusal.value.points) == ("agent-day", 300)
    assert desk.shop.balance(phones[2], 1) == 0


@pytest.mark.parametrize("which_limit", ["funder", "agent", "member"])
def test_sixty_four_approvals_at_once_stay_within_the_limit(desk: Desk, which_limit: str) -> None:
    same = desk.shop.enrol()
    people = [same if which_limit == "member" else desk.shop.enrol() for _ in range(WAYS)]
    agents = ["ann" if which_limit == "agent" else f"a{i}" for i in range(WAYS)]
    funders = [GROCER if which_limit == "funder" or i % 2 else FUEL for i in range(WAYS)]
    asked = [desk.ask(p, 10, by, f) for p, by, f in zip(people, agents, funders, strict=True)]
    wide = {"agent": 10_000, "month": 10_000, "day": 10_000}
    tight = {"funder": "day", "agent": "agent", "member": "month"}[which_limit]
    desk.limit(1_000, **{**wide, tight: 200})
    answers = at_once(*[lambda a=a, w=i % 2: desk.approve(a, w) for i, a in enumerate(asked)])
    assert sum(answer == "approved" for answer in answers) == 20
    assert all(a == "approved" or isinstance(a, AdjustmentLimitReached) for a in answers), answers
    assert sum(desk.shop.balance(phone, 1) for phone in set_of(people)) == 200


def test_sixty_four_requests_at_once_stay_within_the_limit(desk: Desk) -> None:
    people = [desk.shop.enrol() for _ in range(WAYS)]
    desk.limit(1_000, 200, 10_000, 10_000)
    asking = [(phone, (GROCER, FUEL)[i % 2], i % 2) for i, phone in enumerate(people)]
    answers = at_once(*[lambda p=p, f=f, w=w: desk.ask(p, 10, "ann", f, w) for p, f, w in asking])
    assert sum(isinstance(answer, bytes) for answer in answers) == 20
    assert all(isinstance(a, (bytes, AdjustmentLimitReached)) for a in answers), answers


def set_of(people: list[Phone]) -> list[Phone]:
    return list({phone.member_id: replace(phone) for phone in people}.values())
