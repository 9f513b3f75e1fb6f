"""Which payouts of a period a bank's statement pays, and why anything else in it pays none; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from ledger_service.settlement.bank.camt import Booking
from ledger_service.settlement.bank.off_desk import OffDesk
from ledger_service.settlement.bank.pain import Accounts, Line
from ledger_service.settlement.bank.references import COUPONS_FROM, POOLS_FROM, Reference, reference_of
from ledger_service.settlement.netting import Payout

MOST_LISTED = 1_000


class Reason(StrEnum):
    """Why a booking pays no payout of the period."""

    UNKNOWN_REFERENCE = "unknown reference"
    OTHER_PERIOD = "other period"
    UNKNOWN_PAYOUT = "no such payout"
    OTHER_PARTS = "ordered in other parts"
    PENDING = "pending, not booked"
    RETURNED = "returned"
    FOREIGN_ACCOUNT = "statement of another account"
    WRONG_CURRENCY = "wrong currency"
    WRONG_AMOUNT = "wrong amount"
    CREDITOR_NOT_TOLD = "creditor not told"
    WRONG_CREDITOR = "wrong creditor"
    DUPLICATE = "duplicate in file"
    PARTS_MISSING = "not all parts in file"


class Unmatched(NamedTuple):
    """A booking that pays nothing; ``told`` is what makes it so: a period, an amount, a bank's reason."""

    place: str
    reason: Reason
    reference: str
    told: str


class Case(NamedTuple):
    """A payout that stands as paid, and that the bank says has come back."""

    payout: int
    place: str
    told: str


@dataclass(frozen=True, slots=True)
class Expected:
    """A netted period: its payouts by index, bits of those marked as paid, and everybody's accounts.

    ``parts`` are those of payouts that are split to owners: such a payout counts when all its parts do, or as
    a whole, as it may have been ordered before.

    A payout counts from the payer's account and from its reserve's: who is in default now need not have been
    when it was ordered, and the other way round.
    """

    tag: str
    period: int
    currency: str
    exponent: int
    payouts: Sequence[Payout]
    paid: int
    accounts: Accounts
    parts: Mapping[int, Sequence[Line]] = field(default_factory=dict)
    off_desk: OffDesk = field(default_factory=OffDesk)

    def payout(self, number: int) -> Payout | None:
        """The payment of this number; None where the period has none."""
        return self.payouts[number] if number < len(self.payouts) else self.off_desk.payouts.get(number)

    def is_paid(self, number: int) -> bool:
        """Whether it was marked before."""
        return number in self.off_desk.paid if number >= POOLS_FROM else bool(self.paid >> number & 1)


@dataclass(slots=True)
class Outcome:
    """What a whole file comes to: payouts to be marked, those that were before, cases, and the rest.

    ``counts`` are of all bookings that pay nothing; ``unmatched`` lists the first ``MOST_LISTED`` of them.
    """

    pay: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    counts: Counter[Reason] = field(default_factory=Counter)


