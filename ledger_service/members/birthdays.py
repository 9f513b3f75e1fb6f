"""Birthdays: month and day without a year, given by choice, personal and erasable."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, update

from ledger_service.kernel.errors import MalformedField
from ledger_service.members.devices import lock_member
from ledger_service.members.errors import BirthdaySet
from ledger_service.members.models import member

_LEAP_YEAR = 2024
# No day: the member had given a birthday and took it back, so that it cannot give another.
_TAKEN_BACK = 0


def parse_birthday(text: str, field: str) -> int:
    """Month times 100 plus day of ``MM-DD``; 02-29 is a day.

    Raises:
        MalformedField: no day of any year.
    """
    try:
        day = date(_LEAP_YEAR, int(text[:2]), int(text[3:]))
    except ValueError:
        raise MalformedField(field, "must be a month and a day that exist") from None
    return day.month * 100 + day.day


def set_birthday(conn: Connection, member_number: str, month_day: int | None, *, own: bool) -> None:
    """The member has this birthday, or none.

    Args:
        conn: the unit of work.
        member_number: whose.
        month_day: month times 100 plus day; None takes it back.
        own: whether the member itself asks, who may say it once and take it back.

    Raises:
        MemberUnknown: no such number, or erased.
        BirthdaySet: the member has given another one before.

    Idempotency: the same again changes nothing.
    Locks: the member's row.
    """
    owner = lock_member(conn, member_number, frozen_too=True)
    before = owner["birthday"]
    if own and month_day is not None and before not in (None, month_day):
        raise BirthdaySet
    if own and month_day is None and before is not None:
        month_day = _TAKEN_BACK
    conn.execute(update(member).where(member.c.member_id == owner["member_id"]).values(birthday=month_day))
