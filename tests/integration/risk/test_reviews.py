"""Reviews: released by one person, reversed by two after a notice, appealed, ended by their deadlines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ledger_service.care.review_desk import ReviewDesk
from ledger_service.care.reviews import Step
from ledger_service.points.adjustments import AdjustmentLimits
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.permits import CustodialLimits
from ledger_service.points.service import PointsService, PointsSettings
from ledger_service.risk import queries
from ledger_service.risk.errors import ReviewStepRefused, ReviewUnknown
from ledger_service.risk.models import risk_review
from tests.integration.checkout.shop import DOMAIN, Phone

from .guarded import GuardedShop, rule


class Care:
    """A shop with one sale under review, and the people who look at it."""

    def __init__(self, shop: GuardedShop) -> None:
        self.shop = shop
        self.phone: Phone = shop.enrol()
        shop.staff("anna", self.phone)
        shop.rule(rule("own", "own_card", "hold", "sale"))
        self.sold = shop.earn(self.phone, 5_000, cashier="anna")
        self.desk = ReviewDesk(shop.writer, shop.database, shop.catalogue, "w1")
        settings = PointsSettings(DOMAIN, CustodialLimits(1, 1), AdjustmentLimits(1, 1), "w1")
        self.points = PointsService(shop.writer, shop.database, shop.catalogue, settings)
        with shop.database.read() as conn:
            self.review_id = conn.execute(select(risk_review.c.review_id)).scalar_one()

    def step(self, kind: str, by: str = "operator:a", member_id: int | None = None) -> str:
        return str(self.desk.do(Step(self.review_id, kind, by, "seen", self.shop.clock.at, member_id)))

    def days_later(self, days: int) -> None:
        self.shop.clock.at += timedelta(days=days, seconds=1)
        while self.desk.end_due(self.shop.clock.at):
            pass
        while self.points.vest_due(self.shop.clock.at):
            pass

    @property
    def points_of(self) -> tuple[int, int]:
        return self.shop.balance(self.phone, 1), self.shop.balance(self.phone, 1, "pending")

    @property
    def state(self) -> str:
        with self.shop.database.read() as conn:
            return str(conn.execute(select(risk_review.c.state)).scalar_one())

    def kinds(self) -> list[str]:
        with self.shop.database.read() as conn:
            return [event.kind for event in queries.events_of(conn, self.review_id)]


@pytest.fixture
def care(shop: GuardedShop) -> Care:
    return Care(shop)


def test_one_person_releases_and_the_points_vest_at_once(care: Care) -> None:
    assert care.points_of == (0, 50)
    assert care.step("release") == "released"
    care.days_later(0)
    assert care.points_of == (50, 0)
    assert care.kinds() == ["opened", "release"]
    with pytest.raises(ReviewStepRefused):
        care.step("reverse")


def test_without_a_decision_the_points_are_the_members(care: Care) -> None:
    care.days_later(13)
    assert care.points_of == (0, 50)
    care.days_later(1)
    assert (care.points_of, care.state) == ((50, 0), "released")
    assert care.kinds() == ["opened", "expire"]


def test_two_people_reverse_after_the_members_notice(care: Care) -> None:
    assert care.step("reverse") == "asked"
    with pytest.raises(SecondPersonNeeded):
        care.step("approve")
    assert care.step("approve", "operator:b") == "reversing"
    care.days_later(13)
    assert care.points_of == (0, 50)
    care.days_later(1)
    assert (care.points_of, care.state) == ((0, 0), "reversed")
    assert care.kinds() == ["opened", "reverse", "approve", "expire"]
    with pytest.raises(ReviewStepRefused):
        care.step("appeal", member_id=care.phone.member_id)


def test_a_declined_reversal_goes_back_to_the_queue(care: Care) -> None:
    care.step("reverse")
    assert care.step("decline", "operator:b") == "open"
    assert care.step("release") == "released"


@pytest.mark.parametrize("end", ["uphold", "release", "nobody"])
def test_an_appeal_is_decided_by_another_person_or_for_the_member(care: Care, end: str) -> None:
    care.step("reverse")
    care.step("approve", "operator:b")
    with pytest.raises(ReviewUnknown):
        care.step("appeal", member_id=care.phone.member_id + 1)
    assert care.step("appeal", "member:1", care.phone.member_id) == "appealed"
    if end == "nobody":
        care.days_later(14)
    elif end == "uphold":
        with pytest.raises(SecondPersonNeeded):
            care.step("uphold", "operator:a")
        care.step("uphold", "operator:c")
    else:
        care.step("release", "operator:a")
    care.days_later(0)
    assert care.points_of == ((0, 0) if end == "uphold" else (50, 0))


def test_goods_that_come_back_after_a_reversal_leave_no_debt(care: Care) -> None:
    care.step("reverse")
    care.step("approve", "operator:b")
    care.days_later(14)
    back = care.shop.refund(care.sold["sale_id"])
    assert (back["cash_minor"], back["debt"], back["clawed"]) == (5_000, [], [])


def test_goods_that_come_back_during_a_review_take_their_points_with_them(care: Care) -> None:
    back = care.shop.refund(care.sold["sale_id"])
    assert back["clawed"] == [{"programme": "GROC", "points": 50, "from": "pending"}]
    care.step("reverse")
    care.step("approve", "operator:b")
    care.days_later(14)
    assert care.points_of == (0, 0)
