"""A basket's decision: rules refuse with their codes, benefits rest where they should, sums are exact."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.coupons.deciding.decision import decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Uses, Visit
from ledger_service.coupons.deciding.facts import Goods as Line
from ledger_service.coupons.deciding.reasons import Reason
from ledger_service.coupons.deciding.returning import share_returned, wholly_returned
from ledger_service.coupons.terms.values import (
    AmountOff,
    BuyGet,
    FixedPrice,
    FreeItem,
    Gift,
    Goods,
    Limits,
    Parking,
    PercentOff,
    Scope,
    Share,
    Shipping,
    Stacking,
    Step,
    TaxBase,
    Terms,
    Tiered,
    Window,
)

SHOP, BRAND = 9501101530003, 9501101530010
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
VISIT = Visit(SHOP, 1, "EUR", NOW)
COFFEE, MUG = Goods(departments=frozenset({"coffee"})), Goods(skus=frozenset({"mug"}))
LINES = (
    Line("1", 900, 3, sku="bean", department="coffee", brand="b", tax_minor=90),
    Line("2", 500, 1, sku="mug", department="home"),
    Line("3", 400, 1, department="delivery", shipping=True),
    Line("4", 5_000, 1, department="coffee", barred=True),
)


def terms(benefit, number=1, **more):
    funders = more.pop("funders", (Share(SHOP, 10_000),))
    return Terms(number, 1, SHOP, "EUR", benefit, funders, **more)


def decided(*some, lines=LINES, visit=VISIT, **more):
    candidates = [Candidate(f"c{i}", one) for i, one in enumerate(some)]
    return decide(Basket(lines, visit, **more), candidates)


def parts(decision):
    return [{p.line: p.minor for p in one.parts} for one in decision.applied]


@pytest.mark.parametrize(
    ("benefit", "scope", "resting"),
    [
        (PercentOff(1_000), Scope(), {"1": 90, "2": 50}),
        (PercentOff(1_000, 100), Scope(), {"1": 64, "2": 36}),
        (AmountOff(100), Scope(COFFEE), {"1": 100}),
        (AmountOff(100_000), Scope(), {"1": 900, "2": 500}),
        (FixedPrice(200), Scope(COFFEE), {"1": 300}),
        (FreeItem(2), Scope(COFFEE), {"1": 600}),
        (FreeItem(1), Scope(COFFEE, MUG, least_pieces=3), {"1": 321, "2": 179}),
        (BuyGet(2, 1), Scope(COFFEE), {"1": 300}),
        (BuyGet(3, 1, 5_000), Scope(COFFEE, MUG), {"1": 161, "2": 89}),
        (BuyGet(1, 1), Scope(), {"1": 386, "2": 214}),
        (Tiered((Step(500, 50), Step(1_400, off_bps=2_000))), Scope(), {"1": 180, "2": 100}),
        (Tiered((Step(500, 50), Step(1_401, off_bps=2_000))), Scope(), {"1": 32, "2": 18}),
        (Shipping(300), Scope(), {"3": 300}),
        (Shipping(), Scope(least_minor=1_400), {"3": 400}),
    ],
)
def test_each_benefit_rests_on_its_goods(benefit, scope, resting):
    assert parts(decided(terms(benefit, scope=scope))) == [resting]


def scoped(**scope):
    return terms(AmountOff(10), scope=Scope(**scope))


def at(**window):
    return terms(AmountOff(10), window=Window(**window))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (replace(terms(AmountOff(1)), currency="USD"), Reason.WRONG_CURRENCY),
        (replace(terms(AmountOff(1)), merchant=BRAND), Reason.WRONG_MERCHANT),
        (scoped(merchants=frozenset({BRAND})), Reason.WRONG_MERCHANT),
        (scoped(stores=frozenset({2})), Reason.WRONG_STORE),
        (scoped(channels=frozenset({"web"})), Reason.WRONG_CHANNEL),
        (at(starts_at=NOW + timedelta(seconds=1)), Reason.NOT_YET_VALID),
        (at(ends_at=NOW), Reason.EXPIRED),
        (at(weekdays=frozenset({1})), Reason.WRONG_DAY),
        (at(minutes=(0, 720)), Reason.WRONG_HOUR),
        (scoped(segments=frozenset({"gold"})), Reason.NEEDS_MEMBER),
        (scoped(first_purchase=True), Reason.NEEDS_MEMBER),
        (terms(AmountOff(1), limits=Limits(per_member_day=1)), Reason.NEEDS_MEMBER),
        (scoped(of=Goods(brands=frozenset({"other"}))), Reason.NO_GOODS),
        (scoped(of=COFFEE, excluded=Goods(brands=frozenset({"b"}))), Reason.NO_GOODS),
        (scoped(of=COFFEE, least_minor=901), Reason.TOO_LITTLE),
        (scoped(of=COFFEE, least_pieces=4), Reason.TOO_FEW),
        (terms(BuyGet(3, 1), scope=Scope(COFFEE)), Reason.WORTH_NOTHING),
        (terms(FixedPrice(300), scope=Scope(COFFEE)), Reason.WORTH_NOTHING),
    ],
)
def test_each_rule_refuses_with_its_reason(one, reason):
    decision = decided(one)
    assert [refused.reason for refused in decision.refused] == [reason]
    assert decision.applied == () and decision.discount_minor == 0


def test_a_member_outside_the_segment_and_after_the_first_purchase_is_refused():
    visit = replace(VISIT, member=True, segments=frozenset({(SHOP, "SILVER"), (BRAND, "GOLD")}))
    some = scoped(segments=frozenset({"GOLD"})), scoped(first_purchase=True)
    reasons = [refused.reason for refused in decided(*some, visit=visit).refused]
    assert reasons == [Reason.WRONG_SEGMENT, Reason.NOT_FIRST_PURCHASE]
    at_first = replace(visit, segments=frozenset({(SHOP, "GOLD")}), first_purchase=True)
    assert len(decided(some[0], replace(some[1], definition=2), visit=at_first).applied) == 2
    held = replace(visit, judged=True)
    assert len(decided(some[0], replace(some[1], definition=2), visit=held).applied) == 2


def test_anothers_segment_counts_on_the_members_consent_for_everybody_who_learns_of_it():
    inside = replace(VISIT, member=True, segments=frozenset({(BRAND, "GOLD")}))
    lent = scoped(segments=frozenset({f"{BRAND}/GOLD"}))
    # The brand's own coupon at the shop's till: the shop learns of it.
    shown = replace(scoped(segments=frozenset({"GOLD"}), merchants=frozenset({SHOP})), merchant=BRAND)
    for one in (lent, shown):
        for no in ({}, {"segments": frozenset()}, {"consents": frozenset({(SHOP, BRAND)})}):
            assert decided(one, visit=replace(inside, **no)).refused[0].reason is Reason.NEEDS_CONSENT
        agreed = replace(inside, consents=frozenset({(BRAND, SHOP)}))
        assert len(decided(one, visit=agreed).applied) == 1
        outside = replace(agreed, segments=frozenset())
        assert decided(one, visit=outside).refused[0].reason is Reason.WRONG_SEGMENT
    either = scoped(segments=frozenset({"GOLD", f"{BRAND}/GOLD"}))
    own = replace(inside, segments=frozenset({(SHOP, "GOLD")}))
    assert len(decided(either, visit=own).applied) == 1


@pytest.mark.parametrize(
    ("uses", "reason"),
    [
        (Uses(member_left=0), Reason.MEMBER_LIMIT),
        (Uses(store_left=0), Reason.STORE_LIMIT),
        (Uses(budget_left=0), Reason.BUDGET),
        (Uses(value_left_minor=9), Reason.BUDGET),
    ],
)
def test_a_limit_that_is_reached_refuses(uses, reason):
    visit = replace(VISIT, member=True)
    assert [r.reason for r in decided(scoped(), visit=visit, uses={(1, 1): uses}).refused] == [reason]


def test_a_budget_by_value_is_not_exceeded_by_one_unit():
    two = terms(AmountOff(10), limits=Limits(per_basket=3))
    assert len(decided(two, two, two, uses={(1, 1): Uses(value_left_minor=29)}).applied) == 2
    assert len(decided(two, two, two, uses={(1, 1): Uses(value_left_minor=30)}).applied) == 3


def test_each_version_is_held_to_its_own_limits_and_together_to_the_tightest():
    first = terms(AmountOff(10), limits=Limits(per_basket=3))
    second = replace(first, version=2)
    spent = {(1, 1): Uses(budget_left=0), (1, 2): Uses(budget_left=5)}
    decision = decided(first, second, second, uses=spent)
    assert [r.reason for r in decision.refused] == [Reason.BUDGET]
    assert [one.version for one in decision.applied] == [2, 2]
    unbound = {(1, 1): Uses(), (1, 2): Uses(value_left_minor=19)}
    assert len(decided(first, second, uses=unbound).applied) == 1


def test_what_stands_in_the_way_is_named():
    alone = terms(AmountOff(500), 1, stacking=Stacking(exclusive=True))
    decision = decided(alone, terms(AmountOff(10), 2))
    assert [(r.reason, r.because_of) for r in decision.refused] == [(Reason.EXCLUSIVE, "c0")]
    group = Stacking("g", most_per_group=1)
    decision = decided(terms(AmountOff(5), 1, stacking=group), terms(AmountOff(6), 2, stacking=group))
    assert [(r.key, r.reason, r.because_of) for r in decision.refused] == [("c0", Reason.GROUP_FULL, "c1")]
    apart = Stacking("h", excludes=frozenset({"g"}))
    decision = decided(terms(AmountOff(5), 1, stacking=group), terms(AmountOff(6), 2, stacking=apart))
    assert [(r.reason, r.because_of) for r in decision.refused] == [(Reason.NOT_TOGETHER, "c1")]
    decision = decided(terms(AmountOff(5), 1), terms(AmountOff(6), 2), most_coupons=1)
    assert [r.reason for r in decision.refused] == [Reason.BASKET_FULL]
    decision = decided(terms(AmountOff(5)), terms(AmountOff(5)))
    assert [(r.key, r.reason) for r in decision.refused] == [("c1", Reason.DEFINITION_FULL)]
    decision = decided(terms(PercentOff(10_000), 1), terms(AmountOff(1), 2))
    assert [r.reason for r in decision.refused] == [Reason.NOTHING_LEFT]


def test_a_piece_serves_one_bundle_only_and_two_free_items_are_two_pieces():
    bundle = terms(BuyGet(2, 1), 1, scope=Scope(COFFEE))
    decision = decided(bundle, terms(FreeItem(1), 2, scope=Scope(COFFEE)))
    assert decision.discount_minor == 300
    assert [r.reason for r in decision.refused] == [Reason.PIECES_USED]
    free = terms(FreeItem(1), 1, limits=Limits(per_basket=5))
    assert parts(decided(free, free, free)) == [{"2": 500}, {"1": 300}, {"1": 300}]


def test_percentages_count_from_the_line_as_it_was_sent():
    decision = decided(terms(PercentOff(1_000), 1), terms(PercentOff(2_000), 2), terms(AmountOff(500), 3))
    assert [one.discount_minor for one in decision.applied] == [140, 280, 500]
    assert sum(line.left_minor for line in decision.lines[:2]) == 480


def test_gifts_and_parking_come_on_top_and_take_nothing_off():
    decision = decided(terms(Parking(60), 1), terms(Gift("pin"), 2), terms(AmountOff(5), 3))
    assert {one.promise for one in decision.applied} == {("parking_minutes", 60), ("gift:pin", 1), None}
    assert decision.discount_minor == 5


def test_tax_is_due_on_what_is_left_or_on_the_whole_as_the_terms_say():
    own = decided(terms(AmountOff(300), scope=Scope(COFFEE)))
    paid_by_another = decided(terms(AmountOff(300), scope=Scope(COFFEE), tax_base=TaxBase.BEFORE))
    assert own.lines[0].tax_minor == 60
    assert paid_by_another.lines[0].tax_minor == 90


def test_of_equal_combinations_the_soonest_expiry_then_the_lowest_id_is_used():
    late, soon = Candidate("a", scoped(), NOW + timedelta(9)), Candidate("b", scoped(), NOW + timedelta(1))
    same = Candidate("c", scoped(), NOW + timedelta(1))
    decision = decide(Basket(LINES, VISIT), [late, same, soon])
    assert [one.key for one in decision.applied] == ["b"]


def test_funders_pay_shares_that_sum_exactly():
    shares = (Share(SHOP, 3_333), Share(BRAND, 6_667))
    (one,) = decided(terms(PercentOff(999), funders=shares)).applied
    by = {funder: sum(p.minor for p in one.parts if p.funder == funder) for funder in (SHOP, BRAND)}
    assert sum(by.values()) == one.discount_minor == 139
    assert by == {SHOP: 46, BRAND: 93}


SOME_TERMS = st.builds(
    terms,
    st.sampled_from((PercentOff(1_000), AmountOff(250), FreeItem(1), BuyGet(1, 1, 5_000), FixedPrice(90))),
    st.integers(1, 9),
    scope=st.sampled_from((Scope(), Scope(COFFEE), Scope(COFFEE, MUG), Scope(MUG, least_minor=100))),
    funders=st.sampled_from(((Share(SHOP, 10_000),), (Share(SHOP, 3_333), Share(BRAND, 6_667)))),
    stacking=st.sampled_from((Stacking(), Stacking("g", most_per_group=1), Stacking(exclusive=True))),
)
SOME_LINES = st.lists(
    st.tuples(st.integers(0, 999), st.integers(1, 5), st.sampled_from(("bean", "mug"))),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(SOME_LINES, st.lists(SOME_TERMS, max_size=8), st.randoms(use_true_random=False))
def test_sums_are_exact_and_any_split_of_a_return_gives_the_same(lines, some, chance):
    basket = tuple(
        Line(str(i), amount, pieces, sku=sku, department="coffee" if sku == "bean" else "home")
        for i, (amount, pieces, sku) in enumerate(lines)
    )
    candidates = [Candidate(f"c{i}", one) for i, one in enumerate(some)]
    decision = decide(Basket(basket, VISIT), candidates)
    mixed = [list(basket), list(candidates)]
    for each in mixed:
        chance.shuffle(each)
    assert decide(Basket(tuple(mixed[0]), VISIT), mixed[1]) == decision
    assert sum(one.discount_minor for one in decision.applied) == decision.discount_minor
    assert sum(line.discount_minor for line in decision.lines) == decision.discount_minor
    assert all(0 <= line.left_minor <= line.amount_minor for line in decision.lines)
    assert {one.key for one in decision.applied} | {one.key for one in decision.refused} == {
        c.key for c in candidates
    }
    sold = {line.line: line.pieces for line in basket}
    for one in decision.applied:
        assert sum(part.minor for part in one.parts) == one.discount_minor
        returned, before = dict.fromkeys(sold, 0), {}
        steps = [line for line, pieces in sold.items() for _ in range(pieces)]
        chance.shuffle(steps)
        for line in steps:
            assert not wholly_returned(one.parts, sold, returned) or all(
                returned[p.line] == sold[p.line] for p in one.parts
            )
            returned[line] += 1
            now = share_returned(one.parts, sold, returned)
            assert all(now.get(key, 0) >= minor for key, minor in before.items())
            before = now
        assert sum(before.values()) == one.discount_minor
        assert wholly_returned(one.parts, sold, returned)


def test_keeping_the_free_piece_does_not_pay():
    (bundle,) = decided(terms(BuyGet(2, 1), scope=Scope(COFFEE))).applied
    back = share_returned(bundle.parts, {"1": 3}, {"1": 2})
    # Paid 600 for three pieces; two come back: 600 of the price, less 200 of the discount.
    assert 600 - sum(back.values()) == 400
