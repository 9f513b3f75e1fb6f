"""Payouts ordered at a bank, and marked as paid from its statement (`alliance settle payouts` and `paid`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, Protocol

from ledger_service.bootstrap.agreeing import Standing
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.money import exponent_of
from ledger_service.settlement.bank.accounts import OWNERS, AccountBook, BankAccount
from ledger_service.settlement.bank.camt import StatementReader
from ledger_service.settlement.bank.errors import (
    NothingToPay,
    PayoutInParts,
    PayoutsPaidAlready,
    PeriodNotNetted,
    ReserveAccountMissing,
)
from ledger_service.settlement.bank.matching import Expected, Matching, Outcome
from ledger_service.settlement.bank.off_desk import OffDesk
from ledger_service.settlement.bank.pain import Accounts, Line, Order, payment_order
from ledger_service.settlement.bank.receipts import Due, lines_of
from ledger_service.settlement.bank.references import COUPONS_FROM, POOLS_FROM
from ledger_service.settlement.netting import Payout


class Settled(Protocol):
    """Where netted periods stand, and are marked as paid: the desk, or what a bridge has read of it."""

    @property
    def tag(self) -> str:
        """As of ``Agreement``."""

    @property
    def currency(self) -> str:
        """As of ``Agreement``."""

    def standing(self, period: int) -> Standing:
        """As of ``Agreement``."""

    def dues(self, period: int, own: BankAccount) -> list[Due]:
        """As ``owner_papers.owner_dues``."""

    def off_desk(self, period: int) -> OffDesk:
        """What is paid for the period beside the desk: pools, and coupons by their funders."""

    def mark_paid_off_desk(self, period: int, payouts: Mapping[int, Payout], evidence: bytes) -> None:
        """These of them are paid."""

    def mark_paid_by(self, period: int, payouts: list[int], evidence: bytes) -> Standing:
        """As of ``Agreement``."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is ordered: for which day, which order of the period it is, and whether in Latin letters only."""

    execution: date
    attempt: int = 1
    latin: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """What a statement came to, the SHA-256 of the file, and where the period stands, off the desk too."""

    outcome: Outcome
    evidence: bytes
    standing: Standing
    off_desk: OffDesk


def order_payouts(agreement: Settled, period: int, book: AccountBook, wish: Wish) -> tuple[bytes, list[Line]]:
    """The payment order of a netted period, and the payouts in it: all, or in a later attempt those left.

    A merchant that is in default now does not pay itself: its custodian's account is debited for it.

    Idempotency: the same period, accounts, wish and defaults give the same bytes. An order after a default
    began or was cured is another file with the id of the first, which a bank refuses.

    Raises:
        PeriodNotPublished, PeriodNotNetted: the payouts are not fixed.
        NothingToPay: none is left.
        PayoutsPaidAlready: the first order would pay some of them again.
        PayoutInParts: a later order would pay some owners again.
        OwnersUntold: as ``owner_dues``.
        BankAccountMissing: somebody has no account.
        ReserveAccountMissing: a payer is in default, and no account of its custodian is known.
        BankNameNotLatin: Latin letters are asked for, and a name has others.
    """
    standing, beside = _netted(agreement, period), agreement.off_desk(period)
    payable, paid = _payable(standing, beside), _paid(standing, beside)
    if len(paid) == len(payable):
        raise NothingToPay(period)
    if wish.attempt == 1 and paid:
        raise PayoutsPaidAlready(period, len(paid))
    unpaid = {number: payout for number, payout in payable.items() if number not in paid}
    own = book.accounts(_merchants(unpaid.values()))
    every = [*_lines(agreement, standing, own), *(Line(*one) for one in sorted(beside.payouts.items()))]
    left = [line for line in every if line.number in unpaid]
    again = [line.number for line in left if line.part > 1] if wish.attempt > 1 else []
    if again:
        raise PayoutInParts(period, again[0])
    order = Order(
        agreement.tag, period, wish.attempt, agreement.currency, wish.execution,
        _created(standing, wish.execution), wish.latin,
    )  # fmt: skip
    reserves = _reserves(book, {line.payout.payer for line in left} & standing.in_default, must=True)
    return payment_order(order, left, Accounts(own, reserves)), left


def pay_by_statement(agreement: Settled, period: int, statement: BinaryIO, book: AccountBook) -> Marked:
    """The payouts that a bank's statement shows as booked are marked as paid, with the file as evidence.

    The file is read to its end before anything is marked. A payout that is marked stays marked: one that came
    back later is told as a case.

    Idempotency: by payout; what is marked already is told, and not marked again.

    Raises:
        PeriodNotPublished, PeriodNotNetted: the payouts are not fixed.
        BankAccountMissing: somebody has no account.
        ReserveAccountMissing: as ``order_payouts``.
        BankStatementUnreadable, BankStatementForeign, BankStatementTooLarge, BankStatementTorn: the file;
            nothing is marked.
    """
    standing, beside = _netted(agreement, period), agreement.off_desk(period)
    payable, paid = _payable(standing, beside), _paid(standing, beside)
    own = book.accounts(_merchants(payable.values()))
    _reserves(book, {p.payer for n, p in payable.items() if n not in paid} & standing.in_default, must=True)
    reserves = _reserves(book, {payout.payer for payout in payable.values()})
    matching = Matching(Expected(
        agreement.tag, period, agreement.currency, exponent_of(agreement.currency), standing.payouts,
        standing.round.paid, Accounts(own, reserves), _parts(_lines(agreement, standing, own)),
        beside,
    ))  # fmt: skip
    reader = StatementReader(statement)
    for booking in reader.bookings():
        matching.take(booking)
    outcome = matching.outcome()
    booked = {number: beside.payouts[number] for number in outcome.pay if number >= POOLS_FROM}
    agreement.mark_paid_off_desk(period, booked, reader.sha256)
    payouts = [number for number in outcome.pay if number < POOLS_FROM]
    if payouts:
        standing = agreement.mark_paid_by(period, payouts, reader.sha256)
    return Marked(outcome, reader.sha256, standing, replace(beside, paid=beside.paid | booked.keys()))


