"""What a merchant receives, split to the owners of its stores: exact, and paid when all parts are."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.merchants.owners.rules import Share, split
from ledger_service.settlement.bank.accounts import BankAccount
from ledger_service.settlement.bank.matching import Expected, Reason
from ledger_service.settlement.bank.pain import NAMESPACE, Accounts, Line, payment_order
from ledger_service.settlement.bank.receipts import Due, lines_of, split_receipt
from ledger_service.settlement.bank.references import Reference, reference_of
from ledger_service.settlement.netting import Payout
from ledger_service.settlement.papers.owned import owned_of
from tests.unit.settlement.bank.banking import (
    ACCOUNTS,
    ORDER,
    PAYOUTS,
    TAG,
    A,
    B,
    D,
    Told,
    expected,
    outcome_of,
    statement,
)  # fmt: skip
from tests.unit.settlement.bank.test_pain import schema  # noqa: F401  # a fixture

ANN = BankAccount(B, "Ann 有限公司", iban="GB29NWBK60161331926819")
BEN = BankAccount(B, "Ben", account="0123456789", bic="BOFAUS3N")
DUES = [Due(ANN, 100), Due(BEN, 200), Due(ACCOUNTS[B], -50)]


def told_of(line: Line) -> Told:
    """The bank's word on a part, on the payer's statement."""
    assert line.creditor is not None
    amount = f"{line.payout.minor / 100:.2f}"
    reference = Reference(TAG, 12, line.number, line.part).text
    return Told(ACCOUNTS[line.payout.payer].number, reference, amount, creditor=line.creditor.number)


def of_owners(paid: int = 0) -> Expected:
    parts = [line for line in lines_of(PAYOUTS, {B: DUES}) if line.part]
    numbers = {line.number for line in parts}
    return replace(
        expected(paid=paid), parts={n: [line for line in parts if line.number == n] for n in numbers}
    )


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=9).filter(lambda owed: max(owed) > 0),
    st.lists(st.tuples(st.sampled_from((A, D)), st.integers(1, 10**9)), min_size=1, max_size=9),
)
def test_parts_sum_to_every_payout_and_to_each_owner_s_share(
    owed: list[int], received: list[tuple[int, int]]
) -> None:
    payouts = [Payout(payer, B, minor) for payer, minor in received]
    accounts = [replace(ANN, name=f"n{at}") for at in range(len(owed))]
    lines = lines_of(payouts, {B: [Due(a, o) for a, o in zip(accounts, owed, strict=True)]})
    by_payout, by_owner = Counter[int](), Counter[str]()
    for line in lines:
        assert line.creditor is not None
        by_payout[line.number] += line.payout.minor
        by_owner[line.creditor.name] += line.payout.minor
    total, weight = sum(p.minor for p in payouts), sum(max(0, one) for one in owed)
    assert by_payout == {number: payout.minor for number, payout in enumerate(payouts)}
    shares = split_receipt(total, owed)
    assert sum(shares) == total
    assert [by_owner[account.name] for account in accounts] == shares
    assert all(abs(s * weight - total * max(0, o)) < weight for s, o in zip(shares, owed, strict=True))
    assert len(lines) < len(payouts) + len(owed)


def test_goods_that_come_back_at_another_owner_s_store_take_back_from_who_sold_them() -> None:
    """Ann's store sold for 6, Ben's and Ann's common one for 9; 2 of Ann's sale come back in Ben's store."""
    shares = {b"a" * 16: [Share("ann", 10_000)], b"b" * 16: [Share("ann", 3_333), Share("ben", 6_667)]}
    behind = {b"r" * 16: b"a" * 16}

    def line(at: int, op_id: bytes, kind: Kind, micros: int) -> ObligationLine:
        return ObligationLine(1, at, 0, op_id, kind, 1, 1, micros // 10_000, A, B, micros, 0, bytes(32))

    lines = [
        line(0, b"a" * 16, Kind.REDEEM, 6_000_000), line(1, b"b" * 16, Kind.REDEEM, 9_000_000),
        line(2, b"r" * 16, Kind.RESTORE, -2_000_000),
    ]  # fmt: skip
    owed = Counter[str]()
    owned = owned_of(B, lines, lambda op_id: lambda micros: split(micros, shares[behind.get(op_id, op_id)]))
    for key, part in owned.items():
        owed[key.owner_id] += part.value_micros - part.fee_micros
    assert owed == {"ann": 4_000_000 + 2_999_700, "ben": 6_000_300}
    # Half of it went to what the merchant owes itself: of 6.50 each gets its share of 13.
    lines_out = lines_of([Payout(A, B, 650)], {B: [Due(ANN, owed["ann"]), Due(BEN, owed["ben"])]})
    assert [(one.part, one.payout.minor, one.creditor) for one in lines_out] == [(1, 350, ANN), (2, 300, BEN)]


def test_nobody_owed_anything_leaves_the_merchant_its_one_payment() -> None:
    plain = [Line(number, payout) for number, payout in enumerate(PAYOUTS)]
    assert lines_of(PAYOUTS, {}) == lines_of(PAYOUTS, {B: [Due(ANN, 0), Due(BEN, -1)]}) == plain


def test_the_order_pays_each_owner_and_stays_valid(schema: Any) -> None:  # noqa: F811
    document = payment_order(ORDER, lines_of(PAYOUTS, {B: DUES}), Accounts(ACCOUNTS))
    schema.validate(io.BytesIO(document))
    found = Xml.fromstring(document)

    def texts(path: str) -> list[str]:
        return [one.text or "" for one in found.iterfind(path, {"p": NAMESPACE})]

    assert texts(".//p:GrpHdr/p:CtrlSum") == ["1000123.52"]
    assert texts(".//p:Cdtr/p:Nm") == ["Ann 有限公司", "书店", "Ann 有限公司", "Ben"]
    assert texts(".//p:InstdAmt") == ["123.45", "0.07", "333251.03", "666748.97"]
    assert texts(".//p:EndToEndId") == [f"AL{TAG}P12I{n}" for n in ("0S1", "1", "2S1", "2S2")]
    assert all(reference_of(text) for text in texts(".//p:EndToEndId"))


def test_a_payout_is_paid_when_all_its_parts_are_or_it_was_as_a_whole() -> None:
    first, _, third, fourth = lines_of(PAYOUTS, {B: DUES})
    told = [told_of(line) for line in (first, third, fourth)]
    assert outcome_of(statement(*told), of_owners()).pay == [0, 2]
    assert outcome_of(statement(Told()), of_owners()).pay == [0]
    twice = outcome_of(statement(Told(), *told), of_owners())
    assert (twice.pay, [one.reason for one in twice.unmatched]) == ([0, 2], [Reason.DUPLICATE])
    half = outcome_of(statement(*told[:2]), of_owners())
    assert (half.pay, [one.reason for one in half.unmatched]) == ([0], [Reason.PARTS_MISSING])
    assert outcome_of(statement(*told[:2]), of_owners(paid=0b101)).before == [0, 2]
    back = replace(told[2], direction="CRDT", more="<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>")
    assert [case.payout for case in outcome_of(statement(back), of_owners(paid=0b101)).cases] == [2]
    assert outcome_of(statement(*told, back), of_owners()).pay == [0]


def test_an_order_of_parts_is_not_read_by_accounts_without_owners_and_the_reason_says_so() -> None:
    lines = [line for line in lines_of(PAYOUTS, {B: DUES}) if line.part]
    whole = replace(of_owners(), parts={})
    outcome = outcome_of(statement(*(told_of(line) for line in lines)), whole)
    assert (outcome.pay, {one.reason for one in outcome.unmatched}) == ([], {Reason.OTHER_PARTS})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reference": Reference(TAG, 12, 2, 3).text}, Reason.OTHER_PARTS),
        ({"reference": Reference(TAG, 12, 1, 1).text}, Reason.OTHER_PARTS),
        ({"amount": "666748.98"}, Reason.WRONG_AMOUNT),
        ({"creditor": ACCOUNTS[B].number}, Reason.WRONG_CREDITOR),
    ],
)
def test_a_part_that_differs_pays_nothing(change: dict[str, str], reason: Reason) -> None:
    told = replace(told_of(lines_of(PAYOUTS, {B: DUES})[3]), **change)
    outcome = outcome_of(statement(told), of_owners())
    assert (outcome.pay, [one.reason for one in outcome.unmatched]) == ([], [reason])
