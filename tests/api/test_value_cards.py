"""Stored-value cards over HTTP: sold by code, loaded, paid with, put back, frozen, paid out, and added up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, update

from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.terms.text import terms_hash, terms_json
from ledger_service.coupons.terms.values import Benefit, InstrumentKind, Share, StoredValue, Terms
from tests.api.service import GROCER, GROCER_STORE, NOON, Shop, basket
from tests.api.test_coupons import codes_of, person
from tests.api.test_pages import all_pages

TILL, CARDS = "grocer-till", "/v1/value-cards"
CARD = StoredValue(50_000)
WRONG = "4444-4444-4444-4444-4"


def printed(shop: Shop, size: int = 1, place: str = "US", benefit: Benefit = CARD, **more: Any) -> list[str]:
    """Codes of a live definition of what the grocer sells by code: its cards, unless told otherwise."""
    owner = int(GROCER)
    with shop.serving.foundations.database.begin() as conn:
        number = next_number(conn)
        terms = Terms(
            number, 1, owner, "USD", benefit, (Share(owner, 10_000),), kind=InstrumentKind.PAID, **more
        )
        conn.execute(insert(coupon_definition).values(
            definition_id=number, merchant_id=owner, code=f"D{number}", gcn_type=None, names="{}",
            jurisdiction=place, created_by="test", created_at=NOON,
        ))  # fmt: skip
        conn.execute(insert(coupon_version).values(
            definition_id=number, version=1, body=terms_json(terms), terms_hash=terms_hash(terms),
            effective_from=NOON, written_by="a", written_at=NOON, approved_by="b", approved_at=NOON,
            live_from=NOON,
        ))  # fmt: skip
    shop.serving.wallets.offers.catalogue.refresh()
    return codes_of(shop, number, size)


def money(code: str, minor: int, **more: Any) -> dict[str, Any]:
    return {"card": code, "amount_minor": minor, "currency": "USD", "reference": "c",
            "tenders": [{"type": "cash", "amount_minor": minor}]} | more  # fmt: skip


def paying(code: str, minor: int, **more: Any) -> dict[str, Any]:
    return basket(GROCER_STORE, minor, tenders=[{"type": "stored_value", "amount_minor": minor, "card": code}
                                                | more])  # fmt: skip


def test_a_card_from_its_sale_to_its_return_and_its_accounts(shop: Shop) -> None:
    person(shop, "anna")
    code, other = printed(shop, 2)
    own = {"pin": "4711", "member": shop.keys["anna-number"]}
    sold = shop.must(TILL, CARDS, money(code, 1_000, **own), key="card-1")
    assert shop.must(TILL, CARDS, money(code, 1_000, **own), key="card-1") == sold
    shop.must(TILL, CARDS, money(other, 500))
    assert code not in str(sold) and "4711" not in str(sold)
    assert shop.must(TILL, f"{CARDS}/loads", money(code, 200))["balance_minor"] == 1_200
    quoted = shop.must(TILL, "/v1/quotes", paying(code, 700, pin="4711"))
    sale = shop.must(TILL, "/v1/sales", paying(code, 700, pin="4711"))
    assert quoted["cards"][0]["left_minor"] == 500
    assert sale["tenders"] == [{"type": "stored_value", "amount_minor": 700, "card": sold["card"]}]
    back = shop.must(TILL, f"/v1/sales/{sale['sale_id']}/refunds", {"reference": "b"})
    assert back["tenders"] == sale["tenders"]
    asked = {"card": code, "pin": "4711"}
    assert shop.must(TILL, f"{CARDS}/balances", asked)["balance_minor"] == 1_200
    rows = all_pages(shop, "grocer", f"{CARDS}/{sold['card']}/entries", "entries")
    assert [(one["kind"], one["amount_minor"]) for one in rows] == [
        ("issue", 1_000), ("load", 200), ("pay", 700), ("return", 700),
    ]  # fmt: skip
    listed = all_pages(shop, "grocer", CARDS, "cards", 1)
    assert {one["balance_minor"] for one in listed} == {1_200, 500}
    (mine,) = shop.get("anna", f"/v1/members/{own['member']}/value-cards").json["cards"]
    assert mine["card"] == sold["card"]
    (accounts,) = shop.get("grocer", "/v1/value-accounts").json["accounts"]
    assert [accounts[f"{name}_minor"] for name in ("liability", "cards", "tender")] == [1_700] * 3
    assert shop.get("fuel", f"{CARDS}/{sold['card']}/entries").json["code"] == "value-card-unknown"


def test_a_frozen_card_pays_nothing_and_what_is_refused_says_why(shop: Shop) -> None:
    frozen_and_thawed(shop, *printed(shop))
    refusals(shop, *printed(shop, place="US-CA"))


def frozen_and_thawed(shop: Shop, code: str) -> None:
    card = shop.must(TILL, CARDS, money(code, 900))["card"]
    lost = {"act": "freeze", "reason": "lost"}
    assert shop.post("fuel", f"{CARDS}/{card}/standing", lost).json["code"] == "value-card-unknown"
    assert shop.must("grocer", f"{CARDS}/{card}/standing", lost)["state"] == "frozen"
    for path, body in (("/v1/sales", paying(code, 1)), (f"{CARDS}/loads", money(code, 1))):
        refused = shop.post(TILL, path, body)
        assert (refused.json["code"], refused.json["params"]["reason"]) == ("value-card-not-usable", "frozen")
    shop.must("grocer", f"{CARDS}/{card}/standing", {"act": "thaw", "reason": "settled"})
    shop.must("grocer", f"{CARDS}/{card}/standing", {"act": "renew", "reason": "expired"})
    assert shop.post(TILL, "/v1/sales", paying(code, 901)).json["code"] == "value-card-short"
    shop.must(TILL, "/v1/sales", paying(code, 900))


def test_a_lost_card_pays_by_another_code_and_by_its_old_one_no_more(shop: Shop) -> None:
    code, fresh, other = printed(shop, 3)
    card = shop.must(TILL, CARDS, money(code, 900, pin="4711"))["card"]
    shop.must(TILL, CARDS, money(other, 100))
    path, lost = f"{CARDS}/{card}/replacement", {"card": fresh, "pin": "0815", "reason": "lost"}
    told = [shop.post(who, path, lost | {"card": new}) for who, new in (
        ("fuel", fresh), ("grocer", WRONG), ("grocer", other), ("grocer", code))]  # fmt: skip
    assert [one.json["code"] for one in told] == ["value-card-unknown"] * 2 + ["value-card-not-usable"] * 2
    assert shop.must("grocer", path, lost)["balance_minor"] == 900
    assert shop.post(TILL, "/v1/sales", paying(code, 1, pin="4711")).json["code"] == "value-card-unknown"
    for dead in (code, fresh):
        assert shop.post(TILL, CARDS, money(dead, 1)).json["params"]["reason"] == "sold"
    shop.must(TILL, "/v1/sales", paying(fresh, 900, pin="0815"))


def test_a_code_that_a_replaced_card_has_lost_again_is_never_sold(shop: Shop) -> None:
    code, second, third, other = printed(shop, 4)
    card, its = (shop.must(TILL, CARDS, money(one, 900))["card"] for one in (code, other))
    for fresh in (second, third):
        shop.must("grocer", f"{CARDS}/{card}/replacement", {"card": fresh, "reason": "stolen"})
    assert shop.post(TILL, CARDS, money(second, 5)).json["params"]["reason"] == "sold"
    again = shop.post("grocer", f"{CARDS}/{its}/replacement", {"card": second, "reason": "lost"})
    assert again.json["params"]["reason"] == "sold"
    assert shop.post(TILL, "/v1/sales", paying(second, 1)).json["code"] == "value-card-unknown"
    shop.must(TILL, "/v1/sales", paying(third, 900))
    assert {one["card"] for one in all_pages(shop, "grocer", CARDS, "cards", 1)} == {card, its}
    assert shop.get("grocer", "/v1/value-accounts").json["accounts"][0]["cards"] == 2


def refusals(shop: Shop, code: str) -> None:
    """Each with its code; and training moves nothing."""
    assert shop.post(TILL, CARDS, money(WRONG, 100)).json["code"] == "value-card-unknown"
    assert shop.post(TILL, CARDS, money(code, 50_001)).json["code"] == "value-card-limit"
    shop.must(TILL, CARDS, money(code, 5_000))
    shop.must(TILL, "/v1/sales", paying(code, 100) | {"training": True})
    assert shop.post(TILL, CARDS, money(code, 1, training=True)).json["code"] == "not-in-training"
    batch = {"sales": [{"key": "a", "sold_at": shop.at, "sale": paying(code, 100)}]}
    (told,) = shop.must(TILL, "/v1/offline-sales", batch)["results"]
    assert "sale.tenders" in str(told)
    out = {"card": code, "reference": "o"}
    assert shop.post(TILL, f"{CARDS}/payouts", out).json["code"] == "value-card-not-paid-out"
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(coupon_definition).values(withdrawn_by="a", withdrawn_at=NOON))
        next_number(conn)
    shop.serving.wallets.offers.catalogue.refresh()
    assert shop.post(TILL, f"{CARDS}/loads", money(code, 1)).json["code"] == "value-card-not-sold"
    assert shop.must(TILL, f"{CARDS}/payouts", out)["amount_minor"] == 5_000
    assert shop.post(TILL, f"{CARDS}/payouts", out).json["code"] == "value-card-not-paid-out"
