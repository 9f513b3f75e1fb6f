"""Finding a ticket and noting what happened to it, inside a command's draft; its row must be locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ledger_service.coupons.codes.rules import Tagger
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.tickets.errors import TicketUnknown
from ledger_service.coupons.tickets.models import ticket, ticket_entry
from ledger_service.coupons.tickets.rules import Kind, TicketShown, is_right
from ledger_service.coupons.wallet.guesses import GUESS, check_unlocked, count_wrong
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by

TICKET: Load = load_by(ticket, "ticket_id")
TICKET_BY_TAG: Load = load_by(ticket, "tag")
DEFINITION: Load = load_by(coupon_definition, "definition_id")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TicketAct:
    """What happens to a ticket: the operation (16 bytes), its reference, where, by which shift, and when."""

    ref: bytes
    reference: str
    at: datetime
    store_gln: int | None = None
    terminal_id: str | None = None
    cashier: str | None = None
    business_day: int | None = None


def needs(shown: TicketShown, subject: str) -> Iterable[Need]:
    """Rows to lock: the ticket, found either way, and the count of wrong ones of who asks."""
    return [TICKET.of(shown.ticket_id), TICKET_BY_TAG.of(shown.tag), GUESS.of(subject)]


def found(view: Workset | Draft, shown: TicketShown) -> Row | None:
    """The ticket that what was shown leads to, whether or not it is right."""
    return view.one(TICKET, shown.ticket_id) if shown.is_pass else view.one(TICKET_BY_TAG, shown.tag)


def judged(
    draft: Draft, shown: TicketShown, tagger: Tagger, merchant_id: int, by: tuple[str, datetime]
) -> Row:
    """The merchant's ticket that this code or pass stands for now.

    Raises:
        CouponCodesLocked: too many wrong ones from there before.
        TicketUnknown: none, another merchant's, or one given away; it counts.
    """
    check_unlocked(draft, *by)
    row = found(draft, shown)
    if row is None or row["merchant_id"] != merchant_id or not is_right(tagger, shown, row):
        raise unknown(*by)
    return row


def unknown(subject: str, at: datetime) -> TicketUnknown:
    """The refusal of what is no ticket here, whose trace is the count."""
    refusal = TicketUnknown()
    refusal.trace = partial(count_wrong, subject=subject, at=at)
    return refusal


def called_off_at(draft: Draft, row: Row) -> datetime | None:
    """When the event was called off, which is when its definition was withdrawn."""
    definition = draft.one(DEFINITION, row["definition_id"])
    if definition is None:
        raise LookupError("the definition of a ticket is gone")
    instant: datetime | None = definition["withdrawn_at"]
    return instant


def note(draft: Draft, row: Row, kind: Kind, act: TicketAct, **values: Any) -> Row:
    """It has happened to the ticket, which has these values from then on; gives the row as it is then."""
    position = row["entries"] + 1
    paid = kind in (Kind.SOLD, Kind.REFUNDED)
    draft.add(ticket_entry, {
        "ticket_id": row["ticket_id"], "position": position, "kind": kind.value,
        "amount_minor": row["price_minor"] if paid else 0, "paid_with": row["paid_with"] if paid else None,
        "ref": act.ref, "reference": act.reference, "store_gln": act.store_gln,
        "terminal_id": act.terminal_id, "cashier": act.cashier, "business_day": act.business_day,
        "at": act.at,
    })  # fmt: skip
    return draft.change(ticket, row["ticket_id"], entries=position, **values)
