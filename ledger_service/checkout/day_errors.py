"""The refusals of business days, training and self-checkout; the others stand in ``errors``."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class BusinessDateOutOfRange(DomainError):
    """The till's business date is not the store's."""

    business_date: str
    expected: str
    days: int

    code = "business-date-out-of-range"
    why = "The business date is too far from the one that the clock of the store shows."
    fix = "Send a date at most `days` from `expected`, or leave it out, and check the clock of the till."


@dataclass(eq=False)
class DayNotBegun(DomainError):
    """Nothing can have been sold on that day yet."""

    business_date: str
    today: str

    code = "day-not-begun"
    why = "The business day has not begun in the store."
    fix = "Close a day that is not after `today`, and check the clock of the till."


@dataclass(eq=False)
class DayLinesIncomplete(DomainError):
    """A part of the lines is not there."""

    parts: int
    missing: int

    code = "day-lines-incomplete"
    category = Category.CONFLICT
    why = "The close compares lines, but the service does not have every part of them."
    fix = "Send the part `missing`, then close with the same `parts` under a fresh key."


@dataclass(eq=False)
class DayNotClosed(DomainError):
    """There is no such close."""

    business_date: str

    code = "day-not-closed"
    category = Category.MISSING
    why = "The store has not closed that business day, or not so often."
    fix = "Close the day first, or ask for a close that `GET …/closes` lists."


@dataclass(eq=False)
class NotInTraining(DomainError):
    """Training has no such operation."""

    operation: str

    code = "not-in-training"
    why = "A terminal in training quotes, sells and refunds; nothing else can be practised."
    fix = "Do it at a terminal that is not in training."


@dataclass(eq=False)
class TrainingMixed(DomainError):
    """One is training, the other real."""

    sale: str

    code = "training-mixed"
    category = Category.CONFLICT
    why = "A sale made in training is refunded in training only, and a real one never is."
    fix = "Send the refund as what the sale was."


@dataclass(eq=False)
class AttendantNeeded(DomainError):
    """A self-checkout may not do this alone."""

    act: str

    code = "attendant-needed"
    category = Category.FORBIDDEN
    why = "A self-checkout may not do this: nobody stands there who answers for it."
    fix = "Have it done at a till with a cashier."


@dataclass(eq=False)
class SelfCheckoutLimit(DomainError):
    """More points than the terminal may take."""

    value_minor: int
    most_minor: int

    code = "self-checkout-limit"
    why = "The merchant lets this self-checkout take points up to a limit in one sale, and this is more."
    fix = "Take at most `most_minor` in points, or have it done at a till with a cashier."
