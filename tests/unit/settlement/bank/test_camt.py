"""Statements: what pays, what does not and why; of a broken, hostile or too large file nothing counts."""

from __future__ import annotations

import contextlib
import io
import random
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.errors import DomainError
from ledger_service.settlement.bank import camt
from ledger_service.settlement.bank.camt import StatementReader
from ledger_service.settlement.bank.errors import (
    BankStatementForeign,
    BankStatementTooLarge,
    BankStatementTorn,
    BankStatementUnreadable,
)
from ledger_service.settlement.bank.matching import Reason
from ledger_service.settlement.bank.references import Reference
from ledger_service.settlement.netting import Payout
from tests.unit.settlement.bank.banking import (
    ACCOUNTS,
    PAYOUTS,
    TAG,
    A,
    B,
    Told,
    bookings_of,
    expected,
    outcome_of,
    statement,
    told_of,
)

ALL = tuple(told_of(index, payout) for index, payout in enumerate(PAYOUTS))
PAYEE = Told(account=ACCOUNTS[B].number, direction="CRDT", creditor="")
BACK = replace(ALL[0], direction="CRDT", more="<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>")


def reasons(content: bytes, paid: int = 0) -> list[Reason]:
    return [one.reason for one in outcome_of(content, expected(paid=paid)).unmatched]


@pytest.mark.parametrize("version", [f"{n:02}" for n in range(2, 15)])
def test_every_version_of_a_statement_pays_what_was_ordered(version: str) -> None:
    outcome = outcome_of(statement(*ALL, version=version))
    assert (outcome.pay, outcome.unmatched) == ([0, 1, 2], [])


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_what_an_order_says_comes_back_as_paid(minors: list[int], chance: random.Random) -> None:
    people = list(ACCOUNTS)
    payouts = [Payout(*chance.sample(people, 2), minor) for minor in minors]
    told = [told_of(index, payout) for index, payout in enumerate(payouts)]
    chance.shuffle(told)
    outcome = outcome_of(statement(*told), expected(payouts))
    assert (outcome.pay, outcome.unmatched) == (list(range(len(payouts))), [])


@pytest.mark.parametrize(
    ("booking", "reason"),
    [
        (Told(reference="RENT MARCH"), Reason.UNKNOWN_REFERENCE),
        (Told(reference="NOTPROVIDED"), Reason.UNKNOWN_REFERENCE),
        (Told(reference=Reference("FFFFFFFF", 12, 0).text), Reason.UNKNOWN_REFERENCE),
        (Told(reference=Reference(TAG, 11, 0).text), Reason.OTHER_PERIOD),
        (Told(reference=Reference(TAG, 12, 3).text), Reason.UNKNOWN_PAYOUT),
        (Told(status="PDNG"), Reason.PENDING),
        (Told(amount="123.46"), Reason.WRONG_AMOUNT),
        (Told(currency="USD"), Reason.WRONG_CURRENCY),
        (Told(creditor=ACCOUNTS[A].number), Reason.WRONG_CREDITOR),
        (Told(creditor=""), Reason.CREDITOR_NOT_TOLD),
        (Told(account="GB29NWBK60161331926819"), Reason.FOREIGN_ACCOUNT),
        (Told(direction="CRDT"), Reason.RETURNED),
        (Told(entry="<RvslInd>true</RvslInd>"), Reason.RETURNED),
        (BACK, Reason.RETURNED),
    ],
)
def test_a_booking_that_differs_pays_nothing_and_says_why(booking: Told, reason: Reason) -> None:
    outcome = outcome_of(statement(booking, balances=False))
    assert (outcome.pay, [one.reason for one in outcome.unmatched]) == ([], [reason])
    assert outcome.counts == {reason: 1}


def test_the_other_period_and_the_bank_s_reason_are_named() -> None:
    told = outcome_of(statement(Told(reference=Reference(TAG, 11, 0).text), BACK, balances=False)).unmatched
    assert [one.told for one in told] == ["period 11", "AC04"]


def test_payer_and_payee_may_both_tell_a_payout_but_neither_twice() -> None:
    assert outcome_of(statement(Told(), PAYEE)).pay == [0]
    outcome = outcome_of(statement(Told(), Told()))
    assert (outcome.pay, [one.reason for one in outcome.unmatched]) == ([0], [Reason.DUPLICATE])


def test_what_is_paid_already_is_told_and_not_paid_again() -> None:
    outcome = outcome_of(statement(*ALL), expected(paid=0b101))
    assert (outcome.pay, outcome.before) == ([1], [0, 2])


def test_a_payout_that_came_back_is_not_paid_and_a_case_where_it_was_marked() -> None:
    for content in (statement(ALL[0], BACK), statement(BACK), statement(PAYEE, BACK)):
        outcome = outcome_of(content)
        assert (outcome.pay, outcome.cases) == ([], [])
        outcome = outcome_of(content, expected(paid=1))
        assert (outcome.pay, outcome.before) == ([], [])
        assert [(one.payout, one.told) for one in outcome.cases] == [(0, "AC04")]
    assert outcome_of(statement(ALL[0], BACK, ALL[0])).pay == [0]


