"""Lines go into the decision and come out of it as what is left; everything behind works on what is left."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.checkout.basket import GRAM, LineDetail, Tax
from ledger_service.checkout.couponing.lines import after_coupons, goods_of
from ledger_service.checkout.couponing.views import decision_view
from ledger_service.checkout.requests import Line
from ledger_service.checkout.reversal_rules import SoldLine, returned_at
from ledger_service.checkout.rules import points_part_of_lines
from ledger_service.coupons.deciding.decision import decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Visit
from ledger_service.coupons.deciding.returning import share_returned
from ledger_service.coupons.definitions.goods import GoodsFacts
from ledger_service.coupons.terms.values import (
    AmountOff,
    BuyGet,
    Goods,
    PercentOff,
    Scope,
    Share,
    Shipping,
    TaxBase,
    Terms,
)
from ledger_service.points.basis import GoodsKind

SHOP, MAKER = 9501101530003, 9501101530010
VISIT = Visit(SHOP, 1, "EUR", datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
FUNDERS = (Share(SHOP, 3_333), Share(MAKER, 6_667))


def terms(benefit, number=1, **more):
    return Terms(number, 1, SHOP, "EUR", benefit, FUNDERS, **more)


def decided(lines, *some, known=None):
    goods = tuple(goods_of(line, (known or {}).get(line.line, GoodsFacts())) for line in lines)
    return decide(Basket(goods, VISIT), [Candidate(f"c{i}", one) for i, one in enumerate(some)])


def test_gift_cards_and_tobacco_bear_no_coupon_and_ham_is_one_piece():
    lines = (
        Line("1", "cards", 1, 1_000, detail=LineDetail(GoodsKind.GIFT_CARD)),
        Line("2", "smoke", 1, 900, detail=LineDetail(GoodsKind.TOBACCO)),
        Line("3", "deli", 250, 500, detail=LineDetail(unit=GRAM)),
    )
    decision = decided(lines, terms(PercentOff(5_000)))
    assert [line.amount_minor for line in after_coupons(lines, decision)] == [1_000, 900, 250]
    assert goods_of(lines[2]).pieces == 1


def test_a_delivery_is_for_coupons_of_shipping_alone():
    lines = (Line("1", "food", 1, 1_000), Line("2", "shipping", 1, 400))
    decision = decided(lines, terms(PercentOff(1_000), 1), terms(Shipping(300), 2))
    assert [line.amount_minor for line in after_coupons(lines, decision)] == [900, 100]


def test_brands_and_lists_of_the_merchant_decide_and_untouched_lines_stay_the_same():
    lines = (Line("1", "food", 1, 1_000, sku="a"), Line("2", "food", 1, 1_000, sku="b"))
    known = {"1": GoodsFacts("mill", "works", frozenset({7}))}
    for goods in (Goods(brands=frozenset({"mill"})), Goods(lists=frozenset({7}))):
        decision = decided(lines, terms(AmountOff(10), scope=Scope(goods)), known=known)
        left = after_coupons(lines, decision)
        assert left[0].amount_minor == 990 and left[1] is lines[1]


def test_the_tax_of_a_line_follows_the_terms():
    lines = (Line("1", "food", 1, 1_100, detail=LineDetail(tax=Tax(1_000, 100, True))),)
    own = after_coupons(lines, decided(lines, terms(AmountOff(550))))
    other = after_coupons(lines, decided(lines, terms(AmountOff(550), tax_base=TaxBase.BEFORE)))
    assert (own[0].detail.tax_minor, other[0].detail.tax_minor) == (50, 100)


def test_the_till_is_told_of_each_coupon_and_each_line_it_touched():
    lines = (Line("1", "food", 1, 1_000), Line("2", "wine", 1, 500))
    wine = Scope(Goods(departments=frozenset({"wine"})), least_pieces=2)
    view = decision_view(decided(lines, terms(AmountOff(100), 1), terms(AmountOff(5), 2, scope=wine)))
    assert view == {
        "discount_minor": 100,
        "optimal": True,
        "gap_minor": 0,
        "applied": [{
            "coupon": "c0", "definition": 1, "version": 1, "rule": "amount", "discount_minor": 100,
            "funders": [
                {"funder": "9501101530003", "amount_minor": 33},
                {"funder": "9501101530010", "amount_minor": 67},
            ],
        }],
        "refused": [
            {"coupon": "c1", "definition": 2, "version": 1, "rule": "goods", "reason": "too-few-pieces"}
        ],
        "lines": [
            {"line": "1", "amount_minor": 1_000, "coupons": [{"coupon": "c0", "amount_minor": 67}],
             "left_minor": 933, "tax_minor": 0},
            {"line": "2", "amount_minor": 500, "coupons": [{"coupon": "c0", "amount_minor": 33}],
             "left_minor": 467, "tax_minor": 0},
        ],
    }  # fmt: skip


AMOUNTS = st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 5)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(AMOUNTS, st.integers(0, 3_000), st.booleans(), st.randoms(use_true_random=False))
def test_money_points_and_discount_of_any_split_of_a_return_are_those_of_the_sale(
    amounts, points, first, chance
):
    lines = tuple(Line(str(i), "food", pieces, amount) for i, (amount, pieces) in enumerate(amounts))
    decision = decided(lines, terms(PercentOff(1_500), 1), terms(BuyGet(1, 1), 2), terms(AmountOff(99), 3))
    left = after_coupons(lines, decision)
    payable = [line.amount_minor for line in left]
    assert sum(payable) + decision.discount_minor == sum(line.amount_minor for line in lines)
    parts = points_part_of_lines(payable, min(points, sum(payable)))
    sold = [
        SoldLine(line.line, line.quantity, line.amount_minor - part, part)
        for line, part in zip(left, parts, strict=True)
    ]
    steps = [line.line for line in left for _ in range(line.quantity)]
    chance.shuffle(steps)
    pieces = dict.fromkeys((line.line for line in left), 0)
    quantities = {line.line: line.quantity for line in left}
    cash = worth = back = 0
    for step in steps:
        pieces[step] += 1
        now = returned_at(sold, pieces, points_first=first)
        shares = [share_returned(one.parts, quantities, pieces) for one in decision.applied]
        discount = sum(sum(one.values()) for one in shares)
        assert now.cash_minor >= cash and now.points_minor >= worth and discount >= back
        cash, worth, back = now.cash_minor, now.points_minor, discount
    assert cash + worth == sum(payable)
    assert back == decision.discount_minor
