"""Pure rules of a day's close: totals by operation and tender, what differs, which lines have no match.

Amounts are minor units: of a sale or capture what was taken, of a refund or return what was given back. An
exchange counts once, with what was sold less what was given back; a void counts, and has no amount. A load is
what was taken for a stored-value card, sold or loaded again; a pay-out what was given for one in money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ledger_service.points.basis import TenderType

# What of an operation nobody has said how it was paid.
UNSTATED = "unstated"
TENDERS = (*(t.value for t in TenderType), UNSTATED)


class Operation(StrEnum):
    """What a till does in a day, as its control totals name it."""

    SALE = "sale"
    CAPTURE = "capture"
    REFUND = "refund"
    EXCHANGE = "exchange"
    RETURN = "return"
    VOID = "void"
    LOAD = "load"
    PAY_OUT = "pay-out"


class Unmatched(StrEnum):
    """Why a line has no match."""

    NOT_AT_TILL = "not-at-till"
    NOT_IN_LEDGER = "not-in-ledger"
    OTHER_AMOUNT = "other-amount"


@dataclass(frozen=True, slots=True)
class Booked:
    """One operation of the ledger; ``recorded_at`` is when the service took it, however old it was then."""

    op_id: bytes
    operation: Operation
    reference: str
    amount_minor: int
    tenders: Mapping[str, int]
    terminal_id: str
    cashier: str | None
    recorded_at: datetime


class Line(NamedTuple):
    """One operation as the till counts it."""

    operation: str
    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many operations of a type, what they come to, and by which tenders; None where nobody said."""

    count: int = 0
    amount_minor: int = 0
    tenders: Mapping[str, int] | None = None


class Difference(NamedTuple):
    """Where till and ledger count otherwise; ``tender`` is None for the count and the amount."""

    operation: str
    field: str
    tender: str | None
    till: int
    ledger: int


class Gap(NamedTuple):
    """A line without a match, or with another amount; ``op_id`` is the ledger's, where it has one."""

    reason: Unmatched
    operation: str
    reference: str
    till_minor: int | None
    ledger_minor: int | None
    op_id: bytes | None


def totals_of(booked: Iterable[Booked]) -> dict[str, Total]:
    """The totals of operations, by type; types that did not happen are left out."""
    amounts: dict[str, list[int]] = defaultdict(list)
    tenders: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in booked:
        amounts[one.operation].append(one.amount_minor)
        for tender, amount in one.tenders.items():
            tenders[one.operation][tender] += amount
    return {
        kind: Total(len(amounts[kind]), sum(amounts[kind]), _paid(tenders[kind]))
        for kind in Operation
        if kind in amounts
    }


def _paid(by_type: Mapping[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in sorted(by_type.items()) if amount}


def differences(till: Mapping[str, Total], ledger: Mapping[str, Total]) -> list[Difference]:
    """Where the two differ.

    A type that one of them lacks did not happen there. Tenders are compared where the till names them: what
    it does not name paid nothing.
    """
    found = []
    for kind in Operation:
        told, ours = till.get(kind, Total()), ledger.get(kind, Total())
        for name in ("count", "amount_minor"):
            found.append(Difference(kind, name, None, getattr(told, name), getattr(ours, name)))
        if told.tenders is None:
            continue
        counted = ours.tenders or {}
        for tender in TENDERS:
            pair = told.tenders.get(tender, 0), counted.get(tender, 0)
            found.append(Difference(kind, "amount_minor", tender, *pair))
    return [one for one in found if one.till != one.ledger]


def gaps(booked: Iterable[Booked], lines: Iterable[Line]) -> list[Gap]:
    """What has no match, by reference.

    A reference may stand for several operations of a type: equal amounts are matched first, then one other
    amount to one other amount, and what is left on one side has none.
    """
    ours: dict[tuple[str, str], list[tuple[int, bytes]]] = defaultdict(list)
    theirs: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in booked:
        ours[one.reference, one.operation].append((one.amount_minor, one.op_id))
    for line in lines:
        theirs[line.reference, line.operation].append(line.amount_minor)
    return [gap for key in sorted({*ours, *theirs}) for gap in _gaps_of(key, ours[key], theirs[key])]


def _gaps_of(key: tuple[str, str], ours: list[tuple[int, bytes]], theirs: list[int]) -> Iterable[Gap]:
    reference, operation = key
    left, rest = sorted(theirs), []
    for amount, op_id in sorted(ours):
        if amount in left:
            left.remove(amount)
        else:
            rest.append((amount, op_id))
    common = min(len(rest), len(left))
    for (amount, op_id), told in zip(rest, left, strict=False):
        yield Gap(Unmatched.OTHER_AMOUNT, operation, reference, told, amount, op_id)
    for amount, op_id in rest[common:]:
        yield Gap(Unmatched.NOT_AT_TILL, operation, reference, None, amount, op_id)
    for told in left[common:]:
        yield Gap(Unmatched.NOT_IN_LEDGER, operation, reference, told, None, None)


def by_cashier(booked: Sequence[Booked]) -> list[tuple[str, str, dict[str, Total]]]:
    """The totals of each terminal and cashier (empty where the till named none), in the order of the two."""
    groups: dict[tuple[str, str], list[Booked]] = defaultdict(list)
    for one in booked:
        groups[one.terminal_id, one.cashier or ""].append(one)
    return [(*key, totals_of(groups[key])) for key in sorted(groups)]
