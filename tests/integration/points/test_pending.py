"""Points that wait for a date, a return window or an event: vesting, lapsing, refunds, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from ledger_service.checkout.errors import EventNotAwaited, EventRecorded, EventTooLate, UnknownSale
from ledger_service.checkout.requests import EventRequest
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.operations import Clawback, Issue
from ledger_service.points import programmes
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.models import issuance_budget, issuance_reservation, pending_issue
from ledger_service.points.pending_rules import PendingTerms, Wait
from ledger_service.points.rules import EarnRule
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, FUEL, GROCER, START, Shop, line, loads
from tests.integration.points.test_points import operations

DELIVERED = PendingTerms(Wait.EVENT, 10, event="delivered")


def wait_for(shop: Shop, pending: PendingTerms, rate: int = 1) -> None:
    """The grocer's points wait for that from now on."""
    with shop.database.begin() as conn:
        programmes.add_rule(conn, "GROC", EarnRule(2, seconds_floor(START), rate, 100, pending=pending))
    shop.catalogue.refresh()


def tell(
    shop: Shop, sale: dict[str, Any], event: str = "delivered", key: str | None = None, at: int = GROCER
) -> dict[str, Any]:
    write = shop.write("event", [sale["sale_id"], event], key, at)
    request = EventRequest(bytes.fromhex(sale["sale_id"]), event)
    return loads(shop.service.record_event(write, request))


def states(shop: Shop) -> list[tuple[str, int]]:
    with shop.database.read() as conn:
        return [tuple(row) for row in conn.execute(select(pending_issue.c.state, pending_issue.c.left))]


def room(shop: Shop) -> int:
    """What may still be issued of the grocer's points, in blocks or out of them."""
    block, budget = issuance_reservation.c, issuance_budget.c
    with shop.database.read() as conn:
        blocks = conn.execute(select(block.remaining).where(block.programme_id == 1)).scalars()
        drawn = conn.execute(select(budget.drawn_total).where(budget.programme_id == 1)).scalar_one()
        return 10**9 - drawn + sum(blocks)


def test_points_of_a_promotion_are_there_on_its_date(shop: Shop, points: PointsService) -> None:
    until = START + timedelta(days=20)
    wait_for(shop, PendingTerms(Wait.UNTIL_DATE, until=seconds_floor(until)))
    phone = shop.enrol()
    quoted = shop.quote(shop.sale_body(line("1", 5_000), member={"number": phone.number}))
    sale = shop.sell(phone, line("1", 5_000))
    for told in (quoted["earned"][0], sale["earned"][0]):
        assert (told["state"], told["vests_at"], told["awaits"]) == ("pending", format_instant(until), None)
    shop.clock.at = until - timedelta(seconds=1)
    assert points.vest_due(shop.clock.at) == 0
    shop.clock.at = until
    assert points.vest_due(shop.clock.at) == 1
    late = shop.sell(phone, line("1", 5_000))
    assert (late["earned"][0]["state"], late["earned"][0]["vests_at"]) == ("available", None)
    assert shop.balance(phone, 1) == 100


def test_the_event_makes_points_due_and_the_deadline_does_not_touch_them_any_more(
    shop: Shop, points: PointsService
) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    assert sale["earned"][0]["awaits"] == "delivered"
    shop.clock.forward(days=3)
    assert points.vest_due(shop.clock.at) == 0
    told = tell(shop, sale, key="e")
    assert told["due"] == [{"programme": "GROC", "points": 50}]
    assert tell(shop, sale, key="e") == told
    assert points.vest_due(shop.clock.at) == 1
    shop.clock.forward(days=30)
    assert points.vest_due(shop.clock.at) == 0
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (50, 0)
    (issue,) = operations(shop)
    assert isinstance(issue, Issue) and issue.leg.amount == 50


def test_points_that_see_no_event_lapse_and_the_cap_has_their_room_back(
    shop: Shop, points: PointsService
) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    shop.sell(phone, line("1", 5_000))
    before = room(shop)
    assert before == 10**9 - 50
    shop.clock.forward(days=10, seconds=-1)
    assert points.vest_due(shop.clock.at) == 0
    shop.clock.forward(seconds=1)
    assert points.vest_due(shop.clock.at) == 1
    assert points.vest_due(shop.clock.at) == 0
    assert states(shop) == [("lapsed", 50)]
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending"), operations(shop)) == (0, 0, [])
    assert room(shop) == before + 50


