"""What coupons took off goes back with the goods, the same for any split, and a coupon once (INV-13)."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import func, insert, select

from ledger_service.checkout.couponing.results import Worth, worth_of
from ledger_service.checkout.couponing.service import CouponWish
from ledger_service.checkout.errors import RefundExceedsSale
from ledger_service.coupons.definitions.models import coupon_campaign, coupon_campaign_offer
from ledger_service.coupons.terms.values import AmountOff, BuyGet, Limits, OnReturn, PercentOff
from ledger_service.coupons.wallet.models import coupon_event

from .couponed import CouponShop
from .shop import FUEL, GROCER, START, Shop, line

WALLET = CouponWish(wallet=True)


@pytest.fixture
def coupons(shop: Shop) -> CouponShop:
    return CouponShop(shop)


def given_back(coupons: CouponShop, coupon_id: bytes) -> int:
    with coupons.shop.database.begin() as conn:
        mine = (coupon_event.c.coupon_id == coupon_id) & (coupon_event.c.kind == "given-back")
        return int(conn.execute(select(func.count()).select_from(coupon_event).where(mine)).scalar_one())


def worth(coupons: CouponShop, owner: int = GROCER) -> dict[str, Worth]:
    """Of the poster of a campaign that offers both coupons."""
    at, by = {"starts_at": START, "ends_at": START + timedelta(days=1)}, {"proposed_by": "a"}
    with coupons.shop.database.begin() as conn:
        if conn.execute(select(coupon_campaign_offer.c.arm)).first() is None:
            own = {"campaign_id": 1, "merchant_id": owner, "code": "C", "names": "{}", "proposed_at": START}
            conn.execute(insert(coupon_campaign).values(**own, **at, **by))
            conn.execute(insert(coupon_campaign_offer), [
                {"campaign_id": 1, "definition_id": number, "arm": 0} for number in (1, 2)
            ])  # fmt: skip
        return worth_of(conn, 1, ["POSTER", "NOBODY"])


def test_the_coupon_is_back_once_with_the_last_piece_and_counts_no_more(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    limits = Limits(budget_count=5, per_member=1)
    coupons.publish(1, PercentOff(1_000), on_return=OnReturn.GIVE_BACK, limits=limits)
    coupons.publish(2, AmountOff(30))
    back, kept = coupons.give(phone, 1, source="POSTER"), coupons.give(phone, 2, source="POSTER")
    sold = coupons.sell(coupons.body(phone, line("1", 999, 3)), WALLET)
    assert sold["total_minor"] == 999 - 99 - 30
    assert worth(coupons) == {"POSTER": Worth(129, sold["total_minor"])}
    some = coupons.refund(sold["sale_id"], ("1", 2))
    assert [one["given_back"] for one in some["coupons"]] == [False, False]
    assert [one["discount_returned_minor"] for one in some["coupons"]] == [66, 20]
    assert coupons.counted() == [(1, 99), (1, 99)]
    assert worth(coupons) == {"POSTER": Worth(129 - 86, sold["total_minor"])}
    rest = coupons.refund(sold["sale_id"])
    assert [one["given_back"] for one in rest["coupons"]] == [True, False]
    assert [one["discount_returned_minor"] for one in rest["coupons"]] == [33, 10]
    assert some["refunded_minor"] + rest["refunded_minor"] == sold["total_minor"]
    assert (coupons.state(back), coupons.state(kept)) == ("available", "consumed")
    assert coupons.counted() == [(0, 0), (0, 0)]
    with pytest.raises(RefundExceedsSale):
        coupons.refund(sold["sale_id"], ("1", 1))
    assert given_back(coupons, back) == 1


def test_what_a_basket_costs_at_another_merchant_is_not_told_with_a_campaign(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(30))
    coupons.publish(2, AmountOff(20))
    coupons.give(phone, 1, source="POSTER")
    coupons.sell(coupons.body(phone, line("1", 999)), WALLET)
    assert worth(coupons, FUEL) == {"POSTER": Worth(30, 0)}


def test_a_coupon_that_came_back_serves_another_sale_and_the_old_one_frees_nothing(
    coupons: CouponShop,
) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, AmountOff(100), on_return=OnReturn.GIVE_BACK)
    coupon_id = coupons.give(phone, 1)
    first = coupons.sell(coupons.body(phone, line("1", 500)), WALLET)
    coupons.refund(first["sale_id"])
    second = coupons.sell(coupons.body(phone, line("1", 500)), WALLET)
    assert second["total_minor"] == 400
    assert coupons.state(coupon_id) == "consumed"
    coupons.refund(second["sale_id"])
    assert given_back(coupons, coupon_id) == 2


def test_any_split_of_a_return_comes_to_the_sale(coupons: CouponShop) -> None:
    chance = Random(3)
    phone = coupons.shop.enrol()
    coupons.shop.stock(phone, 1, 5_000)
    for number, gives in enumerate((PercentOff(1_700), BuyGet(1, 1, 5_000), AmountOff(77)), 1):
        coupons.publish(number, gives, on_return=OnReturn.GIVE_BACK)
    for _ in range(4):
        held = [coupons.give(phone, number) for number in (1, 2, 3)]
        lines = [line(str(n), chance.randrange(50, 900), chance.randrange(1, 4)) for n in range(3)]
        spend = {"max_value_minor": chance.randrange(1, 200)}
        sold = coupons.sell(coupons.body(phone, *lines, spend=spend), CouponWish(tuple(held)))
        steps = [one["line"] for one in lines for _ in range(one["quantity"])]
        chance.shuffle(steps)
        refunds = [coupons.refund(sold["sale_id"], (step, 1)) for step in steps]
        assert sum(one["refunded_minor"] for one in refunds) == sold["total_minor"]
        assert sum(one["points_value_minor"] for one in refunds) == sold["points_value_minor"]
        shares = sum(c["discount_returned_minor"] for one in refunds for c in one["coupons"])
        assert shares == sold["coupons"]["discount_minor"]
        used = [one["coupon"] for one in sold["coupons"]["applied"]]
        backs = [c["coupon"] for one in refunds for c in one["coupons"] if c["given_back"]]
        assert sorted(backs) == sorted(used)


def test_an_exchange_gives_the_coupon_back_and_the_new_basket_may_use_it_again(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, PercentOff(1_000), on_return=OnReturn.GIVE_BACK, limits=Limits(per_member=1))
    coupon_id = coupons.give(phone, 1)
    first = coupons.sell(coupons.body(phone, line("1", 1_000)), WALLET)
    swapped = coupons.exchange(first["sale_id"], coupons.body(phone, line("a", 1_500)), WALLET, ("1", 1))
    assert (swapped["refund"]["refunded_minor"], swapped["refund"]["coupons"][0]["given_back"]) == (900, True)
    assert (swapped["sale"]["total_minor"], swapped["to_pay_minor"]) == (1_350, 450)
    assert (coupons.state(coupon_id), coupons.counted()) == ("consumed", [(1, 150)])
    # At the price of what came back the goods have had their coupon already.
    body = coupons.body(phone, line("b", 1_350) | {"price_of": "a"})
    last = coupons.exchange(swapped["sale"]["sale_id"], body, WALLET, ("a", 1))
    assert (last["sale"]["total_minor"], last["to_pay_minor"], last["to_give_back_minor"]) == (1_350, 0, 0)
    assert coupons.state(coupon_id) == "available"
    assert coupons.counted() == [(0, 0)]


def test_an_exchange_of_some_keeps_the_coupon_used(coupons: CouponShop) -> None:
    phone = coupons.shop.enrol()
    coupons.publish(1, PercentOff(1_000), on_return=OnReturn.GIVE_BACK)
    coupon_id = coupons.give(phone, 1)
    first = coupons.sell(coupons.body(phone, line("1", 1_000, 2)), WALLET)
    swapped = coupons.exchange(first["sale_id"], coupons.body(phone, line("a", 500)), WALLET, ("1", 1))
    assert [one["reason"] for one in swapped["sale"]["coupons"]["refused"]] == ["coupon-spent"]
    assert (swapped["to_pay_minor"], coupons.state(coupon_id)) == (50, "consumed")
