"""Weights, measures, taxes, kinds and tenders are read strictly; what is plain stays plain."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.checkout.basket import LineDetail, Tax, Tender, detail_of, detail_values
from ledger_service.checkout.parsing import parse_capture, parse_refund, parse_sale
from ledger_service.checkout.requests import Line, RefundLine, SpendLeg
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import with_check_digit

STORE = with_check_digit("400638133391")
PLAIN: dict[str, Any] = {"line": "1", "category": "F", "quantity": 2, "amount_minor": 1_050}
TAX = {"rate_bps": 500, "amount_minor": 50}


def body(line: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"store": STORE, "reference": "r", "currency": "USD", "lines": [line or PLAIN], **more}


def the_line(**more: Any) -> Line:
    return parse_sale(body({**PLAIN, **more})).lines[0]


def test_a_plain_line_has_no_detail_however_it_is_written() -> None:
    assert the_line().detail is None
    assert the_line(goods_kind="merchandise", tax=None, weight_grams=None).detail is None


def test_a_line_is_counted_in_pieces_grams_or_thousandths() -> None:
    weighed = the_line(quantity=None, weight_grams=735)
    assert (weighed.quantity, weighed.unit) == (735, "gram")
    measured = the_line(quantity=None, measure={"unit": "l", "thousandths": 40_250})
    assert (measured.quantity, measured.unit) == (40_250, "l")


def test_tax_on_top_is_in_the_lines_amount_from_then_on() -> None:
    included = the_line(tax=TAX)
    assert (included.amount_minor, included.detail and included.detail.tax) == (1_050, Tax(500, 50, True))
    on_top = the_line(tax={"rate_bps": 500, "amount_minor": 53, "included": False})
    assert (on_top.amount_minor, on_top.detail and on_top.detail.tax_minor) == (1_103, 53)


def test_a_detail_survives_its_row() -> None:
    detail = the_line(
        tax=TAX, goods_kind="tobacco", price_override={"regular_minor": 1_200, "reason": "damaged"},
        staff_discount_minor=30,
    ).detail  # fmt: skip
    assert detail == LineDetail("tobacco", "piece", Tax(500, 50, True), 1_200, "damaged", 30)
    assert detail_of(detail_values(detail)) == detail


@pytest.mark.parametrize(
    "change",
    [
        {"weight_grams": 5},
        {"quantity": None},
        {"quantity": None, "weight_grams": 1.5},
        {"quantity": None, "weight_grams": 0},
        {"quantity": None, "weight_grams": 1_000_000_001},
        {"quantity": None, "measure": {"unit": "pint", "thousandths": 1}},
        {"quantity": None, "measure": {"unit": "l"}},
        {"goods_kind": "contraband"},
        {"goods_kind": 5},
        {"tax": {"rate_bps": 500, "amount_minor": 90}},
        {"tax": {"rate_bps": 500, "amount_minor": 45}},
        {"tax": {"rate_bps": 10_001, "amount_minor": 50}},
        {"tax": {"rate_bps": 500}},
        {"tax": {**TAX, "included": "yes"}},
        {"tax": []},
        {"price_override": {"regular_minor": 5}},
        {"price_override": {"regular_minor": -5, "reason": "x"}},
        {"staff_discount_minor": 1.0},
        {"discount": 5},
    ],
)
def test_an_odd_line_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedField) as refusal:
        the_line(**change)
    assert refusal.value.field.startswith("lines[0].")


def test_tenders_are_typed_and_points_among_them_are_to_be_spent() -> None:
    tenders = [
        {"type": "points", "programme": "GROC", "points": 50, "amount_minor": 50},
        {"type": "coupon", "amount_minor": 100, "funder": STORE, "reference": "C1"},
        {"type": "card", "amount_minor": 900},
    ]
    sale = parse_sale(body(tenders=tenders, member={"pay_code": "AL1:X"}))
    assert sale.tenders == (
        Tender("points", 50, "GROC", 50),
        Tender("coupon", 100, funder=int(STORE), reference="C1"),
        Tender("card", 900),
    )
    assert sale.spend is not None
    assert sale.spend.legs == (SpendLeg("GROC", 50),)
    capture = parse_capture("ab" * 16, {"lines": [PLAIN], "reference": "r", "tenders": tenders})
    assert (capture.tenders, capture.spend) == (sale.tenders, sale.spend)


@pytest.mark.parametrize(
    "tenders",
    [
        [],
        {},
        [{"type": "cash"}],
        [{"type": "barter", "amount_minor": 1}],
        [{"type": "cash", "amount_minor": -1}],
        [{"type": "cash", "amount_minor": 1.0}],
        [{"type": "cash", "amount_minor": 1, "points": 5}],
        [{"type": "card", "amount_minor": 1, "funder": STORE}],
        [{"type": "coupon", "amount_minor": 1, "funder": "123"}],
        [{"type": "points", "amount_minor": 1, "points": 5}],
        [{"type": "points", "amount_minor": 1, "programme": "GROC"}],
        [{"type": "points", "amount_minor": 1, "programme": "GROC", "points": 5}] * 2,
        [{"type": "cash", "amount_minor": 1}] * 21,
    ],
)
def test_odd_tenders_are_refused(tenders: Any) -> None:
    with pytest.raises(MalformedField):
        parse_sale(body(tenders=tenders, member={"pay_code": "AL1:X"}))


def test_points_among_the_tenders_need_a_pay_code() -> None:
    points = [{"type": "points", "programme": "GROC", "points": 50, "amount_minor": 50}]
    with pytest.raises(MalformedField, match="spend"):
        parse_sale(body(tenders=points))


def test_a_refund_names_the_unit() -> None:
    lines = [{"line": "1", "weight_grams": 20}, {"line": "2", "quantity": 1}]
    refund = parse_refund("ab" * 16, {"reference": "r", "lines": lines})
    assert refund.lines == (RefundLine("1", 20, "gram"), RefundLine("2", 1))
