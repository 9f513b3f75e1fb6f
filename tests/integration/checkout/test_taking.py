"""Which points a merchant takes: judged alike in quote, sale and authorise, kept by a capture, summed up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import NothingToHold
from ledger_service.checkout.taking import policies
from ledger_service.checkout.taking.errors import (
    PointsNotTaken,
    TakingNoticeTooShort,
    TakingRulesOutOfOrder,
)
from ledger_service.checkout.taking.models import taking_sum
from ledger_service.checkout.taking.policies import Proposal
from ledger_service.checkout.taking.rules import rules_of
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor

from .alone import OfflineShop
from .shop import FUEL, GROCER, Phone, Shop, line, lots_equal_postings
from .test_races import Shops, at_once, shops

__all__ = ["shops"]
UP_TO = {"max_value_minor": 10_000}


def rule(shop: Shop, **body: Any) -> None:
    """The grocer's rules are in force now; a day passes where they take less."""
    with shop.database.begin() as conn:
        judged = policies.publish(conn, Proposal(GROCER, rules_of(body), None, "why"), "boss", shop.clock.at)
    if judged.tighter:
        shop.clock.forward(days=1)
    shop.directory.refresh()


def member(shop: Shop, groc: int = 1_000, fuel: int = 0) -> Phone:
    phone = shop.enrol()
    shop.stock(phone, 1, groc)
    if fuel:
        shop.stock(phone, 2, fuel)
    return phone


def groc(points: int) -> list[dict[str, Any]]:
    return [{"programme": "GROC", "points": points}]


def quoted(shop: Shop, phone: Phone, *lines: dict[str, Any], spend: Any = UP_TO) -> dict[str, Any]:
    code = {"pay_code": phone.pay_code(shop.clock.at)}
    return shop.quote(shop.sale_body(*lines, member=code, spend=spend))


def sums(shop: Shop) -> dict[str, int]:
    with shop.database.read() as conn:
        return {row.scope: row.taken_minor for row in conn.execute(select(taking_sum))}


def refused(call: Callable[[], Any]) -> PointsNotTaken:
    with pytest.raises(PointsNotTaken) as caught:
        call()
    return caught.value


def test_who_publishes_nothing_takes_whatever_comes(shop: Shop) -> None:
    phone = member(shop)
    assert "acceptance" not in quoted(shop, phone, line("1", 300))["payable"][0]
    assert shop.sell(phone, line("1", 300), spend=UP_TO)["points_value_minor"] == 300
    assert shop.admission.scene_at(shop.caller(), shop.clock.at).taking is None
    assert sums(shop) == {}


def test_a_programme_that_is_not_taken_pays_nothing_and_the_quote_says_why(shop: Shop) -> None:
    rule(shop, not_programmes=["FUEL"])
    phone = member(shop, 100, 400)
    by_code = {one["programme"]: one["acceptance"] for one in quoted(shop, phone, line("1", 300))["payable"]}
    assert (by_code["FUEL"]["taken"], by_code["FUEL"]["rule"]) == (False, "programme-not-taken")
    assert (by_code["GROC"]["taken"], by_code["GROC"]["most_minor"]) == (True, 100)
    assert set(by_code["FUEL"]["said"]) == {"en", "zh-Hans", "zh-Hant"}
    spend = [{"programme": "FUEL", "points": 10}]
    refusal = refused(lambda: shop.sell(phone, line("1", 300), spend=spend))
    assert (refusal.rule, refusal.programme, refusal.most_minor) == ("programme-not-taken", "FUEL", 0)
    assert [s["programme"] for s in shop.sell(phone, line("1", 300), spend=UP_TO)["spent"]] == ["GROC"]
    assert shop.balance(phone, 2) == 400
    # Another merchant's tills take them.
    assert shop.sell(phone, line("1", 50), at=FUEL, spend=spend)["points_value_minor"] == 5


