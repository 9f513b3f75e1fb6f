"""The payments at a run's end settle every position exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.demo.settling import Payment, payments


def test_the_largest_debtor_pays_the_largest_creditor_first() -> None:
    nets = {"grocer": 50, "florist": -70, "fuel": 30, "drugstore": -10}
    assert payments(nets) == [
        Payment("florist", "grocer", 50), Payment("florist", "fuel", 20), Payment("drugstore", "fuel", 10),
    ]  # fmt: skip


@given(st.lists(st.integers(-(10**15), 10**15), max_size=12))
def test_every_position_comes_to_nought_in_fewer_payments_than_merchants(amounts: list[int]) -> None:
    nets = {f"m{i:02}": amount for i, amount in enumerate([*amounts, -sum(amounts)])}
    found = payments(nets)
    for payment in found:
        assert payment.micros > 0
        nets[payment.debtor] += payment.micros
        nets[payment.creditor] -= payment.micros
    assert not any(nets.values())
    assert len(found) <= len(amounts)


def test_positions_that_do_not_add_up_are_no_basis_for_payments() -> None:
    with pytest.raises(ValueError, match="nought"):
        payments({"grocer": 1})
