"""Debts of funders become nets that sum to zero; a merchant's file tells it nothing of the others."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.coupon_clearing import ClearedCoupon
from ledger_service.settlement.coupons import COLUMNS, cleared, write_coupons

_A, _B, _C = 9501101530003, 9501101530010, 9501101530027
_pairs = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda pair: pair[0] != pair[1])
_USE = ClearedCoupon(
    datetime(2026, 3, 1, 9, tzinfo=UTC), bytes(16), b"\x01" * 16, False, "tea-ten", 1, _A, _A,
    {_A: 50, _B: 30, _C: 20}, "9501101530003" + "000000000007", b"\x02" * 16,
)  # fmt: skip


@given(st.dictionaries(_pairs, st.integers(-(10**9), 10**9), max_size=20))
def test_payouts_bring_every_merchant_to_zero(debts: dict[tuple[int, int], int]) -> None:
    told = cleared(debts)
    rest = dict(told.nets)
    assert sum(rest.values()) == 0
    for one in told.payouts:
        rest[one.payer] += one.minor
        rest[one.payee] -= one.minor
    assert set(rest.values()) <= {0}


def test_the_acceptor_sees_all_of_a_use_a_funder_its_own_share_and_others_nothing() -> None:
    assert _USE.of(_A) == _USE and _USE.of(9501101530034) is None
    seen = _USE.of(_B)
    assert seen is not None and dict(seen.paid) == {_B: 30}
    assert _USE.debts == {(_B, _A): 30, (_C, _A): 20}


def test_a_row_tells_the_operation_also_while_no_block_has_it() -> None:
    file = io.StringIO(newline="")
    file.write(",".join(COLUMNS) + "\r\n")
    assert write_coupons(file, [_USE], {}) == 3
    file.seek(0)
    rows = list(csv.DictReader(file))
    assert [(row["funder"], row["value_minor"]) for row in rows] == [
        (str(_A), "50"),
        (str(_B), "30"),
        (str(_C), "20"),
    ]
    assert {(row["number"], row["proof"], len(row["operation"])) for row in rows} == {
        ("9501101530003000000000007", "", 32)
    }