class Matching:
    """Takes bookings one by one; ``outcome`` may be asked for only when the file was read to its end."""

    def __init__(self, expected: Expected) -> None:
        self._expected, self._outcome = expected, Outcome()
        # Bookings less returns of a payout or part, by which of the two accounts tells them.
        self._standing: Counter[tuple[int, int, bool]] = Counter()
        self._came_back: dict[int, Case] = {}
        # What is told of a payout of which some parts never came.
        self._last: dict[int, Unmatched] = {}

    def take(self, booking: Booking) -> None:
        """Judge one booking."""
        reference = reference_of(booking.reference)
        found = self._why_not(booking, reference)
        if found is not None:
            self._list(found)

    def outcome(self) -> Outcome:
        """What the file comes to as a whole."""
        told = self._outcome
        for index in sorted({index for index, _, _ in self._standing}):
            before, back = self._expected.is_paid(index), index in self._came_back
            if self._stands(index) or (before and not back):
                (told.before if before else told.pay).append(index)
            elif before:
                told.cases.append(self._came_back[index])
            elif not back:
                self._list(self._last[index])
        return told

    def _list(self, found: Unmatched) -> None:
        self._outcome.counts[found.reason] += 1
        if len(self._outcome.unmatched) < MOST_LISTED:
            self._outcome.unmatched.append(found)

    def _stands(self, index: int) -> bool:
        """No side of it came back, and the whole is there or every part."""
        counts = {(part, side): n for (of, part, side), n in self._standing.items() if of == index}
        there = {part for part, _ in counts}
        parts = {line.part for line in self._expected.parts.get(index, ())}
        return all(n > 0 for n in counts.values()) and (0 in there or parts <= there)

    def _why_not(self, booking: Booking, reference: Reference | None) -> Unmatched | None:
        wrong = self._wrong_reference(booking, reference)
        if wrong is not None or reference is None:
            return wrong
        index, part = reference.payout, reference.part
        found = self._line(reference)
        if found is None:
            return _not(booking, Reason.OTHER_PARTS, f"{named(index)}, part {part}")
        payout, payee = found
        payers = self._payers(payout.payer)
        if booking.account not in (*payers, payee):
            return _not(booking, Reason.FOREIGN_ACCOUNT, booking.account)
        # Where one account serves both, the direction says whose side this is.
        payee_side = booking.account == payee and (booking.credit or payee not in payers)
        if booking.returned or booking.credit != payee_side:
            told = booking.returned or "the money came back"
            self._standing[index, part, payee_side] -= 1
            self._came_back[index] = Case(index, booking.place, told)
            return _not(booking, Reason.RETURNED, told)
        wrong = self._wrong_figures(booking, payout, "" if payee_side else payee)
        if wrong is None:
            if self._is_there(index, part, payee_side):
                return _not(booking, Reason.DUPLICATE, named(index))
            self._standing[index, part, payee_side] += 1
            self._last[index] = _not(booking, Reason.PARTS_MISSING, named(index))
        return wrong

    def _is_there(self, index: int, part: int, payee_side: bool) -> bool:
        """Whether it was paid before, as this part, or as a whole beside a part."""
        others = (line.part for line in self._expected.parts.get(index, ()))
        rivals = (part, *others) if part == 0 else (part, 0)
        return any(self._standing.get((index, one, payee_side), 0) > 0 for one in rivals)

    def _line(self, reference: Reference) -> tuple[Payout, str] | None:
        """What the reference is to pay, and the number of the account that gets it."""
        expected = self._expected
        if not reference.part:
            payout = expected.payout(reference.payout)
            if payout is None:
                return None
            return payout, expected.accounts.own[payout.payee].number
        for line in expected.parts.get(reference.payout, ()):
            if line.part == reference.part and line.creditor is not None:
                return line.payout, line.creditor.number
        return None

    def _payers(self, payer: int) -> list[str]:
        accounts = self._expected.accounts
        known = (accounts.own[payer], accounts.reserves.get(payer))
        return [account.number for account in known if account is not None]

    def _wrong_reference(self, booking: Booking, reference: Reference | None) -> Unmatched | None:
        expected = self._expected
        if reference is None or reference.tag != expected.tag:
            return _not(booking, Reason.UNKNOWN_REFERENCE)
        if reference.period != expected.period:
            return _not(booking, Reason.OTHER_PERIOD, f"period {reference.period}")
        if expected.payout(reference.payout) is None:
            return _not(booking, Reason.UNKNOWN_PAYOUT, named(reference.payout))
        if booking.status != "BOOK":
            return _not(booking, Reason.PENDING, booking.status)
        return None

    def _wrong_figures(self, booking: Booking, payout: Payout, payee: str) -> Unmatched | None:
        if booking.currency != self._expected.currency:
            return _not(booking, Reason.WRONG_CURRENCY, booking.currency)
        if booking.amount != Decimal(payout.minor).scaleb(-self._expected.exponent):
            told = "none" if booking.amount is None else f"{booking.amount:f}"
            return _not(booking, Reason.WRONG_AMOUNT, told)
        if payee and not booking.creditor:
            return _not(booking, Reason.CREDITOR_NOT_TOLD)
        if payee and booking.creditor != payee:
            return _not(booking, Reason.WRONG_CREDITOR, booking.creditor)
        return None


def named(number: int) -> str:
    """What a payment is called: of the desk or of coupons by its index, with a pool by its programme."""
    if number >= COUPONS_FROM:
        return f"coupons' payment {number - COUPONS_FROM}"
    return f"pool of programme {number - POOLS_FROM}" if number >= POOLS_FROM else f"payout {number}"


def _not(booking: Booking, reason: Reason, told: str = "") -> Unmatched:
    return Unmatched(booking.place, reason, booking.reference, told)
