"""Pure rules of tickets: states, what hinders an entry, and the proof that the holder's screen shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Any, NamedTuple

from ledger_service.coupons.codes.rules import Tagger, normal_code
from ledger_service.coupons.terms.values import Ticket
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text

SOLD, ENTERED, REFUNDED = "sold", "entered", "refunded"
STATES = (SOLD, ENTERED, REFUNDED)
CALLED_OFF, OVER = "called-off", "over"
_PASS = re.compile(r"[0-9A-F]{64}")
_NO_ID = bytes(16)


class Kind(StrEnum):
    """What happened to a ticket."""

    SOLD = "sold"
    GIVEN = "given"
    ENTERED = "entered"
    REFUNDED = "refunded"


class Times(NamedTuple):
    """When the event begins, from when nobody enters any more, and until when money comes back."""

    begins_at: datetime
    over_at: datetime
    refund_until: datetime | None


def times_of(event: Ticket) -> Times:
    """The instants of the event; they are the ticket's from its sale on, whatever later versions say."""
    begins, back = event.begins_at, event.refund_minutes
    until = None if back is None else begins - timedelta(minutes=back)
    return Times(begins, begins + timedelta(minutes=event.minutes), until)


class Done(NamedTuple):
    """Why a ticket is done with, and since when."""

    reason: str
    since: datetime


def hindrance(row: Mapping[str, Any], called_off_at: datetime | None, at: datetime) -> Done | None:
    """Why the ticket opens no door then; None where it does."""
    if row["state"] != SOLD:
        return Done(row["state"], row["changed_at"])
    if called_off_at is not None and called_off_at <= at:
        return Done(CALLED_OFF, called_off_at)
    return Done(OVER, row["over_at"]) if row["over_at"] <= at else None


def pays_back(row: Mapping[str, Any], called_off_at: datetime | None, at: datetime) -> bool:
    """Whether the money of a ticket that is sold comes back then: in time, or the event is called off."""
    if called_off_at is not None and called_off_at <= at:
        return True
    return row["refund_until"] is not None and at < row["refund_until"]


@dataclass(frozen=True, slots=True)
class TicketShown:
    """What was shown: the hash of a printed code, or the id and proof of a pass; zeros for what it is not."""

    tag: bytes
    ticket_id: bytes = _NO_ID
    proof: bytes = field(default=_NO_ID, repr=False)

    @property
    def is_pass(self) -> bool:
        """Whether it came from a holder's screen."""
        return self.ticket_id != _NO_ID


def shown_of(tagger: Tagger, typed: str) -> TicketShown:
    """What is looked up for a text that was typed or scanned; the same work for any."""
    code = normal_code(typed) or ""
    tag = tagger.tag(code, closed=False)
    if _PASS.fullmatch(code) is None:
        return TicketShown(tag)
    raw = bytes.fromhex(code)
    return TicketShown(tag, raw[:16], raw[16:])


def pass_of(tagger: Tagger, row: Mapping[str, Any]) -> str:
    """What the holder's screen shows: the ticket's id and a proof that ends when the ticket is given."""
    return id_text(row["ticket_id"]) + _proof(tagger, row).hex()


def is_right(tagger: Tagger, shown: TicketShown, row: Mapping[str, Any]) -> bool:
    """Whether what was shown is the ticket's now; a printed code is, until the ticket is given away."""
    right = compare_digest(_proof(tagger, row), shown.proof)
    return right if shown.is_pass else row["gifts"] == 0


def _proof(tagger: Tagger, row: Mapping[str, Any]) -> bytes:
    # No code has a colon, so this is the hash of no code.
    return tagger.tag(f"ticket:{id_text(row['ticket_id'])}:{row['gifts']}", closed=True)


def when(instant: datetime | None) -> str | None:
    """An instant as refusals name it."""
    return None if instant is None else format_instant(instant)