def test_share_of_category_and_ticket_bound_sale_and_quote_alike(shop: Shop) -> None:
    rule(shop, category_bps=[{"category": "WINE", "bps": 0}], ticket_bps=5_000)
    phone = member(shop)
    goods = line("1", 300), line("2", 700, category="WINE")
    answer = quoted(shop, phone, *goods)
    told = answer["payable"][0]["acceptance"]
    assert (answer["points_value_minor"], told["most_minor"], told["rule"]) == (300, 300, "category-share")
    assert [one["payable_with_points_minor"] for one in answer["lines"]] == [300, 0]
    refusal = refused(lambda: shop.sell(phone, *goods, spend=groc(301)))
    assert (refusal.rule, refusal.most_minor) == ("category-share", 300)
    sale = shop.sell(phone, *goods, spend=groc(300))
    assert sale["points_value_minor"] == 300
    # What comes back first shows that no point lies on the wine.
    assert shop.refund(sale["sale_id"], [("2", 1)])["points_value_minor"] == 0
    assert refused(lambda: shop.sell(phone, line("1", 300), spend=groc(151))).rule == "ticket-share"


def test_a_hold_is_captured_by_the_rules_that_it_was_judged_by(shop: Shop) -> None:
    rule(shop, ticket_bps=5_000)
    phone = member(shop)
    with shop.database.begin() as conn:
        wanted = Proposal(GROCER, rules_of({"ticket_bps": 0}), None, "no more")
        policies.publish(conn, wanted, "boss", shop.clock.at)
    shop.directory.refresh()
    shop.clock.forward(days=1, minutes=-1)
    hold = shop.authorise(phone, 1_000, UP_TO)
    assert hold["held_value_minor"] == 500
    shop.clock.forward(minutes=2)
    assert shop.sell(phone, line("1", 100), spend=UP_TO)["points_value_minor"] == 0
    assert shop.capture(hold["hold_id"], line("1", 1_000))["points_value_minor"] == 500


def test_a_capture_keeps_to_the_share_of_what_it_sells(shop: Shop) -> None:
    rule(shop, ticket_bps=5_000, category_bps=[{"category": "FOOD", "bps": 6_000}])
    phone = member(shop)
    hold = shop.authorise(phone, 1_000, UP_TO)
    with shop.database.begin() as conn:
        policies.publish(conn, Proposal(GROCER, rules_of({}), None, "all"), "boss", shop.clock.at)
    shop.clock.forward(minutes=1)
    shop.directory.refresh()
    assert shop.capture(hold["hold_id"], line("1", 400))["points_value_minor"] == 200
    assert shop.sell(phone, line("1", 100), spend=UP_TO)["points_value_minor"] == 100


def test_too_little_is_not_taken(shop: Shop) -> None:
    rule(shop, least_minor=50)
    phone = member(shop, 40)
    assert quoted(shop, phone, line("1", 90))["payable"][0]["acceptance"]["rule"] == "ticket-least"
    assert shop.sell(phone, line("1", 90), spend=UP_TO)["points_value_minor"] == 0
    assert refused(lambda: shop.sell(phone, line("1", 90), spend=groc(40))).rule == "ticket-least"
    with pytest.raises(NothingToHold):
        shop.authorise(phone, 90, UP_TO)


def test_the_sums_of_a_day_count_sales_and_holds_and_begin_anew(shop: Shop) -> None:
    rule(shop, member_day_minor=100, store_day_minor=150, merchant_day_minor=170)
    first, second = member(shop), member(shop)
    assert shop.sell(first, line("1", 90), spend=groc(60))["points_value_minor"] == 60
    assert shop.authorise(first, 90, groc(30))["held_value_minor"] == 30
    refusal = refused(lambda: shop.sell(first, line("1", 90), spend=groc(11)))
    assert (refusal.rule, refusal.most_minor) == ("member-day-sum", 10)
    told = quoted(shop, second, line("1", 90))["payable"][0]["acceptance"]
    assert (told["most_minor"], told["rule"]) == (60, "store-day-sum")
    assert sums(shop)["merchant"] == 90, "a quote counts nothing"
    assert shop.sell(second, line("1", 90), spend=UP_TO)["points_value_minor"] == 60
    assert (sums(shop)["store"], sums(shop)["merchant"]) == (150, 150)
    shop.clock.forward(days=1)
    assert shop.sell(second, line("1", 90), spend=UP_TO)["points_value_minor"] == 90


