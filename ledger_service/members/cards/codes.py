"""One-time codes: made for one member, one merchant and one purpose, delivered by a job, used once.

A code names the most that it may pay, and the message says so: whoever reads it knows what it is for. It
follows from its id and a secret, so neither this table nor a message that waits in it holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ledger_service.members.cards import rules
from ledger_service.members.cards.errors import (
    CodesTooOften,
    CodeWrong,
    DeskRequestUnknown,
    NobodyToTell,
    SecondPersonMissing,
)
from ledger_service.members.cards.models import till_code
from ledger_service.members.cards.pins import next_nonce
from ledger_service.members.models import member_identity

_WAYS = ("phone", "email")
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AskCode:
    """A code to make: for whom, at which merchant, for what, and who asks (the subject of a key)."""

    member_id: int
    merchant_id: int
    purpose: str
    desk: bool
    max_value_micros: int
    asked_by: str


@dataclass(frozen=True, slots=True)
class MadeCode:
    """A code that was made; it is not among what is told."""

    code_id: bytes
    channel: str
    expires_at: datetime


def make(conn: Connection, ask: AskCode, code_id: bytes, at: datetime) -> MadeCode:
    """The code waits to be delivered, or for a second person at the service desk.

    Raises:
        CodesTooOften: one was made within the minute, or a few today.
        NobodyToTell: the member gave no phone and no e-mail.

    Locks: none; the caller holds the member's row.
    """
    _check_pace(conn, ask.member_id, at)
    channel = "desk" if ask.desk else _way(conn, ask.member_id)
    expires_at = at + (rules.DESK_LIFE if ask.desk else rules.CODE_LIFE)
    row = {
        "code_id": code_id, "member_id": ask.member_id, "merchant_id": ask.merchant_id,
        "purpose": ask.purpose, "channel": channel, "state": "waiting",
        "max_value_micros": ask.max_value_micros, "asked_by": ask.asked_by, "made_at": at,
        "expires_at": expires_at, "tries": 0, "sends": 0, "send_at": None if ask.desk else at,
    }  # fmt: skip
    conn.execute(insert(till_code).values(row))
    return MadeCode(code_id, channel, expires_at)


def approve(
    conn: Connection, code_id: bytes, merchant_id: int | None, said: tuple[str, datetime]
) -> MadeCode:
    """The service desk may show the code: a second person says that the member stands there.

    Raises:
        DeskRequestUnknown: no till of the merchant asks so.
        SecondPersonMissing: it is the one who asked.

    Locks: the code's row.
    """
    by, at = said
    row = conn.execute(select(till_code).where(till_code.c.code_id == code_id).with_for_update()).mappings()
    found = row.one_or_none()
    if found is None or found["channel"] != "desk" or merchant_id not in (None, found["merchant_id"]):
        raise DeskRequestUnknown
    if found["state"] != "waiting" or at >= found["expires_at"]:
        raise DeskRequestUnknown
    if found["asked_by"] == by:
        raise SecondPersonMissing
    expires_at = at + rules.CODE_LIFE
    shown = {"state": "shown", "approved_by": by, "expires_at": expires_at}
    conn.execute(update(till_code).where(till_code.c.code_id == code_id).values(shown))
    return MadeCode(code_id, "desk", expires_at)


@dataclass(frozen=True, slots=True)
class TriedCode:
    """A try on record: which code it is judged by, what that may pay, and the number of its permit."""

    code_id: bytes
    max_value_micros: int
    nonce: int


def count_code_try(
    conn: Connection, member_id: int, wanted: tuple[int, str], at: datetime
) -> TriedCode | None:
    """One more try stands against the member's latest code at the merchant for the purpose.

    None where none is in force, or its tries are over.

    Locks: the code's row, the member's row of ``member_access``.
    """
    merchant_id, purpose = wanted
    c = till_code.c
    mine = (c.member_id == member_id) & (c.merchant_id == merchant_id) & (c.purpose == purpose)
    live = mine & c.used_at.is_(None) & (c.expires_at > at) & ((c.channel != "desk") | (c.state == "shown"))
    latest = select(till_code).where(live).order_by(c.made_at.desc(), c.code_id).limit(1).with_for_update()
    row = conn.execute(latest).mappings().one_or_none()
    if row is None or row["tries"] >= rules.MOST_CODE_TRIES:
        return None
    conn.execute(update(till_code).where(c.code_id == row["code_id"]).values(tries=row["tries"] + 1))
    return TriedCode(row["code_id"], row["max_value_micros"], next_nonce(conn, member_id))


def use_code(conn: Connection, code_id: bytes, at: datetime) -> None:
    """The code's one use is behind it.

    Raises:
        CodeWrong: it was used meanwhile, or its time is over.

    Locks: the code's row.
    """
    row = conn.execute(select(till_code).where(till_code.c.code_id == code_id).with_for_update()).mappings()
    found = row.one_or_none()
    check_unused(None if found is None else dict(found), at)
    conn.execute(update(till_code).where(till_code.c.code_id == code_id).values(used_at=at))


def check_unused(row: Mapping[str, Any] | None, at: datetime) -> None:
    """A code that was right may be used now.

    Raises:
        CodeWrong: it was used meanwhile, or its time is over.
    """
    if row is None or row["used_at"] is not None or row["expires_at"] <= at:
        raise CodeWrong


def _check_pace(conn: Connection, member_id: int, at: datetime) -> None:
    c = till_code.c
    mine = (c.member_id == member_id) & (c.made_at > at - _A_DAY)
    query = select(func.count(), func.max(c.made_at), func.min(c.made_at)).where(mine)
    count, last, first = conn.execute(query).one()
    ready = rules.ready_for_code(count, first, last)
    if ready is not None and at < ready:
        raise CodesTooOften(-((at - ready) // timedelta(seconds=1)))


def _way(conn: Connection, member_id: int) -> str:
    found = select(member_identity.c.kind).where(member_identity.c.member_id == member_id)
    kinds = set(conn.execute(found).scalars())
    for way in _WAYS:
        if way in kinds:
            return way
    raise NobodyToTell
