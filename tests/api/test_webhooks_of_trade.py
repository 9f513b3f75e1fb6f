"""What webhooks tell of trade: goods that came back, coupons, rewards of sharing, receipts claimed."""

from __future__ import annotations

from tests.api.service import GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import with_phone
from tests.api.test_claims import RECEIPT, member
from tests.api.test_coupon_checkout import body
from tests.api.test_coupons import link, offer, person
from tests.api.test_sharing import job, live, newcomer, sharer
from tests.api.test_webhooks_told import hear, told


def test_a_seller_hears_that_goods_came_back(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "sale.recorded", "sale.refunded")
    number = with_phone(shop)["number"]
    sale = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))["sale_id"]
    back = shop.must("grocer-till", f"/v1/sales/{sale}/refunds", {"reference": "b"})["refund_id"]
    given_back = {"refund": back, "sale": sale, "reference": "b", "store": GROCER_STORE}
    assert told(shop, "sale.refunded") == [(GROCER, given_back)]
    assert [fact["sale"] for _, fact in told(shop, "sale.recorded")] == [sale]


def test_a_coupons_merchant_hears_that_it_was_claimed_and_used(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "coupon.changed")
    wallet = person(shop, "anna")
    definition = offer(shop)
    coupon = shop.must("anna", wallet, link(definition))["coupon"]
    sale = shop.must("grocer-till", "/v1/sales", body(shop, coupons={"wallet": True}))["sale_id"]
    same = {"coupon": coupon, "definition": f"D{definition}"}
    facts = told(shop, "coupon.changed")
    assert {merchant for merchant, _ in facts} == {GROCER}
    assert [fact | same for _, fact in facts] == [fact for _, fact in facts]
    assert [fact["change"] for _, fact in facts] == ["claimed", "consumed"]
    assert facts[-1][1]["because_of"] == sale


def test_a_campaigns_merchant_hears_what_a_purchase_pays_to_whom(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "reward.changed")
    live(shop)
    _, code, number = sharer(shop)
    _, friend = newcomer(shop, code)
    shop.at = "2017-03-01T14:00:00Z"
    sale = shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": friend}})["sale_id"]
    job(shop)
    facts = told(shop, "reward.changed")
    assert {(merchant, fact["campaign"], fact["sale"]) for merchant, fact in facts} == {
        (GROCER, "SPRING", sale)
    }
    assert sorted((fact["role"], fact["change"], fact["points"]) for _, fact in facts) == [
        ("newcomer", "due", 50), ("newcomer", "granted", 50), ("sharer", "due", 100),
        ("sharer", "granted", 100),
    ]  # fmt: skip
    assert not any(who in str(facts) for who in (number, friend))


def test_a_receipts_merchant_hears_that_it_is_claimed_and_refused(any_shop: Shop) -> None:
    shop = any_shop
    hear(shop, "claim.changed")
    _, own, path = member(shop)
    claim = shop.must(own, path, RECEIPT)["claim"]
    shop.must("grocer", f"/v1/claims/{claim}/refusal", {"reason": "not-eligible"})
    same = {"claim": claim, "amount_minor": 10_000}
    assert [(merchant, fact["change"]) for merchant, fact in told(shop, "claim.changed")] == [
        (GROCER, "filed"), (GROCER, "open"), (GROCER, "refused"),
    ]  # fmt: skip
    assert [fact | same for _, fact in told(shop, "claim.changed")][-1] == {
        **same, "change": "refused", "reason": "not-eligible",
    }  # fmt: skip
