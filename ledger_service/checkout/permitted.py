"""What a terminal may do: a self-checkout not what somebody must answer for, one in training little else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger_service.checkout.day_errors import AttendantNeeded, NotInTraining, SelfCheckoutLimit
from ledger_service.checkout.requests import Caller, Line, Spend, Write
from ledger_service.checkout.shifts import NO_SHIFT, Shift
from ledger_service.kernel.errors import DomainError

# What only a person may decide: whether goods have come back, whose an old receipt is.
_ATTENDED = frozenset({"refund", "exchange", "return", "attach"})


def permitted(write: Write, operation: str, shift: Shift = NO_SHIFT, lines: Sequence[Line] = ()) -> Write:
    """The write, refused (once its key was looked up) where its terminal may not do it."""
    caller = write.caller
    refusal: DomainError | None = None
    if caller.training or shift.training:
        refusal = NotInTraining(operation)
    elif caller.self_checkout and operation in _ATTENDED:
        refusal = AttendantNeeded(operation)
    elif caller.self_checkout:
        refusal = alone_with(shift, lines)
    return write if refusal is None else replace(write, refusal=write.refusal or refusal)


def alone_with(shift: Shift, lines: Sequence[Line]) -> AttendantNeeded | None:
    """What of a basket needs a person: a cashier that it names, a price that somebody has changed."""
    if shift.cashier is not None:
        return AttendantNeeded("cashier")
    for line in lines:
        detail = line.detail
        if detail is None:
            continue
        if detail.regular_minor is not None:
            return AttendantNeeded("price_override")
        if detail.staff_discount_minor:
            return AttendantNeeded("staff_discount")
    return None


def spend_within(caller: Caller, spend: Spend | None) -> Spend | None:
    """The wish; a value is at most what a self-checkout may take, explicit points stay as they are."""
    most = caller.points_most_minor
    if most is None or spend is None or spend.max_value_minor is None:
        return spend
    return Spend(max_value_minor=min(spend.max_value_minor, most))


def check_points(caller: Caller, value_minor: int) -> None:
    """The points are not worth more than the terminal may take in one sale.

    Raises:
        SelfCheckoutLimit: they are.
    """
    most = caller.points_most_minor
    if most is not None and value_minor > most:
        raise SelfCheckoutLimit(value_minor, most)
