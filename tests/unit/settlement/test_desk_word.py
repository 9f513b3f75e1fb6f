"""What a stranger holds against the desk: whatever does not follow from the lines is named."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ledger_service.bootstrap.recomputing import Recomputed, desk_differences
from ledger_service.chain.desk_rounds import DeskRound
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.statements import payout_word

ONE, TWO = 9520100000003, 9520200000002
STATEMENTS = b"\x07" * 32


def agreed() -> Recomputed:
    """The second is owed 500 cents, of which one was held out, and has been paid."""
    payout = Payout(ONE, TWO, 499)
    word = payout_word(payout, {ONE: 0, TWO: 1}).to_bytes(32, "big")
    root = keccak256((3).to_bytes(32, "big") + STATEMENTS + keccak256(word))
    desk = DeskRound(STATEMENTS, root, 1, 1, {ONE: -4_990_000, TWO: 4_990_000}, places={ONE: 0, TWO: 1})
    desk.shift(ONE, TWO, -10_000)
    nets = {ONE: -5_000_000, TWO: 5_000_000}
    gross = Counter({(ONE, TWO): 5_000_000})
    return Recomputed(
        3,
        closed=True,
        gross=gross,
        nets=nets,
        contract=nets,
        payouts=[payout],
        statements=STATEMENTS,
        desk=desk,
    )


def test_what_follows_from_the_lines_agrees_and_a_held_amount_is_not_due() -> None:
    found = agreed()
    assert found.due == {ONE: -4_990_000, TWO: 4_990_000}
    assert list(desk_differences(found, paid_out=True)) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"statements": bytes(32)}, "the published statements are 0x0707"),
        ({"confirmed": {TWO: 5_000_000}}, f"merchant {TWO} confirmed a net of 5,000,000 micros"),
        ({"root": b"\x01" * 32}, "the 1 payouts on the desk are other ones"),
    ],
)
def test_each_word_of_the_desk_that_does_not_follow_is_named(change: dict[str, object], word: str) -> None:
    found = agreed()
    if "statements" in change:
        found.statements = bytes(32)
    else:
        found.desk = replace(found.desk, **change)  # type: ignore[arg-type]  # one field of its own type
    told = list(desk_differences(found, paid_out=True))
    assert len(told) == 1
    assert told[0].startswith(word)
    found.desk_differs = told
    assert not found.agrees


def test_payouts_are_judged_only_where_a_currency_was_given_and_the_period_is_netted() -> None:
    found = agreed()
    found.desk = replace(found.desk, root=b"\x01" * 32)
    assert list(desk_differences(found, paid_out=False)) == []
    found.desk = replace(found.desk, root=b"")
    assert list(desk_differences(found, paid_out=True)) == []
