"""OffDesk: what is paid in at issue pays what is spent; a reserve is what it should be; nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.pools import Basis, BasisKind, PoolFlow
from ledger_service.settlement.bank.off_desk import pool_payouts
from ledger_service.settlement.bank.references import COUPONS_FROM, POOLS_FROM, Reference, reference_of
from ledger_service.settlement.pool import PoolLine, pool_lines

ISSUER, POOL = 9501101530003, 9501101530010
BASES = {
    BasisKind.REDEMPTION: Basis(BasisKind.REDEMPTION, 0, POOL),
    BasisKind.ISSUE: Basis(BasisKind.ISSUE, 0, POOL),
    BasisKind.RESERVE: Basis(BasisKind.RESERVE, 8_000, POOL),
}


def flow(
    kind: BasisKind, issued: int = 0, owed: int = 0, outstanding: int = 0, value: int = 10_000
) -> PoolFlow:
    return PoolFlow(1, ISSUER, BASES[kind], issued, owed, outstanding, value)


def settled(*flows: PoolFlow) -> list[PoolLine]:
    return [lines[0] for lines in pool_lines([one] for one in flows)]


def figures(*flows: PoolFlow) -> list[tuple[int, int, int]]:
    return [(line.paid_in_micros, line.paid_out_micros, line.held_micros) for line in settled(*flows)]


def test_at_issue_the_issuer_pays_everything_then_and_nothing_when_points_are_spent() -> None:
    assert figures(
        flow(BasisKind.ISSUE, issued=1_000),
        flow(BasisKind.ISSUE, issued=500, owed=900),
        flow(BasisKind.ISSUE),
    ) == [(1_000, 0, 1_000), (500, 900, 600), (0, 0, 600)]


def test_points_from_before_the_basis_are_paid_by_the_issuer_when_the_pool_is_empty() -> None:
    assert figures(flow(BasisKind.ISSUE, issued=100, owed=130), flow(BasisKind.ISSUE, issued=100)) == [
        (100, 100, 0), (100, 0, 100),
    ]  # fmt: skip


def test_what_comes_back_goes_back_into_the_pool_as_far_as_the_pool_had_paid_it() -> None:
    lines = figures(
        flow(BasisKind.ISSUE, issued=100, owed=60), flow(BasisKind.ISSUE, owed=-50),
        flow(BasisKind.ISSUE, owed=-50), flow(BasisKind.ISSUE, issued=-500),
    )  # fmt: skip
    assert lines == [(100, 60, 40), (0, -50, 90), (0, -10, 100), (-100, 0, 0)]


def test_a_reserve_is_the_share_of_what_is_outstanding_and_trues_up_both_ways() -> None:
    lines = settled(
        flow(BasisKind.RESERVE, outstanding=1_000), flow(BasisKind.RESERVE, owed=5, outstanding=400),
        flow(BasisKind.RESERVE, outstanding=400, value=20_000), flow(BasisKind.RESERVE),
    )  # fmt: skip
    assert [line.held_micros for line in lines] == [8_000_000, 3_200_000, 6_400_000, 0]
    assert [line.owed_micros for line in lines] == [8_000_000, -4_800_000, 3_200_000, -6_400_000]


def test_back_at_redemption_the_pool_is_spent_first() -> None:
    assert figures(
        flow(BasisKind.ISSUE, issued=100), flow(BasisKind.REDEMPTION, issued=70, owed=80),
        flow(BasisKind.REDEMPTION, owed=80),
    ) == [(100, 0, 100), (0, 80, 20), (0, 20, 0)]  # fmt: skip


_AMOUNT = st.integers(-(10**12), 10**15)
_FLOWS = st.lists(
    st.builds(
        flow, st.sampled_from(BasisKind), _AMOUNT, _AMOUNT, st.integers(0, 10**9), st.integers(1, 10**6)
    ),
    max_size=12,
)


@given(_FLOWS)
def test_a_pool_holds_what_was_paid_in_and_not_out_and_never_less_than_nothing(flows: list[PoolFlow]) -> None:
    """INV-5: what the issuer owes the pool is what the pool is owed; all lines together are what it holds."""
    held = 0
    for line in settled(*flows):
        held += line.owed_micros
        assert line.held_micros == held >= 0


@given(_FLOWS, st.integers(1, 10**9))
def test_programmes_do_not_pay_for_one_another(flows: list[PoolFlow], issued: int) -> None:
    other = PoolFlow(2, POOL, Basis(BasisKind.ISSUE, 0, ISSUER), issued, 0, 0, 1)
    alone = [line for (line,) in pool_lines([one] for one in flows)]
    both = pool_lines([one, other] for one in flows)
    assert [lines[0] for lines in both] == alone
    assert [lines[1].held_micros for lines in both] == [issued * (k + 1) for k in range(len(flows))]


@given(_FLOWS, st.sampled_from([1, 10_000, 1_000_000]))
def test_payments_keep_the_account_of_a_pool_within_a_minor_unit_of_what_it_holds(
    flows: list[PoolFlow], unit: int
) -> None:
    account = 0
    for line in settled(*flows):
        for number, payout in pool_payouts([line], unit).items():
            assert number == POOLS_FROM + line.flow.programme
            assert payout.minor > 0
            account += payout.minor if payout.payee == POOL else -payout.minor
        assert account == line.held_micros // unit


def test_a_pool_of_the_issuer_s_own_needs_no_bank() -> None:
    line = settled(flow(BasisKind.ISSUE, issued=1_000))[0]
    own = replace(line, flow=replace(line.flow, basis=Basis(BasisKind.ISSUE, 0, ISSUER)))
    assert (pool_payouts([own], 1), len(pool_payouts([line], 1))) == ({}, 1)


@pytest.mark.parametrize(
    "number", [0, 999, POOLS_FROM + 1, POOLS_FROM + 2**31, COUPONS_FROM, COUPONS_FROM + 254]
)
def test_a_reference_of_payout_or_pool_is_read_back_and_fits(number: int) -> None:
    reference = Reference("0AF19C44", 2**32 - 2, number)
    assert (reference_of(reference.text), len(reference.text) <= 35) == (reference, True)