def test_the_same_key_again_counts_once(shop: Shop) -> None:
    rule(shop, merchant_day_minor=100)
    phone = member(shop)
    code = {"pay_code": phone.pay_code(shop.clock.at)}
    body = shop.sale_body(line("1", 90), member=code, spend=groc(60))
    assert [shop.send_sale(body, "k").replayed for _ in range(2)] == [False, True]
    assert sums(shop)["merchant"] == 60


def test_less_is_taken_a_day_later_and_more_at_once(shop: Shop) -> None:
    now = seconds_floor(shop.clock.at)
    with shop.database.begin() as conn:
        less = Proposal(GROCER, rules_of({"ticket_bps": 5_000}), now + 86_399, "r")
        with pytest.raises(TakingNoticeTooShort):
            policies.publish(conn, less, "boss", shop.clock.at)
        with pytest.raises(TakingNoticeTooShort):
            policies.judge(conn, Proposal(GROCER, rules_of({}), now - 1, "r"), shop.clock.at)
        judged = policies.publish(conn, Proposal(GROCER, less.rules, None, "r"), "boss", shop.clock.at)
        assert (judged.version.effective_from, judged.tighter) == (now + 86_400, ["ticket_bps"])
        with pytest.raises(TakingRulesOutOfOrder):
            policies.publish(conn, Proposal(GROCER, rules_of({}), now + 5, "r"), "boss", shop.clock.at)
    assert shop.sell(member(shop), line("1", 90), spend=UP_TO)["points_value_minor"] == 90
    with shop.database.begin() as conn:
        shop.clock.forward(days=2)
        wider = policies.publish(conn, Proposal(GROCER, rules_of({}), None, "r"), "boss", shop.clock.at)
    assert (wider.version.version, wider.version.effective_from) == (2, seconds_floor(shop.clock.at))


@pytest.mark.parametrize("bounded", ["store_day_minor", "merchant_day_minor", "member_day_minor"])
def test_the_last_unit_of_a_days_sum_is_paid_once(shops: Shops, bounded: str) -> None:
    one, two = shops
    rule(one, **{bounded: 2})
    two.directory.refresh()
    for number in range(16):
        one.clock.forward(days=1)
        phones = [member(one)] * 4 if bounded == "member_day_minor" else [member(one) for _ in range(4)]
        left = 2
        if number % 2:
            # The day's row is there; on the other days the race is for making it, too.
            one.sell(phones[0], line("1", 90), spend=groc(1))
            left = 1
        bodies = [
            one.sale_body(line("1", 90), member={"pay_code": p.pay_code(one.clock.at)}, spend=groc(1))
            for p in phones
        ]
        tills = (one, two, one, two)
        answers = at_once(*[lambda b=b, s=s: s.send_sale(b) for b, s in zip(bodies, tills, strict=True)])
        assert sum(isinstance(a, Answer) for a in answers) == left, answers
        assert sum(isinstance(a, PointsNotTaken) for a in answers) == 4 - left


def test_an_offline_sale_that_passes_a_rule_stands_counts_and_says_so(database: Database) -> None:
    shop = OfflineShop(database)
    shop.found()
    rule(shop, merchant_day_minor=100, category_bps=[{"category": "FOOD", "bps": 5_000}])
    phone, till = member(shop), shop.till()
    at = shop.clock.at
    items = [till.spend(at, phone.pay_code(at), 200, minor) for minor in (90, 110, 5)]
    shop.clock.forward(minutes=5)
    merged = [shop.one(till, item).content or {} for item in items]
    told = [(one["sale"]["points_value_minor"], one["beyond_acceptance"]) for one in merged]
    assert told == [(90, None), (110, "merchant-day-sum"), (5, "merchant-day-sum")]
    assert sums(shop)["merchant"] == 205
    assert refused(lambda: shop.sell(phone, line("1", 90), spend=groc(1))).rule == "merchant-day-sum"
    shop.close()
    lots_equal_postings(shop)
