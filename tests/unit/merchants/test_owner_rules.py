"""Owners' bank accounts are checked, their shares are the whole, and parts sum to what was split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.owners.errors import SharesNotWhole
from ledger_service.merchants.owners.rules import BankAccount, Share, bank_account, check_shares, split


def test_an_iban_counts_without_its_spaces_and_with_its_check_number() -> None:
    assert bank_account("gb82 WEST 1234 5698 7654 32", None, None) == BankAccount("GB82WEST12345698765432")
    assert bank_account(None, "004 1234", "0123456789").masked == "…6789"


@pytest.mark.parametrize(
    "given",
    [
        (None, None, None), ("GB83WEST12345698765432", None, None), ("GB82WEST12345698765432", "WEST", None),
        ("GB82WEST12345698765432", "WEST", "12345"), ("GB82", None, None), (None, "WEST", None),
        (None, None, "12345"), (None, "A-B", "12345"), (None, "WEST", "1234"), (None, "WEST", "12345x"),
    ],
)  # fmt: skip
def test_what_is_no_account_is_refused(given: tuple[str | None, str | None, str | None]) -> None:
    with pytest.raises(MalformedField):
        bank_account(*given)


@pytest.mark.parametrize(
    "shares", [[], [("a", 9_999)], [("a", 10_001)], [("a", 5_000), ("a", 5_000)], [("a", 10_000), ("b", 0)]]
)
def test_shares_that_are_not_the_whole_are_refused(shares: list[tuple[str, int]]) -> None:
    with pytest.raises(SharesNotWhole):
        check_shares([Share(*share) for share in shares])


@st.composite
def wholes(draw: st.DrawFn) -> list[Share]:
    cuts = sorted(draw(st.sets(st.integers(1, 9_999), max_size=7)))
    ends = [*cuts, 10_000]
    spans = zip([0, *cuts], ends, strict=True)
    return [Share(f"{i:02}", end - begin) for i, (begin, end) in enumerate(spans)]


@given(st.integers(-(2**80), 2**80), wholes())
def test_parts_sum_to_the_whole_and_what_comes_back_is_what_was_given(
    amount: int, shares: list[Share]
) -> None:
    check_shares(shares)
    parts = split(amount, shares)
    assert sum(parts.values()) == amount
    assert split(-amount, shares) == {owner: -part for owner, part in parts.items()}
    for share in shares:
        assert abs(parts[share.owner_id] * 10_000 - amount * share.share_bps) < 10_000