def test_what_lapsed_in_the_jobs_process_can_be_issued_by_every_till(shop: Shop) -> None:
    wait_for(shop, DELIVERED, rate=10_000)
    phone, worker = shop.enrol(), "jobs"
    limits = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(10, 10), worker)
    jobs = PointsService(shop.writer, shop.database, shop.catalogue, limits)
    whole = 10**9 // 10_000
    shop.sell(phone, line("1", 100 * whole))
    assert shop.sell(phone, line("1", 100))["earned"][0]["reason"] == "cap-exhausted"
    shop.clock.forward(days=10)
    while jobs.vest_due(shop.clock.at):
        pass
    again = shop.sell(phone, line("1", 100 * whole))
    assert (again["earned"][0]["reason"], again["earned"][0]["points"]) == (None, 10**9)


def test_points_vest_at_the_deadline_without_the_event_where_the_rule_says_so(
    shop: Shop, points: PointsService
) -> None:
    wait_for(shop, PendingTerms(Wait.EVENT, 10, 0, "delivered", lapses=False))
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    shop.clock.forward(days=10)
    assert points.vest_due(shop.clock.at) == 1
    assert shop.balance(phone, 1) == 50
    with pytest.raises(EventTooLate):
        tell(shop, sale)


@pytest.mark.parametrize("job_first", [False, True])
def test_an_event_counts_until_the_deadline_whatever_the_job_has_done(
    shop: Shop, points: PointsService, job_first: bool
) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    shop.clock.forward(days=10)
    if job_first:
        points.vest_due(shop.clock.at)
    with pytest.raises(EventTooLate) as refused:
        tell(shop, sale)
    assert refused.value.deadline == format_instant(START + timedelta(days=10))


def test_events_that_nobody_awaits_of_others_or_told_twice_are_refused(shop: Shop) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    nobody = shop.sell(None, line("1", 5_000))
    with pytest.raises(EventNotAwaited):
        tell(shop, sale, "paid")
    with pytest.raises(EventNotAwaited):
        tell(shop, nobody)
    with pytest.raises(UnknownSale):
        tell(shop, sale, at=FUEL)
    with pytest.raises(UnknownSale):
        tell(shop, {"sale_id": "00" * 16})
    tell(shop, sale)
    with pytest.raises(EventRecorded) as refused:
        tell(shop, sale)
    assert refused.value.recorded_at == format_instant(START)
    assert shop.count("sale_event") == 1


def test_what_lapsed_is_not_owed_again_when_the_goods_come_back(shop: Shop, points: PointsService) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000, 5))
    first = shop.refund(sale["sale_id"], [("1", 2)])
    assert first["clawed"] == [{"programme": "GROC", "points": 20, "from": "pending"}]
    shop.clock.forward(days=10)
    points.vest_due(shop.clock.at)
    assert states(shop) == [("lapsed", 30)]
    rest = shop.refund(sale["sale_id"])
    assert (rest["clawed"], rest["debt"], rest["cash_minor"]) == ([], [], 3_000)
    assert states(shop) == [("reversed", 0)]


def test_an_event_after_everything_came_back_is_recorded_and_changes_nothing(
    shop: Shop, points: PointsService
) -> None:
    wait_for(shop, DELIVERED)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000))
    shop.refund(sale["sale_id"])
    assert tell(shop, sale)["due"] == []
    shop.clock.forward(days=30)
    assert points.vest_due(shop.clock.at) == 0
    assert shop.balance(phone, 1) == 0


def test_after_its_return_window_the_earn_stays_though_goods_come_back(
    shop: Shop, points: PointsService
) -> None:
    wait_for(shop, PendingTerms(Wait.RETURN_WINDOW, 30))
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000, 5))
    assert sale["earned"][0]["vests_at"] == format_instant(START + timedelta(days=30))
    inside = shop.refund(sale["sale_id"], [("1", 1)])
    assert inside["clawed"] == [{"programme": "GROC", "points": 10, "from": "pending"}]
    shop.clock.forward(days=30)
    points.vest_due(shop.clock.at)
    late = [shop.refund(sale["sale_id"], [("1", n)]) for n in (1, 3)]
    assert [(r["clawed"], r["debt"], r["cash_minor"]) for r in late] == [([], [], 1_000), ([], [], 3_000)]
    assert shop.balance(phone, 1) == 40
    assert not [op for op in operations(shop) if isinstance(op, Clawback)]


def test_a_slow_clock_does_not_open_a_return_window_again(shop: Shop, points: PointsService) -> None:
    wait_for(shop, PendingTerms(Wait.RETURN_WINDOW, 30))
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 5_000, 5))
    shop.clock.forward(days=30)
    shop.refund(sale["sale_id"], [("1", 1)])
    shop.clock.forward(seconds=-2)
    assert shop.refund(sale["sale_id"])["clawed"] == []
    shop.clock.forward(days=1)
    points.vest_due(shop.clock.at)
    assert shop.balance(phone, 1) == 50
    kept = orjson.loads(shop.service.find_sale(shop.caller(), bytes.fromhex(sale["sale_id"])))
    assert len(kept["refunds"]) == 2