def ordered_document(lines: Iterable[Line]) -> dict[str, list[int]]:
    """What an order holds: payouts by index, lines with pools by programme, payments of coupons by index."""
    numbers = {line.number for line in lines}
    payouts = sorted(number for number in numbers if number < POOLS_FROM)
    return {"payouts": payouts, "pools": _programmes(numbers), "coupons": _coupons(numbers)}


def marked_document(period: int, marked: Marked) -> dict[str, Any]:
    """What came of a bank's statement, as JSON."""
    outcome = marked.outcome
    beside = marked.off_desk
    still = beside.payouts.keys() - beside.paid
    return {
        "period": period,
        "evidence": "0x" + marked.evidence.hex(),
        "paid_now": [number for number in outcome.pay if number < POOLS_FROM],
        "paid_before": [number for number in outcome.before if number < POOLS_FROM],
        "pools_paid_now": _programmes(outcome.pay),
        "pools_paid_before": _programmes(outcome.before),
        "pools_open": _programmes(still),
        "coupons_paid_now": _coupons(outcome.pay),
        "coupons_paid_before": _coupons(outcome.before),
        "coupons_open": _coupons(still),
        "cases": [case._asdict() for case in outcome.cases if case.payout < POOLS_FROM],
        "pool_cases": [
            {"programme": case.payout - POOLS_FROM, "place": case.place, "told": case.told}
            for case in outcome.cases if POOLS_FROM <= case.payout < COUPONS_FROM
        ],
        "coupon_cases": [
            {"payment": case.payout - COUPONS_FROM, "place": case.place, "told": case.told}
            for case in outcome.cases if case.payout >= COUPONS_FROM
        ],
        "unmatched": [one._asdict() for one in outcome.unmatched],
        "counts": {reason.value: count for reason, count in sorted(outcome.counts.items())},
        "open": [i for i in range(len(marked.standing.payouts)) if not marked.standing.paid(i)],
    }  # fmt: skip


def _programmes(numbers: Iterable[int]) -> list[int]:
    return sorted(number - POOLS_FROM for number in numbers if POOLS_FROM <= number < COUPONS_FROM)


def _coupons(numbers: Iterable[int]) -> list[int]:
    return sorted(number - COUPONS_FROM for number in numbers if number >= COUPONS_FROM)


def _netted(agreement: Settled, period: int) -> Standing:
    standing = agreement.standing(period)
    if not standing.netted:
        raise PeriodNotNetted(period)
    return standing


def _payable(standing: Standing, beside: OffDesk) -> dict[int, Payout]:
    """All payments of the period by number: the desk's payouts, and behind them those beside it."""
    return {**dict(enumerate(standing.payouts)), **beside.payouts}


def _paid(standing: Standing, beside: OffDesk) -> set[int]:
    marked = {index for index in range(len(standing.payouts)) if standing.paid(index)}
    return marked | (beside.payouts.keys() & beside.paid)


def _merchants(payouts: Iterable[Payout]) -> set[int]:
    return {merchant for payout in payouts for merchant in payout[:2]}


def _lines(agreement: Settled, standing: Standing, own: Mapping[int, BankAccount]) -> list[Line]:
    """Every payout of the period, or its parts where the payee's money goes to owners of its stores."""
    # What comes out of a pool or of coupons is the merchant's own: no sale in anybody's store made it.
    split = {p.payee for p in standing.payouts if p.payee in own and own[p.payee].purpose == OWNERS}
    dues = {payee: agreement.dues(standing.period, own[payee]) for payee in sorted(split)}
    return lines_of(standing.payouts, dues)


def _parts(lines: list[Line]) -> dict[int, list[Line]]:
    parts: dict[int, list[Line]] = {}
    for line in lines:
        if line.part:
            parts.setdefault(line.number, []).append(line)
    return parts


def _reserves(book: AccountBook, payers: set[int], *, must: bool = False) -> Mapping[int, BankAccount]:
    """Known reserves of these payers, which ``must`` have one."""
    known = book.reserves(payers)
    for merchant in sorted(payers) if must else ():
        if merchant not in known:
            raise ReserveAccountMissing(gln_text(merchant))
    return known


def _created(standing: Standing, execution: date) -> datetime:
    # Not the clock: asked again tomorrow, the order must be the same file. Banks refuse one from the future.
    return min(instant_of_seconds(standing.round.until), datetime.combine(execution, time(), UTC))
