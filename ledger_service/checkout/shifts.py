"""Who sells on which business day: what a till says of it, and what its store's clock says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.fields import Fields
from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.business_day import DAY_SECONDS, StoreClock, day_number, day_text

SHIFT_FIELDS = frozenset({"business_date", "cashier", "training"})
MOST_DAYS_APART = 1
CASHIER = r"[A-Za-z0-9._-]{1,32}"
_CASHIER = re.compile(CASHIER)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Shift:
    """The till's own word: its business day (days since 1970-01-01), the id that it has for the cashier, and
    whether it is only training.
    """

    business_day: int | None = None
    cashier: str | None = None
    training: bool = False


NO_SHIFT = Shift()


def parse_shift(fields: Fields) -> Shift:
    """The shift that a body names; most name none.

    Raises:
        MalformedField: not a date, or no id of a cashier.
    """
    if not fields.has_any(SHIFT_FIELDS):
        return NO_SHIFT
    said, cashier = fields.get("business_date"), fields.get("cashier")
    return Shift(
        None if said is None else parse_day(said, "business_date"),
        None if cashier is None else parse_cashier(cashier, "cashier"),
        fields.flag("training", default=False),
    )


def parse_cashier(value: object, field: str) -> str:
    """The merchant's own id of a cashier: letters, digits, dot, dash and underscore, at most 32.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str) or _CASHIER.fullmatch(value) is None:
        raise MalformedField(field, "must be 1 to 32 letters, digits, dots, dashes or underscores")
    return value


def parse_day(value: object, field: str) -> int:
    """A date of the years 1970 to 9998 as days since 1970-01-01.

    Raises:
        MalformedField: anything else.
    """
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            when = date.fromisoformat(value)
        except ValueError:
            when = date.min
        if date(1970, 1, 1) <= when < date(9999, 1, 1):
            return day_number(when)
    raise MalformedField(field, "must be a date as YYYY-MM-DD")


def business_day_at(clock: StoreClock | None, at: int, said: int | None) -> int:
    """The business day of what happened at ``at``: as the till says, else by its store's clock.

    Args:
        clock: the store's; the day of UTC counts where there is none.
        at: seconds since 1970.
        said: the till's own word, believed within a day: a till closes late, or opens the next day early.

    Raises:
        BusinessDateOutOfRange: the till says another one.
    """
    derived = at // DAY_SECONDS if clock is None else clock.day_of(at)
    if said is None:
        return derived
    if abs(said - derived) > MOST_DAYS_APART:
        raise BusinessDateOutOfRange(day_text(said), day_text(derived), MOST_DAYS_APART)
    return said
