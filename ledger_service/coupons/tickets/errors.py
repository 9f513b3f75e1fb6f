"""How tickets refuse."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.db.errors import TracedRefusal
from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class TicketUnknown(TracedRefusal):
    """No such ticket, another merchant's, or one that was given away."""

    code = "ticket-unknown"
    category = Category.MISSING
    why = "No ticket of this merchant has this code now: unknown ones and ones given away answer alike."
    fix = "Scan what the holder's screen shows, or the printed code of a ticket that was not given away."


@dataclass(eq=False)
class TicketNotUsable(DomainError):
    """The ticket opens no door, and nothing is paid back for it."""

    reason: str
    since: str

    code = "ticket-not-usable"
    category = Category.CONFLICT
    why = (
        "The ticket is done with: `reason` is entered, refunded, called-off (the event) or over, and `since` "
        "when that was."
    )
    fix = "Let nobody in with it; money comes back for what was called off, never after an entry."


@dataclass(eq=False)
class TicketNotSold(DomainError):
    """Nothing is sold under the code, or not now."""

    reason: str
    price_minor: int

    code = "ticket-not-sold"
    why = (
        "No ticket was sold: `reason` is sold (the code is), no-terms (none in force, or the event is called "
        "off), no-ticket, no-profile, guarantee, not-on-sale (before or after the time of sale), over, price "
        "(the amount is not `price_minor`), or the limit that is used up: budget (sold out), member …"
    )
    fix = "Ask for exactly `price_minor`, and sell codes of an event that is on sale and has places left."


@dataclass(eq=False)
class TicketNotRefunded(DomainError):
    """The terms give no money back now."""

    until: str | None

    code = "ticket-not-refunded"
    why = "Money comes back before `until` (null: never) or once the event is called off."
    fix = "Refund in time, or give the ticket to somebody else where its terms allow that."
