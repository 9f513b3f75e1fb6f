"""Orders and statements over a desk that remembers what it was told; arguments of the command."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest

from ledger_service.bootstrap.agreeing import Standing
from ledger_service.bootstrap.banking import Wish, order_payouts, pay_by_statement
from ledger_service.chain.settlement_office import Round
from ledger_service.cli import settle
from ledger_service.kernel.clock import seconds_floor
from ledger_service.settlement.bank.accounts import OWNERS
from ledger_service.settlement.bank.errors import (
    BankStatementUnreadable,
    NothingToPay,
    PayoutInParts,
    PayoutsPaidAlready,
    PeriodNotNetted,
    ReserveAccountMissing,
)
from ledger_service.settlement.bank.matching import Reason
from ledger_service.settlement.bank.off_desk import OffDesk
from ledger_service.settlement.bank.receipts import Due
from ledger_service.settlement.bank.references import Reference
from tests.unit.settlement.bank.banking import (
    ACCOUNTS,
    CUSTODIAN,
    ORDER,
    PAYOUTS,
    TAG,
    A,
    B,
    D,
    Told,
    statement,
    told_of,
)

WISH = Wish(date(2026, 3, 2))


class Book:
    """Fulfils ``AccountBook``."""

    def __init__(self, reserves: Any = None) -> None:
        self.held, self.own = reserves or {}, ACCOUNTS

    def reserves(self, merchants: Any) -> Any:
        return {merchant: self.held[merchant] for merchant in merchants if merchant in self.held}

    def accounts(self, merchants: Any) -> Any:
        return {merchant: self.own[merchant] for merchant in merchants}


class Desk:
    """As much of an ``Agreement`` as banks need."""

    tag, currency = TAG, "EUR"

    def __init__(
        self, root: bytes = b"\x01" * 32, paid: int = 0, in_default: frozenset[int] = frozenset()
    ) -> None:
        self.in_default = in_default
        until = seconds_floor(ORDER.created)
        self.round = Round(bytes(32), until, 4, len(PAYOUTS), root, bytes(32), 0, 0, paid)
        self.evidence: list[bytes] = []
        self.beside = OffDesk()

    def standing(self, period: int) -> Standing:
        return Standing(period, self.round, list(ACCOUNTS), {}, {}, list(PAYOUTS), {}, self.in_default)

    def dues(self, _: int, own: Any) -> Any:
        return [Due(replace(own, name="Ann"), 1), Due(replace(own, name="Ben"), 3)]

    def off_desk(self, _: int) -> OffDesk:
        return self.beside

    def mark_paid_off_desk(self, _: int, payouts: Any, __: bytes) -> None:
        self.beside = replace(self.beside, paid=self.beside.paid | payouts.keys())

    def mark_paid_by(self, period: int, payouts: list[int], evidence: bytes) -> Standing:
        bits = self.round.paid | sum(1 << index for index in payouts)
        self.round = replace(self.round, paid=bits)
        self.evidence.append(evidence)
        return self.standing(period)


def order(desk: Any, wish: Wish = WISH) -> tuple[bytes, list[int]]:
    document, lines = order_payouts(desk, 12, Book(), wish)
    return document, [line.number for line in lines]


def test_payouts_are_ordered_when_they_are_fixed_and_once() -> None:
    with pytest.raises(PeriodNotNetted):
        order(Desk(root=bytes(32)))
    document, numbers = order(Desk())
    assert (numbers, order(Desk())) == ([0, 1, 2], (document, numbers))
    assert b"2026-03-01T00:00:00Z" in document
    with pytest.raises(PayoutsPaidAlready):
        order(Desk(paid=0b010))
    assert order(Desk(paid=0b010), replace(WISH, attempt=2))[1] == [0, 2]
    with pytest.raises(NothingToPay):
        order(Desk(paid=0b111), replace(WISH, attempt=2))


def test_an_order_is_not_dated_after_the_day_it_is_paid_on() -> None:
    document, _ = order(Desk(), Wish(date(2026, 2, 20)))
    assert b"<CreDtTm>2026-02-20T00:00:00Z</CreDtTm>" in document


def test_a_statement_marks_once_and_a_broken_one_nothing() -> None:
    desk: Any = Desk()
    content = statement(told_of(0, PAYOUTS[0]), told_of(1, PAYOUTS[1]), Told(reference="RENT"))
    with pytest.raises(BankStatementUnreadable):
        pay_by_statement(desk, 12, BytesIO(content[:-10]), Book())
    assert (desk.round.paid, desk.evidence) == (0, [])
    marked = pay_by_statement(desk, 12, BytesIO(content), Book())
    assert (marked.outcome.pay, marked.standing.round.paid) == ([0, 1], 0b011)
    assert marked.evidence == sha256(content).digest() == desk.evidence[0]
    again = pay_by_statement(desk, 12, BytesIO(content), Book())
    assert (again.outcome.pay, again.outcome.before, len(desk.evidence)) == ([], [0, 1], 1)
    with pytest.raises(PeriodNotNetted):
        pay_by_statement(Desk(root=bytes(32)), 12, BytesIO(content), Book())  # type: ignore[arg-type]


def test_in_default_the_reserve_pays_and_its_statement_marks() -> None:
    desk: Any = Desk(in_default=frozenset({A, B}))  # B pays nobody: its reserve is not asked for
    with pytest.raises(ReserveAccountMissing) as refusal:
        order(desk)
    assert refusal.value.merchant == f"{A:013}"
    content = statement(replace(told_of(0, PAYOUTS[0]), account=CUSTODIAN.number))
    with pytest.raises(ReserveAccountMissing):
        pay_by_statement(desk, 12, BytesIO(content), Book())
    book = Book({A: CUSTODIAN, D: CUSTODIAN})
    document, _ = order_payouts(desk, 12, book, WISH)
    assert (document.count(b"<UltmtDbtr>"), document.count(CUSTODIAN.iban.encode())) == (1, 1)
    marked = pay_by_statement(desk, 12, BytesIO(content), book)
    assert (marked.outcome.pay, marked.outcome.unmatched) == ([0], [])
    twice = statement(told_of(1, PAYOUTS[1]), replace(told_of(1, PAYOUTS[1]), account=CUSTODIAN.number))
    marked = pay_by_statement(desk, 12, BytesIO(twice), book)
    assert (marked.outcome.pay, [one.reason for one in marked.outcome.unmatched]) == ([1], [Reason.DUPLICATE])
    # Cured, and ordered from the reserve before that: it counts all the same.
    assert pay_by_statement(Desk(), 12, BytesIO(content), book).outcome.pay == [0]  # type: ignore[arg-type]


def test_what_a_merchant_of_many_owners_receives_is_split_and_read_back() -> None:
    book = Book()
    book.own = {**ACCOUNTS, B: replace(ACCOUNTS[B], purpose=OWNERS)}
    desk: Any = Desk()
    document, lines = order_payouts(desk, 12, book, WISH)
    assert [(line.number, line.part) for line in lines] == [(0, 1), (1, 0), (2, 1), (2, 2)]
    assert document.count(b"<Nm>Ann</Nm>") == 2
    booked = [
        replace(told_of(2, line.payout), reference=Reference(TAG, 12, 2, line.part).text)
        for line in lines[2:]
    ]
    marked = pay_by_statement(desk, 12, BytesIO(statement(*booked)), book)
    assert (marked.outcome.pay, marked.outcome.unmatched) == ([2], [])
    with pytest.raises(PayoutInParts):  # one of the two parts may be paid: no second order holds both
        order_payouts(Desk(), 12, book, replace(WISH, attempt=2))  # type: ignore[arg-type]
    _, left = order_payouts(desk, 12, book, replace(WISH, attempt=2))
    assert [line.number for line in left] == [0, 1]
    # The parts are those of the whole receipt, whatever of it is paid by now.
    assert left[0].payout == lines[0].payout


@pytest.mark.parametrize(
    "more",
    [
        ["paid"], ["paid", "--statement", "s"], ["paid", "--payout", "0"],
        ["paid", "--payout", "0", "--statement", "s", "--accounts", "a"],
        ["paid", "--statement", "s", "--accounts", "a", "--evidence", "e"],
        ["payouts", "--into", "o", "--accounts", "a"],
        ["payouts", "--into", "o", "--accounts", "a", "--execution", "soon"],
        ["payouts", "--into", "o", "--accounts", "a", "--execution", "2026-03-02", "--attempt", "0"],
    ],
)  # fmt: skip
def test_arguments_that_do_not_go_together_are_refused(more: list[str]) -> None:
    with pytest.raises(SystemExit):
        settle.main([more[0], "--period", "1", *more[1:]])
