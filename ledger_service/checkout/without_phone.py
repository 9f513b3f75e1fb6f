"""A member without a phone at the till: who a card or number names, and the presence of one that pays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ledger_service.checkout.desk import Desk
from ledger_service.checkout.presence import Presence
from ledger_service.checkout.requests import Caller, Presented
from ledger_service.kernel.paycode import PayCode
from ledger_service.members.cards.desk import Approved, CardDesk, Known, Sought

SPEND = "spend"


def sought_of(member: Presented) -> Sought:
    """Whom a till means."""
    return Sought(member.card, member.phone, member.number)


def earning(known: Known) -> Presence:
    """The presence of a member that only earns."""
    return Presence(number=known.number, card=known.card)


def approval(desk: CardDesk, member: Presented, caller: Caller, at: datetime) -> Approved:
    """The member's leave to spend: its card with the PIN, or the code that was made for this merchant.

    Raises:
        DomainError: as ``CardDesk.approve_pin`` and ``CardDesk.approve_code``.
    """
    if member.pin is not None:
        return desk.approve_pin(sought_of(member), member.pin, at)
    return desk.approve_code(sought_of(member), member.code or "", (caller.merchant_id, SPEND), at)


def paying(pay_code: PayCode, desk: Desk, approved: Approved) -> Presence:
    """The presence of a member whose permit custody has signed."""
    presence = Presence.of_pay_code(pay_code, desk)
    return replace(presence, approved=approved, card=approved.known.card)
