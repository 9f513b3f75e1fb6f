"""Bad bodies are refused whole, with the field that is wrong."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.parsing import (
    parse_authorise,
    parse_capture,
    parse_extend,
    parse_key,
    parse_quote,
    parse_refund,
    parse_revoke,
    parse_sale,
    parse_void,
)
from ledger_service.checkout.requests import SaleRequest, body_hash
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import with_check_digit

HOLD = "ab" * 16
GOOD: dict[str, Any] = {
    "store": with_check_digit("400638133391"),
    "reference": "till 3 / 77",
    "currency": "USD",
    "lines": [
        {"line": "1", "gtin": "4006381333931", "category": "F", "quantity": 2, "amount_minor": 0, "sku": "A"},
        {"line": "2", "category": "飲料", "quantity": 1, "amount_minor": 318},
    ],
    "member": {"pay_code": "AL1:XYZ"},
    "spend": [{"programme": "FUEL", "points": 120}],
    "acceptance": {"accepted_at": "2026-03-10T12:00:00Z", "signature": "0x" + "ab" * 65},
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(GOOD)
    *way, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    spot: Any = body
    for step in way:
        spot = spot[step]
    spot[last] = value
    return body


def test_a_good_body_is_read_in_full() -> None:
    sale = parse_sale(GOOD)
    assert isinstance(sale, SaleRequest)
    assert (sale.lines[1].category, sale.lines[0].gtin) == ("飲料", "04006381333931")
    assert sale.member is not None
    assert sale.member.may_spend


BAD_AMOUNTS = [-1, 1.0, 1e3, float("nan"), float("inf"), "1", None, True, [], {}, 9_000_000_001, 10**400]
BAD_TEXTS = ["", " ", 1, None, True, [], "\x00", "a\x00b", "\ud800", "x" * 65, "a\nb", "\u202e\ue000"]


@pytest.mark.parametrize("value", BAD_AMOUNTS)
@pytest.mark.parametrize("path", ["lines.0.amount_minor", "lines.1.quantity", "spend.0.points"])
def test_amounts_that_are_no_amounts_are_refused(path: str, value: object) -> None:
    if path == "spend.0.points" and value == 9_000_000_001:
        value = 2**53
    with pytest.raises(MalformedField):
        parse_sale(changed(path, value))


@pytest.mark.parametrize("value", BAD_TEXTS)
@pytest.mark.parametrize("path", ["reference", "lines.0.line", "lines.0.category", "currency", "store"])
def test_texts_that_are_no_texts_are_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedField):
        parse_sale(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("lines.1.line", "1", "lines"),
        ("lines", [], "lines"),
        ("lines", {}, "lines"),
        ("lines", [GOOD["lines"][1]] * 201, "lines"),
        ("lines.0", 7, "lines[0]"),
        ("lines.0.gtin", "4006381333930", "lines[0].gtin"),
        ("lines.0.colour", "red", "lines[0].colour"),
        ("lines.0.quantity", 0, "lines[0].quantity"),
        ("colour", "red", "colour"),
        ("store", "4006381333919", "store"),
        ("currency", "XXX", "currency"),
        ("currency", "usd", "currency"),
        ("member", {}, "member"),
        ("member", {"pay_code": "AL1:X", "number": "1"}, "member"),
        ("member", {"number": "123456789012345678"}, "member.number"),
        ("member", None, "spend"),
        ("member", {"number": with_check_digit("1" * 17)}, "spend"),
        ("member.pay_code", "x" * 401, "member.pay_code"),
        ("spend", [], "spend"),
        ("spend", [GOOD["spend"][0]] * 2, "spend"),
        ("spend", [{"programme": f"P{i}", "points": 1} for i in range(9)], "spend"),
        ("spend", {"max_value_minor": 0}, "spend.max_value_minor"),
        ("spend.0.programme", "fuel", "spend[0].programme"),
        ("spend.0.points", 0, "spend[0].points"),
        ("acceptance.accepted_at", "2026-03-10T12:00:00", "acceptance.accepted_at"),
        ("acceptance.accepted_at", "2026-02-30T12:00:00Z", "acceptance.accepted_at"),
        ("acceptance.signature", "0xab", "acceptance.signature"),
    ],
)  # fmt: skip
def test_the_field_that_is_wrong_is_named(path: str, value: object, field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        parse_sale(changed(path, value))
    assert refused.value.field == field


def test_a_basket_beyond_the_greatest_total_is_refused() -> None:
    lines = [{**GOOD["lines"][1], "line": str(i), "amount_minor": 4_500_000_001} for i in range(2)]
    with pytest.raises(MalformedField):
        parse_sale(changed("lines", lines))


@pytest.mark.parametrize("body", [None, [], "x", 1, True, {"lines": GOOD["lines"]}])
def test_bodies_that_are_no_sale_are_refused(body: object) -> None:
    for parse in (parse_sale, parse_quote, parse_authorise):
        with pytest.raises(MalformedField):
            parse(body)


@pytest.mark.parametrize(
    ("parse", "target", "body"),
    [
        (parse_void, HOLD, {"x": 1}),
        (parse_void, "AB" * 16, {}),
        (parse_void, HOLD[:-1], {}),
        (parse_extend, HOLD, {}),
        (parse_extend, HOLD, {"ttl_seconds": 29}),
        (parse_extend, HOLD, {"ttl_seconds": 259_201}),
        (parse_capture, HOLD, {"reference": "r", "lines": []}),
        (parse_capture, HOLD, {"reference": "r", "lines": GOOD["lines"], "final": 1}),
        (parse_refund, HOLD, {"reference": "r", "lines": [{"line": "1", "quantity": 0}]}),
        (parse_refund, HOLD, {"reference": "r", "lines": [{"line": "1", "quantity": 1}] * 2}),
        (parse_refund, HOLD, {"lines": []}),
    ],
)
def test_other_bodies_are_as_strict(parse: Any, target: str, body: object) -> None:
    with pytest.raises(MalformedField):
        parse(target, body)


def test_an_authorisation_needs_something_to_hold() -> None:
    with pytest.raises(MalformedField):
        parse_authorise({k: v for k, v in GOOD.items() if k != "spend"})
    assert parse_authorise({**GOOD, "several": True, "ttl_seconds": 60}).several


@pytest.mark.parametrize("key", ["", "x" * 129, "ä", "a\n", None, 5])
def test_bad_idempotency_keys_are_refused(key: object) -> None:
    with pytest.raises(MalformedField):
        parse_key(key)


def test_the_hash_of_a_body_covers_operation_and_target() -> None:
    frames = [("a", "", b"x"), ("a", "b", b"x"), ("ab", "", b"x"), ("a", "", b"y")]
    assert len({body_hash(*frame) for frame in frames}) == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(GOOD)), JSON)
def test_any_json_in_any_field_is_read_or_refused_by_name(field: str, value: object) -> None:
    try:
        parse_sale({**GOOD, field: value})
    except MalformedField as refused:
        assert refused.field  # noqa: PT017 - either outcome is right, an unnamed field is not


@given(JSON)
def test_any_json_as_a_body_is_read_or_refused(body: object) -> None:
    for parse in (parse_sale, parse_quote, parse_authorise, parse_revoke):
        with pytest.raises(MalformedField):
            parse(body)
