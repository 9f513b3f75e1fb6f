"""A till alone took less off than the coupons give: parts, lines and tax follow it, exact to the cent."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger_service.coupons.deciding.capping import capped
from ledger_service.coupons.deciding.decision import Decision, decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Goods, Visit
from ledger_service.coupons.terms.values import AmountOff, PercentOff, Share, TaxBase, Terms

SHOP, BRAND = 9_520_100_000_017, 9_520_100_000_024
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
TAXES = {"1": 100, "2": 33}


def decided() -> Decision:
    shares = (Share(SHOP, 5_000), Share(BRAND, 5_000))
    tenth = Terms(1, 1, SHOP, "USD", PercentOff(1_000), shares)
    amount = Terms(2, 1, SHOP, "USD", AmountOff(101), shares, tax_base=TaxBase.BEFORE)
    lines = (Goods("1", 1_000, tax_minor=100), Goods("2", 333, tax_minor=33))
    visit = Visit(SHOP, SHOP, "USD", AT, member=True)
    return decide(Basket(lines, visit), [Candidate("a", tenth), Candidate("b", amount)])


def test_what_takes_no_more_off_than_the_till_did_stays_as_it_is() -> None:
    decision = decided()
    assert decision.discount_minor == 234
    assert capped(decision, 234, TAXES, {"a"}) is decision


def test_every_lesser_amount_is_kept_exactly_by_parts_funders_and_lines() -> None:
    decision = decided()
    for taken in range(234):
        less = capped(decision, taken, TAXES, {"a"})
        assert less.discount_minor == taken == sum(one.discount_minor for one in less.applied)
        assert [one.key for one in less.applied] == [one.key for one in decision.applied]
        for one, was in zip(less.applied, decision.applied, strict=True):
            assert sum(one.funded().values()) == one.discount_minor <= was.discount_minor
        assert sum(line.discount_minor for line in less.lines) == taken
        for line, was in zip(less.lines, decision.lines, strict=True):
            assert line.left_minor == line.amount_minor - sum(minor for _, minor in line.coupons)
            assert was.tax_minor <= line.tax_minor <= TAXES[line.line]


def test_nothing_taken_leaves_lines_and_their_tax_alone() -> None:
    lines = capped(decided(), 0, TAXES, {"a"}).lines
    assert [(line.coupons, line.left_minor, line.tax_minor) for line in lines] == [
        ((), 1_000, 100), ((), 333, 33),
    ]  # fmt: skip