def test_an_entry_of_several_transactions_and_one_of_none_are_read() -> None:
    details = "<TxDtls><Refs><EndToEndId>X</EndToEndId></Refs></TxDtls>"
    content = statement(Told(more=f"</TxDtls>{details}<TxDtls>"))
    assert [b.place for b in bookings_of(content)] == ["1.1.2", "1.1.3", "1.1.1"]
    bare = statement(Told()).replace(b"<NtryDtls>", b"<Old>").replace(b"</NtryDtls>", b"</Old>")
    assert [(b.reference, str(b.amount)) for b in bookings_of(bare)] == [("", "123.45")]


def test_bookings_that_do_not_lead_to_the_closing_balance_are_refused() -> None:
    whole = statement(*ALL[:2])
    start, end = whole.index(b"<Ntry>"), whole.index(b"</Ntry>") + len(b"</Ntry>")
    with pytest.raises(BankStatementTorn) as refusal:
        bookings_of(whole[:start] + whole[end:])
    assert refusal.value.params == {"statement": "S1", "closing": "-73.52", "computed": "49.93"}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"<a/>"[:3], statement(*ALL)[:-1], statement(*ALL).replace(b"CRDT", b"UP"),
        statement().replace(b"UTF-8", b"KLINGON"), statement(),
        statement(Told(amount="12.34")).replace(b"12.34", b"12,34"),
        statement(Told(amount="12.34")).replace(b"12.34", b"1e5"),
        statement(Told(reference="x" * 3_000)), b"\xff\xfe\x00<",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        statement(*ALL).replace(b"123.45", b"&b;"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_whole_plain_statement_is_unreadable(content: bytes) -> None:
    with pytest.raises(BankStatementUnreadable):
        bookings_of(content)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    rings = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(BankStatementUnreadable):
        bookings_of(f'<!DOCTYPE a [<!ENTITY a0 "boom">{rings}]><a>&a11;</a>'.encode())
    deep = statement(Told(more="<x>" * 100 + "</x>" * 100))
    with pytest.raises(BankStatementUnreadable, match="deep"):
        bookings_of(deep)


@pytest.mark.parametrize("name", ["camt.054.001.08", "camt.053.001.01", "camt.053.001.15", "pain.001.001.09"])
def test_another_message_is_foreign(name: str) -> None:
    with pytest.raises(BankStatementForeign, match=name):
        bookings_of(statement(*ALL).replace(b"camt.053.001.08", name.encode()))


def test_a_file_beyond_the_limit_is_refused_and_a_large_one_takes_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = statement(*(Told(reference=f"SALARY {n}") for n in range(4_000)))
    tracemalloc.start()
    assert sum(1 for _ in StatementReader(io.BytesIO(large)).bookings()) == 4_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < len(large) / 2
    monkeypatch.setattr(camt, "MOST_BYTES", len(large) - 1)
    with pytest.raises(BankStatementTooLarge):
        list(StatementReader(io.BytesIO(large)).bookings())


_GOOD = statement(*ALL, PAYEE)


@given(st.data())
def test_damage_never_marks_what_was_not_paid_and_never_breaks_the_reader(data: st.DataObject) -> None:
    content = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[at] = data.draw(st.integers(0, 255))
        else:
            del content[at : at + data.draw(st.integers(1, 300))]
    with contextlib.suppress(DomainError):
        assert set(outcome_of(bytes(content)).pay) <= {0, 1, 2}


@given(
    st.sampled_from(["account", "reference", "amount", "currency", "direction", "status", "creditor"]),
    st.integers(0, 99), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ."),
)  # fmt: skip
def test_one_wrong_character_in_what_identifies_a_payout_never_marks_it(
    name: str, at: int, wrong: str
) -> None:
    right = getattr(ALL[0], name)
    at %= len(right)
    damaged = replace(ALL[0], **{name: right[:at] + wrong + right[at + 1 :]})
    content = statement(ALL[0], balances=False).replace(right.encode(), getattr(damaged, name).encode())
    with contextlib.suppress(DomainError):
        assert outcome_of(content).pay == ([0] if wrong == right[at] else [])


@given(st.integers(0, len(_GOOD) - 1))
def test_a_file_that_breaks_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(BankStatementUnreadable):
        bookings_of(_GOOD[:length])


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_by_name(content: bytes) -> None:
    with pytest.raises(DomainError):
        bookings_of(content)


@given(
    st.sampled_from(["123.45", "7", "0.07", "1000000", "1000000.01"]), st.sampled_from(["EUR", "USD"]),
    st.sampled_from([a.number for a in ACCOUNTS.values()]), st.integers(0, 4),
    st.sampled_from(["DBIT", "CRDT"]),
)  # fmt: skip
def test_only_the_right_amount_currency_and_creditor_ever_pay(
    amount: str, currency: str, creditor: str, index: int, direction: str
) -> None:
    reference = Reference(TAG, 12, index).text
    booking = Told(ACCOUNTS[A].number, reference, amount, currency, direction, "BOOK", creditor)
    paid = bool(outcome_of(statement(booking, balances=False)).pay)
    assert paid == (replace(booking, amount=f"{Decimal(amount):.2f}") in ALL)
