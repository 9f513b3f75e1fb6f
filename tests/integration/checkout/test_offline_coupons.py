"""Coupons that a till took alone: consumed as the sale arrives, and a loss where none covers them (INV-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.offline.parsing import parse_item
from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.terms.values import AmountOff, Limits, OnReturn, Parking, PercentOff, Window
from ledger_service.coupons.wallet.models import coupon_guess
from ledger_service.coupons.wallet.rules import MOST_WRONG_AT_TILL
from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField

from .alone import OfflineShop, Till
from .couponed import CouponShop
from .shop import FUEL, START, line, lots_equal_postings


@pytest.fixture
def shop(database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def coupons(shop: OfflineShop) -> CouponShop:
    return CouponShop(shop)


def took(till: Till, shop: OfflineShop, taken: int, *codes: str, total: int = 1_000, **more: Any) -> Any:
    ids = more.pop("ids", [])
    wish = {"codes": list(codes), "ids": ids, "taken_minor": taken}
    return till.sell(shop.clock.at, total, coupons=wish, **more)


def told(content: dict[str, Any]) -> tuple[int, int, list[str]]:
    """What was paid, what the merchant bears, and why coupons were refused."""
    reasons = [one["reason"] for one in content["coupons"]["refused"]]
    return content["sale"]["total_minor"], content["coupons_loss_minor"], reasons


def test_codes_and_coupons_are_consumed_as_of_the_sale(shop: OfflineShop, coupons: CouponShop) -> None:
    phone, till = shop.enrol(), shop.till()
    ends = START + timedelta(hours=1)
    coupons.publish(1, AmountOff(100), window=Window(ends_at=ends), on_return=OnReturn.GIVE_BACK)
    coupons.publish(2, PercentOff(1_000), limits=Limits(budget_value_minor=500))
    coupons.publish(3, Parking(60))
    (code,), held, parking = coupons.list_of(1), coupons.give(phone, 2), coupons.give(phone, 3)
    ids = [held.hex(), parking.hex()]
    item = took(till, shop, 200, code, ids=ids, member={"number": phone.number})
    # The window of the first has ended when the sale arrives.
    shop.clock.forward(hours=8)
    merged = shop.one(till, item)
    assert merged.content["before_coupons_minor"] == 1_000
    assert told(merged.content) == (800, 0, [])
    assert [one["discount_minor"] for one in merged.content["coupons"]["applied"]] == [100, 100, 0]
    assert (coupons.state(held), coupons.state(parking)) == ("consumed", "consumed")
    assert coupons.counted() == [(1, 100)]
    assert shop.one(till, item).replayed
    assert len(coupons.used()) == 3
    coupons.refund(merged.content["sale_id"])
    other = took(till, shop, 0, code)
    assert shop.one(till, other).content["coupons"]["refused"][0]["reason"] == "coupon-expired"


def test_one_code_at_two_tills_pays_once_and_the_second_merchant_bears_it(
    shop: OfflineShop, coupons: CouponShop
) -> None:
    phone, first, second = shop.enrol(), shop.till(), shop.till()
    coupons.publish(1, AmountOff(100))
    (code,) = coupons.list_of(1)
    one = took(first, shop, 100, code, member={"number": phone.number})
    two = took(second, shop, 100, code, lines=[line("1", 600), line("2", 500)])
    shop.clock.forward(hours=1)
    assert told(shop.one(first, one).content) == (900, 0, [])
    lost = shop.one(second, two).content
    assert told(lost) == (1_000, 100, ["coupon-spent"])
    assert [minor for _, minor in coupons.used()] == [100]
    # Two in one batch are the same.
    (code,) = coupons.list_of(1)
    batch = [took(first, shop, 100, code), took(first, shop, 100, code)]
    assert sorted(told(one.content)[1] for one in shop.upload(first, batch)) == [0, 100]


def test_a_till_that_took_less_than_the_terms_give_uses_the_coupon_up_for_that(
    shop: OfflineShop, coupons: CouponShop
) -> None:
    till = shop.till()
    coupons.publish(1, PercentOff(1_500))
    (code,) = coupons.list_of(1)
    content = shop.one(till, took(till, shop, 149, code)).content
    assert told(content) == (851, 0, [])
    assert [minor for _, minor in coupons.used()] == [149]
    assert told(shop.one(till, took(till, shop, 149, code)).content) == (851, 149, ["coupon-spent"])


def test_points_pay_of_what_coupons_left_and_tenders_the_rest(shop: OfflineShop, coupons: CouponShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 1_000)
    coupons.publish(1, AmountOff(400))
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 300)
    held = coupons.give(phone, 1)
    item["sale"]["coupons"] = {"ids": [held.hex()], "taken_minor": 400}
    item["sale"]["tenders"] = [{"type": "cash", "amount_minor": 300}]
    sale = shop.one(till, item).content["sale"]
    assert (sale["total_minor"], sale["points_value_minor"], sale["due_minor"]) == (600, 300, 300)
    over = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 1_000, 700)
    over["sale"]["coupons"] = {"ids": [held.hex()], "taken_minor": 400}
    assert shop.one(till, over).error.params["field"] == "sale.spend"


def test_a_whole_basket_may_be_taken_off(shop: OfflineShop, coupons: CouponShop) -> None:
    till = shop.till()
    coupons.publish(1, AmountOff(2_000))
    (code,) = coupons.list_of(1)
    assert told(shop.one(till, took(till, shop, 1_000, code)).content) == (0, 0, [])
    assert told(shop.one(till, took(till, shop, 1_000, code)).content) == (0, 1_000, ["coupon-spent"])


def test_a_refused_sale_covers_nothing_and_its_coupons_stay(shop: OfflineShop, coupons: CouponShop) -> None:
    till = shop.till()
    coupons.publish(1, AmountOff(100))
    (code,) = coupons.list_of(1)
    wrong = took(till, shop, 100, code, tenders=[{"type": "cash", "amount_minor": 1}])
    assert shop.one(till, wrong).content["code"] == "tenders-do-not-add-up"
    assert coupons.used() == []
    assert told(shop.one(till, took(till, shop, 100, code)).content) == (900, 0, [])


def test_wrong_codes_count_once_an_upload_and_a_locked_till_keeps_its_sale(
    shop: OfflineShop, coupons: CouponShop
) -> None:
    till, other = shop.till(), shop.till(FUEL)
    coupons.publish(1, AmountOff(100))
    (code,) = coupons.list_of(1)
    item = took(till, shop, 50, "WRONG")
    assert told(shop.one(till, item).content) == (950, 50, ["coupon-unknown"])
    assert shop.one(till, item).replayed
    with shop.database.read() as conn:
        assert conn.execute(select(coupon_guess.c.wrong)).scalar() == 1
    for start in range(1, MOST_WRONG_AT_TILL, 10):
        shop.clock.forward(seconds=1)
        late = took(till, shop, 0, *(f"WRONG{n}" for n in range(start, start + 10)))
        # However it dates its sales, what it guesses counts as of now.
        late["sold_at"] = format_instant(shop.clock.at - timedelta(hours=start))
        shop.one(till, late)
    waits = took(till, shop, 100, code)
    merged = shop.one(till, waits)
    assert (merged.state, merged.error.code) == ("waiting", "coupon-codes-locked")
    assert told(shop.one(other, took(other, shop, 0, "WRONG", total=10)).content)[2] == ["coupon-unknown"]
    shop.clock.forward(minutes=16)
    assert told(shop.one(till, waits).content) == (900, 0, [])


def test_no_code_covers_a_sale_from_before_its_list_was_sealed(
    shop: OfflineShop, coupons: CouponShop
) -> None:
    till = shop.till()
    coupons.publish(1, AmountOff(100))
    (code,) = coupons.list_of(1)
    sealed = {"sealed_at": shop.clock.at + timedelta(minutes=1)}
    with shop.database.begin() as conn:
        conn.execute(update(coupon_code_list).values(sealed))
    early = took(till, shop, 100, code)
    shop.clock.forward(minutes=2)
    assert told(shop.one(till, early).content) == (900, 100, ["coupon-not-yet-valid"])
    assert told(shop.one(till, took(till, shop, 100, code)).content) == (900, 0, [])


@pytest.mark.parametrize("passing", [WriterBusy(1), StorageUnavailable(1)])
def test_a_sale_waits_where_its_codes_cannot_be_tried_now(
    shop: OfflineShop, coupons: CouponShop, monkeypatch: pytest.MonkeyPatch, passing: Exception
) -> None:
    till = shop.till()
    coupons.publish(1, AmountOff(100))
    (code,) = coupons.list_of(1)
    item = took(till, shop, 100, code)

    def refuse(_command: object) -> None:
        raise passing

    with monkeypatch.context() as patch:
        patch.setattr(shop.writer, "submit", refuse)
        merged = shop.one(till, item)
    assert (merged.state, merged.error) == ("waiting", passing)
    assert told(shop.one(till, item).content) == (900, 0, [])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"codes": ["A"]}, "coupons.taken_minor"),
        ({"codes": ["A"], "taken_minor": 1_001}, "coupons.taken_minor"),
        ({"codes": ["A"], "taken_minor": -1}, "coupons.taken_minor"),
        ({"taken_minor": 1}, "coupons"),
        ({"codes": ["A"], "taken_minor": 1, "wallet": True}, "coupons.wallet"),
    ],
)
def test_what_a_till_alone_cannot_mean_is_refused(given: dict[str, Any], field: str) -> None:
    item = Till(1, FUEL).sell(START, 1_000, coupons=given)
    with pytest.raises(MalformedField) as refused:
        parse_item(item)
    assert refused.value.params["field"] == field
