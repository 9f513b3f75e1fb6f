"""Wrong codes lock whoever types them, inside the command that looked the code up.

A command on a code locks the row of its subject, so of many guesses at once each is counted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, func, select

from ledger_service.coupons.wallet.errors import CouponCodesLocked, CouponUnknown
from ledger_service.coupons.wallet.models import coupon_guess
from ledger_service.coupons.wallet.rules import (
    MOST_WRONG_AT_TILL,
    MOST_WRONG_OF_MEMBER,
    Tries,
    one_wrong_more,
)
from ledger_service.db.workset import Draft, load_by

# To lock, by the subject of the key that types codes ("member:…", "terminal:…").
GUESS = load_by(coupon_guess, "subject")


def check_unlocked(draft: Draft, subject: str, at: datetime) -> None:
    """Codes may be tried.

    Raises:
        CouponCodesLocked: with the whole seconds that remain.
    """
    row = draft.get(coupon_guess, subject)
    until = None if row is None else row["locked_until"]
    if until is not None and at < until:
        raise CouponCodesLocked(-((at - until) // timedelta(seconds=1)))


def count_wrong(draft: Draft, subject: str, at: datetime) -> None:
    """One wrong code more stands against the subject; the last one allowed locks it."""
    row = draft.get(coupon_guess, subject)
    before = None if row is None else Tries(row["wrong"], row["since"], row["locked_until"])
    most = MOST_WRONG_OF_MEMBER if subject.startswith("member:") else MOST_WRONG_AT_TILL
    tries = one_wrong_more(before, most, at)
    values = {"wrong": tries.wrong, "since": tries.since, "locked_until": tries.locked_until}
    if row is None:
        draft.add(coupon_guess, {"subject": subject, **values})
    else:
        draft.change(coupon_guess, subject, **values)


def counted(subject: str, at: datetime) -> CouponUnknown:
    """The refusal of a wrong code, whose trace is the count: nothing else of the command stays."""
    refusal = CouponUnknown()
    refusal.trace = partial(count_wrong, subject=subject, at=at)
    return refusal


def locked_now(conn: Connection, at: datetime) -> int:
    """How many members and tills are locked: somebody may be searching codes."""
    locked = select(func.count()).select_from(coupon_guess).where(coupon_guess.c.locked_until > at)
    return int(conn.execute(locked).scalar_one())
