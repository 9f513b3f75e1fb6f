"""Rules of the ledger: account numbers, movements, the bytes and hash of an entry, what a hold has left."""

from __future__ import annotations

from hashlib import sha256
from itertools import product

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.points import GREATEST_AMOUNT
from ledger_service.ledger.rules import (
    EntryRow,
    LegsLeft,
    Movement,
    Part,
    PostingRow,
    SystemKind,
    body_text,
    entry_bytes,
    entry_hash,
    is_well_formed,
    ledger_base_of,
    left_after_capture,
    member_account,
    system_account,
)

safe = st.integers(0, 2**53 - 1)
words = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    numbers=st.tuples(safe, safe, safe), op_id=st.binary(min_size=16, max_size=16), kind=words,
    body=st.dictionaries(words, plain, max_size=4),
    postings=st.lists(st.tuples(safe, safe, safe, safe, safe), max_size=4),
)  # fmt: skip
def test_the_bytes_of_an_entry_are_those_of_an_independent_canonical_json(
    numbers: tuple[int, int, int], op_id: bytes, kind: str, body: dict, postings: list[tuple[int, ...]]
) -> None:
    sequence, occurred_at, recorded_at = numbers
    entry = EntryRow(sequence, op_id, kind, occurred_at, recorded_at, body_text(body))
    rows = [PostingRow(*posted) for posted in postings]
    expected = rfc8785.dumps({
        "sequence": sequence, "op_id": op_id.hex(), "kind": kind, "occurred_at": occurred_at,
        "recorded_at": recorded_at, "body": body, "postings": [list(p) for p in postings],
    })  # fmt: skip
    assert entry_bytes(entry, rows) == expected
    assert entry_hash(entry, rows) == sha256(expected).digest()


def test_no_two_accounts_share_a_number() -> None:
    members = [member_account(m, ledger_base_of(m), p).account_id for m in (1, 2, 3, 2**46) for p in Part]
    programmes, merchants = range(1, 40), (None, 4006381333931, 4006381333948)
    systems = [system_account(*key).account_id for key in product(SystemKind, programmes, merchants)]
    everyone = members + systems
    assert len(set(everyone)) == len(everyone)
    assert max(members) < 2**51 <= min(systems)
    assert max(everyone) <= GREATEST_AMOUNT, "an account number must survive JSON"


def test_a_system_account_has_one_number_in_every_process() -> None:
    assert system_account(SystemKind.ISSUANCE, 1).account_id == 2930913901328382


@pytest.mark.parametrize(("amount", "epoch", "same", "right"), [
    (1, 0, False, True), (GREATEST_AMOUNT, 5, False, True), (0, 5, False, False), (-1, 5, False, False),
    (GREATEST_AMOUNT + 1, 5, False, False), (1, -1, False, False), (1, 5, True, False),
])  # fmt: skip
def test_a_movement_is_a_positive_safe_amount_between_two_accounts(
    amount: int, epoch: int, same: bool, right: bool
) -> None:
    source = system_account(SystemKind.ISSUANCE, 1)
    destination = source if same else member_account(1, ledger_base_of(1), Part.AVAILABLE)
    assert is_well_formed(Movement(source, destination, 1, epoch, amount)) is right


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-5, 60)), min_size=1, max_size=8))
def test_a_capture_takes_what_is_left_or_names_the_first_leg_that_has_less(
    legs: list[tuple[int, int]],
) -> None:
    left, taken = [have for have, _ in legs], [take for _, take in legs]
    result = left_after_capture(left, taken)
    short = [i for i, (have, take) in enumerate(legs) if not 0 <= take <= have]
    if short:
        assert result == short[0]
        return
    assert isinstance(result, LegsLeft)
    assert sum(result.left) == sum(left) - sum(taken)
    assert result.emptied is (sum(result.left) == 0)


def test_a_capture_of_another_number_of_legs_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zip"):
        left_after_capture([1, 2], [1])
