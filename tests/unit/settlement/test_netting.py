"""Netting: nets sum to zero, one rounding, the least that has to be paid with the fewest payments."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.settlement.errors import NetsUnbalanced
from ledger_service.settlement.netting import Obligation, Payout, nets_of, payouts_of, rounded

_CENT = 10_000
_merchants = st.integers(1, 200)
_graphs = st.lists(
    st.builds(Obligation, _merchants, _merchants, st.integers(-(10**14), 10**14)), max_size=400
)


def _applied(payouts: list[Payout]) -> Counter[int]:
    moved: Counter[int] = Counter()
    for payer, payee, minor in payouts:
        moved[payer] -= minor
        moved[payee] += minor
    return moved


@given(_graphs, st.sampled_from((1_000, _CENT, 100_000, 1_000_000)))
def test_any_graph_of_200_merchants_nets_rounds_and_pays(graph: list[Obligation], unit: int) -> None:
    nets = nets_of(graph)
    minors = rounded(nets, unit)
    payouts = payouts_of(minors)
    assert sum(nets.values()) == sum(minors.values()) == 0
    assert all(abs(minors[m] * unit - nets[m]) < unit for m in nets)
    moved = _applied(payouts)
    assert all(moved[m] == minors[m] for m in minors)
    assert sum(p.minor for p in payouts) == sum(minor for minor in minors.values() if minor > 0)
    assert len(payouts) <= max(0, sum(1 for minor in minors.values() if minor) - 1)
    assert all(p.minor > 0 and p.payer != p.payee for p in payouts)
    assert {p.payer for p in payouts}.isdisjoint(p.payee for p in payouts)


@given(
    st.lists(st.builds(Obligation, _merchants, _merchants, st.integers(0, 10**14)), max_size=400),
    st.sampled_from((1, 1_000, _CENT, 1_000_000)),
)
def test_payments_never_exceed_what_was_owed_gross(graph: list[Obligation], unit: int) -> None:
    """Exactly: what each pays and gets is within its own gross, which the rounding may fill up to a unit;
    whole units are never more than was owed."""
    pairs = [o for o in graph if o.debtor != o.creditor]
    owes, claims = Counter[int](), Counter[int]()
    for debtor, creditor, micros in pairs:
        owes[debtor] += micros
        claims[creditor] += micros
    moved = _applied(payouts_of(rounded(nets_of(graph), unit)))
    assert all(-(-owes[m] // unit) >= -minor for m, minor in moved.items() if minor < 0)
    assert all(-(-claims[m] // unit) >= minor for m, minor in moved.items() if minor > 0)
    whole = [o._replace(micros=o.micros * unit) for o in pairs]
    paid = sum(p.minor for p in payouts_of(rounded(nets_of(whole), unit)))
    assert paid * unit <= sum(o.micros for o in whole)


def test_the_unit_that_rounding_leaves_over_goes_to_the_largest_remainder() -> None:
    assert rounded({1: 16_000, 2: 17_000, 3: -33_000}, _CENT) == {1: 1, 2: 2, 3: -3}
    # Equal remainders: the lower number is served first.
    assert rounded({7: 5_000, 5: 5_000, 6: -10_000}, _CENT) == {5: 1, 6: -1, 7: 0}


def test_a_circle_of_debts_costs_no_payment() -> None:
    circle = [Obligation(1, 2, 50), Obligation(2, 3, 50), Obligation(3, 1, 50)]
    assert payouts_of(rounded(nets_of(circle), 1)) == []


def test_who_owes_exactly_what_another_is_owed_pays_that_one() -> None:
    minors = {1: -70, 2: -30, 3: 30, 4: 50, 5: 20}
    assert payouts_of(minors) == [Payout(1, 4, 50), Payout(1, 5, 20), Payout(2, 3, 30)]


def test_nets_that_do_not_sum_to_zero_are_neither_rounded_nor_paid() -> None:
    with pytest.raises(NetsUnbalanced) as refusal:
        rounded({1: 5, 2: -4}, _CENT)
    assert refusal.value.params == {"difference": 1}
    with pytest.raises(NetsUnbalanced):
        payouts_of({1: -5, 2: 4})
