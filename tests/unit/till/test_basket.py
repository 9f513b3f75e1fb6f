"""Whatever the till acknowledges the service can read: the till's check is nowhere looser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.offline.parsing import parse_item
from ledger_service.checkout.parsing import parse_sale
from ledger_service.kernel.errors import MalformedField
from ledger_service.till.basket import checked
from ledger_service.till.lines import total_minor
from ledger_service.till.refusals import TillRefused
from ledger_service.till.typed import is_marked, kept

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**11), st.text(max_size=70), st.floats(allow_nan=False),
    st.sampled_from(["", " ", "a\0b", "12345678", "4006381333115", "ü" * 33, "x" * 65]),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip
LINE: dict[str, Any] = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 100}
NAMES = st.sampled_from([*LINE, "sku", "gtin", "other", "weight_grams", "goods_kind", "staff_discount_minor"])
# What is nearly right finds more than what is odd.
MEASURE = {"unit": st.sampled_from(["kg", "l", "hour", "cup"]), "thousandths": st.integers(0, 10**9 + 1)}
TAX = {"rate_bps": st.integers(-1, 10_001), "amount_minor": st.integers(-1, 120)}
OVERRIDE = {"regular_minor": st.integers(-1, 200), "reason": st.sampled_from(["torn", "", "a\0", 5])}
DETAIL = st.fixed_dictionaries(
    {},
    optional={
        "measure": st.fixed_dictionaries(MEASURE) | st.none(),
        "tax": st.fixed_dictionaries(TAX, optional={"included": ODD | st.booleans()}) | st.none(),
        "price_override": st.fixed_dictionaries(OVERRIDE),
        "goods_kind": st.sampled_from(["tobacco", "gift_card", "gold"]),
        "quantity": st.none() | st.integers(0, 30),
    },
)
TENDER = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["cash", "card", "coupon", "points", "gold", "stored_value"]),
        "amount_minor": st.integers(-1, 300),
    },
    optional={
        "funder": st.sampled_from(["4006381333115", "4006381333116", 5]), "reference": ODD,
        "card": st.sampled_from(["4444-4444-4444-4444-4", "", "x" * 81, 7, None]),
        "pin": st.sampled_from(["4711", "471", 4711, None]),
    },
)  # fmt: skip

COUPONS = st.fixed_dictionaries(
    {"taken_minor": st.integers(-1, 120) | ODD},
    optional={
        "ids": st.lists(st.sampled_from(["ab" * 16, "AB" * 16, "zz", 7]), max_size=2) | ODD,
        "codes": st.lists(st.sampled_from(["SPRING-26", "", "x" * 201, "(255)1", 5]), max_size=11),
        "wallet": st.booleans(),
    },
)

MEMBER = st.one_of(
    st.fixed_dictionaries({"number": ODD | st.just("000000000000000017")}),
    st.fixed_dictionaries({"card": ODD | st.sampled_from(["9 123 4567", "ab-12", "卡1234", "a_b4"])}),
    st.fixed_dictionaries({"phone": ODD | st.sampled_from(
        ["+1 415 555 0123", "＋14155550123", "14155550123", "+886 912 345 678", "+14155550123 x7", "+1"])}),
    st.fixed_dictionaries({"card": st.just("912345"), "pin": st.sampled_from(["2580", "25", "１２３４", 7])}),
    st.fixed_dictionaries({"phone": st.just("+14155550123"), "code": st.sampled_from(["12345678", "1"])}),
    st.fixed_dictionaries({"number": st.just("000000000000000017"), "pin": st.just("2580")}),
    st.fixed_dictionaries({"card": st.just("912345"), "phone": st.sampled_from(["+14155550123", None])}),
)  # fmt: skip
CARRIER = st.fixed_dictionaries(
    {"kind": st.sampled_from(["mobile_barcode", "donation", "member_card", "cloud", 5])},
    optional={"id": st.sampled_from(["/ABC12+3", "123", "abc-1", "", 7]), "more": st.none()},
)
INVOICE = st.fixed_dictionaries(
    {"scheme": st.sampled_from(["tw", "cn", "us", None])},
    optional={
        "number": st.sampled_from(["AB12345678", "ab1", "1" * 18, "1" * 20, "１" * 18, "1" * 20 + "\n"]),
        "carrier": CARRIER | st.none() | ODD,
        "period": st.just(1),
    },
)


def accepted(request: dict[str, Any]) -> bool:
    try:
        checked(request)
    except TillRefused:
        return False
    return True


def item(request: dict[str, Any]) -> dict[str, Any]:
    sale = {"store": "4006381333115", "currency": "USD", "reference": request.get("reference") or "k"}
    names = ("lines", "member", "tenders", "cashier", "business_date", "coupons", "invoice")
    given = {name: request[name] for name in names if request.get(name) is not None}
    return {"key": request.get("key") or "k", "sold_at": "2026-03-10T12:00:00Z", "sale": sale | given}


CHANGES = st.dictionaries(NAMES, ODD, max_size=2) | DETAIL


@given(st.lists(CHANGES, min_size=1, max_size=3), st.data())
def test_what_the_till_takes_the_service_reads(changes: list[dict[str, Any]], data: st.DataObject) -> None:
    lines = [{**LINE, "line": str(number), **change} for number, change in enumerate(changes)]
    request: dict[str, Any] = {"lines": lines}
    for name in ("reference", "key"):
        if data.draw(st.booleans()):
            request[name] = data.draw(ODD)
    if data.draw(st.booleans()):
        request["member"] = data.draw(MEMBER)
    if data.draw(st.booleans()):
        request["invoice"] = data.draw(INVOICE | ODD)
    if data.draw(st.booleans()):
        request["tenders"] = data.draw(st.lists(TENDER, max_size=3))
    if data.draw(st.booleans()):
        request["coupons"] = data.draw(COUPONS)
    for name, good in (("cashier", "7"), ("business_date", "2026-03-10")):
        if data.draw(st.booleans()):
            request[name] = data.draw(ODD | st.just(good))
    if not accepted(request):
        return
    sent = item(request)
    if is_marked(kept(request)):  # never taken alone: the service is asked, or nobody
        basket = {name: value for name, value in sent["sale"].items() if name != "coupons"}
        sale = parse_sale(basket)
    else:
        sale = parse_item(sent).sale
    assert total_minor(request["lines"]) == sum(line.amount_minor for line in sale.lines)


def weighed() -> dict[str, Any]:
    tax = {"rate_bps": 500, "amount_minor": 5, "included": False}
    line = {
        "line": "w",
        "category": "FOOD",
        "weight_grams": 250,
        "amount_minor": 100,
        "goods_kind": "service",
    }
    return {**line, "tax": tax, "price_override": {"regular_minor": 110, "reason": "torn"}}


def test_the_property_sees_a_looser_till() -> None:
    with pytest.raises(MalformedField):
        parse_item(item({"lines": [{**LINE, "quantity": 0}]}))
    assert not accepted({"lines": [{**LINE, "quantity": 0}]})
    assert accepted({"lines": [weighed()], "tenders": [{"type": "cash", "amount_minor": 105}]})
    parse_item(item({"lines": [weighed()], "tenders": [{"type": "cash", "amount_minor": 105}]}))
    assert total_minor([weighed()]) == 105
    coupons = {"codes": ["SPRING-26"], "ids": ["ab" * 16], "taken_minor": 100}
    assert accepted({"lines": [LINE], "coupons": coupons})
    assert not accepted({"lines": [LINE], "coupons": coupons | {"taken_minor": 101}})
    for member in ({"number": "000000000000000017"}, {"card": "9 123-ab"}, {"phone": "+886 912 345 678"}):
        assert accepted({"lines": [LINE], "member": member})
    for member in (
        {},
        {"number": "000000000000000017", "pin": "2580"},
        {"card": "912345", "number": "000000000000000017"},
    ):
        assert not accepted({"lines": [LINE], "member": member})
    paper = {"scheme": "tw", "number": "AB12345678", "carrier": {"kind": "mobile_barcode", "id": "/ABC12+3"}}
    assert accepted({"lines": [LINE], "invoice": paper})
    parse_item(item({"lines": [LINE], "invoice": paper}))
    assert not accepted({"lines": [LINE], "invoice": paper | {"scheme": "cn"}})
