"""A coupon from its claim to the till: quoted, used once with the sale, told, and refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.coupons.terms.values import Limits
from tests.api.service import GROCER_STORE, Shop, basket
from tests.api.test_coupons import codes_of, link, offer, person


def body(shop: Shop, amount: int = 1_000, **more: Any) -> dict[str, Any]:
    return basket(GROCER_STORE, amount, member={"number": shop.keys["anna-number"]}, **more)


def test_a_claimed_coupon_is_quoted_used_once_and_shown_as_used(any_shop: Shop) -> None:
    shop = any_shop
    wallet, definition = person(shop, "anna"), offer(shop)
    coupon = shop.must("anna", wallet, link(definition))["coupon"]
    wish = {"coupons": {"wallet": True}}
    quoted = shop.must("grocer-till", "/v1/quotes", body(shop, **wish))
    sold = shop.must("grocer-till", "/v1/sales", body(shop, **wish), key="sale-1")
    for told in (quoted, sold):
        assert (told["before_coupons_minor"], told["total_minor"]) == (1_000, 900)
        assert [one["coupon"] for one in told["coupons"]["applied"]] == [coupon]
    assert shop.must("grocer-till", "/v1/sales", body(shop, **wish), key="sale-1") == sold
    again = shop.must("grocer-till", "/v1/sales", body(shop, coupons={"ids": [coupon]}))
    assert (again["total_minor"], again["coupons"]["refused"][0]["reason"]) == (1_000, "coupon-spent")
    shown = shop.get("anna", wallet).json["coupons"]
    assert [(one["coupon"], one["state"]) for one in shown] == [(coupon, "consumed")]


def test_a_refund_gives_back_what_was_paid_and_no_more(shop: Shop) -> None:
    wallet, definition = person(shop, "anna"), offer(shop)
    shop.must("anna", wallet, link(definition))
    sold = shop.must("grocer-till", "/v1/sales", body(shop, coupons={"wallet": True}))
    back = shop.must("grocer-till", f"/v1/sales/{sold['sale_id']}/refunds", {"reference": "back"})
    assert (back["refunded_minor"], back["cash_minor"]) == (900, 900)
    assert [(one["discount_returned_minor"], one["given_back"]) for one in back["coupons"]] == [(100, False)]
    assert [one["state"] for one in shop.get("anna", wallet).json["coupons"]] == ["consumed"]


def test_a_code_serves_whoever_shows_it_once_and_the_sale_tells_it_ever_after(any_shop: Shop) -> None:
    shop = any_shop
    person(shop, "anna")
    definition = offer(shop, limits=Limits())
    code, *_ = codes_of(shop, definition)
    till, nobody = "grocer-till", basket(GROCER_STORE, 1_000)
    wish = {"coupons": {"codes": [code.lower(), "4444-4444-4444-4444-4"]}}
    quoted = shop.must(till, "/v1/quotes", nobody | wish)
    sold = shop.must(till, "/v1/sales", nobody | wish)
    assert quoted["coupons"] == sold["coupons"]
    assert [(one["code"], one["discount_minor"]) for one in sold["coupons"]["applied"]] == [(0, 100)]
    wrong = {"coupon": None, "code": 1, "definition": 0, "version": 0}
    assert sold["coupons"]["refused"] == [wrong | {"rule": "coupon", "reason": "coupon-unknown"}]
    again = shop.must(till, "/v1/sales", body(shop, **wish))
    assert [one["reason"] for one in again["coupons"]["refused"]] == ["coupon-unknown", "coupon-spent"]
    found = shop.get(till, f"/v1/sales/{sold['sale_id']}").json
    assert [(one["coupon"], one["discount_minor"]) for one in found["coupons"]] == [
        (sold["coupons"]["applied"][0]["coupon"], 100)
    ]


def test_a_code_that_a_till_took_alone_is_used_on_arrival_and_a_loss_where_it_was_used_before(
    shop: Shop,
) -> None:
    definition = offer(shop, limits=Limits())
    code, *_ = codes_of(shop, definition)
    taken = {"codes": [code], "taken_minor": 100}
    sale = basket(GROCER_STORE, 1_000, coupons=taken)
    batch = {"sales": [{"key": key, "sold_at": shop.at, "sale": sale} for key in ("a", "b")]}
    told = [one["result"] for one in shop.must("grocer-till", "/v1/offline-sales", batch)["results"]]
    assert [one["sale"]["total_minor"] for one in told] == [900, 900]
    assert sorted(one["coupons_loss_minor"] for one in told) == [0, 100]
    (loss,) = shop.get("grocer", "/v1/offline-losses").json["losses"]
    borne = [loss[name] for name in ("coupons_minor", "coupons_loss_minor", "loss_minor", "cause")]
    assert borne == [100, 100, 0, "coupons-refused"]
    assert not loss["member_flagged"]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ([], "coupons"),
        ({"codes": "x"}, "coupons.codes"),
        ({"codes": [7]}, "coupons.codes[0]"),
        ({"codes": ["x" * 201]}, "coupons.codes[0]"),
        ({"numbers": []}, "coupons.numbers"),
        ({"ids": "x"}, "coupons.ids"),
        ({"ids": ["zz"]}, "coupons.ids[0]"),
        ({"ids": ["00" * 16] * 21}, "coupons.ids"),
        ({"wallet": 1}, "coupons.wallet"),
    ],
)
def test_a_wish_that_is_none_is_refused_by_name(shop: Shop, wish: Any, field: str) -> None:
    person(shop, "anna")
    refused = shop.post("grocer-till", "/v1/sales", body(shop, coupons=wish))
    assert (refused.status_code, refused.json["code"]) == (400, "malformed-field")
    assert refused.json["params"]["field"] == field


def test_a_till_in_training_uses_no_coupon(shop: Shop) -> None:
    wallet, definition = person(shop, "anna"), offer(shop)
    shop.must("anna", wallet, link(definition))
    shop.must("grocer-till", "/v1/sales", body(shop, training=True, coupons={"wallet": True}))
    assert [one["state"] for one in shop.get("anna", wallet).json["coupons"]] == ["available"]
