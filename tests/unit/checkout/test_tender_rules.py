"""What earns, what points may pay, and how a total is apportioned: exact in sum and never shrinking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.basket import LineDetail, Tax, Tender
from ledger_service.checkout.basket_errors import PointsTenderDiffers, TendersDoNotAddUp
from ledger_service.checkout.requests import Line
from ledger_service.checkout.tender_rules import (
    EarningParts,
    apportion,
    check_tenders,
    earning_parts,
    payable_amounts,
    points_parts,
)
from ledger_service.points.basis import USUAL, Basis, basis_body, basis_of
from ledger_service.points.rule_text import rule_body, rule_of
from ledger_service.points.rules import EarnRule

POINTS = Tender("points", 300, "GROC", 300)
ALL_EARN = frozenset[str]()


def line(amount: int, detail: LineDetail | None = None) -> Line:
    return Line("1", "F", 1, amount, detail=detail)


def taxed(amount: int, tax: int) -> Line:
    return line(amount, LineDetail(tax=Tax(500, tax, True)))


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=12), st.data())
def test_an_apportioned_total_is_exact_and_no_part_shrinks(weights: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
    assert apportion(sum(weights), weights) == weights
    if total:
        before = apportion(total - 1, weights)
        assert all(was <= now for was, now in zip(before, parts, strict=True))


def test_tenders_must_be_the_total_and_the_points_worth() -> None:
    check_tenders([], 1_000, {"GROC": 300})
    check_tenders([POINTS, Tender("cash", 700)], 1_000, {"GROC": 300})
    with pytest.raises(TendersDoNotAddUp):
        check_tenders([POINTS, Tender("cash", 699)], 1_000, {"GROC": 300})
    with pytest.raises(PointsTenderDiffers):
        check_tenders([POINTS, Tender("cash", 700)], 1_000, {"GROC": 299})
    with pytest.raises(PointsTenderDiffers):
        check_tenders([Tender("cash", 1_000)], 1_000, {"FUEL": 5})


def test_usually_the_money_earns_and_neither_points_nor_coupons() -> None:
    lines, cash = [line(600), line(400)], [420, 280]
    assert earning_parts(USUAL, lines, cash, ()) == EarningParts(cash)
    tenders = [POINTS, Tender("coupon", 100), Tender("card", 600)]
    assert earning_parts(USUAL, lines, cash, tenders) == EarningParts([360, 240])


def test_a_rule_may_let_points_earn_and_take_tax_out() -> None:
    lines, cash = [taxed(1_050, 50)], [630]
    points_too = Basis(idle_tenders=ALL_EARN)
    assert earning_parts(points_too, lines, cash, ()).whole == [1_050]
    net = Basis(tax=False)
    assert earning_parts(net, lines, cash, ()).whole == [600]
    both = Basis(tax=False, idle_tenders=ALL_EARN)
    assert earning_parts(both, lines, cash, ()) == EarningParts([600], [400])


def test_any_tender_may_be_idle() -> None:
    tenders = [Tender("stored_value", 250), Tender("cash", 750)]
    idle = Basis(idle_tenders=frozenset({"stored_value"}))
    assert earning_parts(idle, [line(1_000)], [1_000], tenders).whole == [750]


def test_goods_that_are_no_merchandise_cannot_be_paid_with_points_unless_every_rule_lets_them() -> None:
    lines = [line(500), line(700, LineDetail("gift_card")), line(90, LineDetail("service"))]
    assert payable_amounts(lines, []) == [500, 0, 90]
    assert payable_amounts(lines, [USUAL]) == [500, 0, 90]
    free = Basis(unpayable_kinds=frozenset())
    assert payable_amounts(lines, [free]) == [500, 700, 90]
    assert payable_amounts(lines, [free, USUAL]) == [500, 0, 90]


def test_points_lie_on_what_they_may_pay_and_never_less_than_was_paid() -> None:
    lines = [line(500), line(700, LineDetail("gift_card"))]
    payable = payable_amounts(lines, [])
    assert points_parts(lines, payable, 500) == [500, 0]
    assert points_parts(lines, payable, 600) == [250, 350]


def test_a_basis_belongs_to_its_rule_and_survives_its_row() -> None:
    basis = Basis(tax=False, idle_kinds=frozenset({"tobacco"}))
    rule = EarnRule(2, 5, 1, 100, basis=basis)
    assert rule_of(2, 5, rule_body(rule)) == rule
    assert basis_of(basis_body(basis)) == basis
    assert "basis" not in rule_body(EarnRule(1, 0, 1, 100)), "old rules keep their text"
