"""What a till may ask of a ticket, as frozen values, and their strict parsing."""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger_service.checkout.fields import Fields, quick_text
from ledger_service.checkout.line_parsing import GREATEST_MINOR, LONGEST_CARD
from ledger_service.checkout.parsing import parse_currency
from ledger_service.checkout.shifts import SHIFT_FIELDS, Shift, parse_shift
from ledger_service.checkout.stored.requests import paid_with_of
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.text import clean_integer


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """A ticket by its code or pass, to enter with or to get the money back for."""

    code: str = field(repr=False)
    reference: str
    shift: Shift


@dataclass(frozen=True, slots=True)
class TicketSale(TicketRequest):
    """A ticket is sold for ``amount_minor``; ``paid_with`` sums to it, ``number`` is whose it becomes."""

    amount_minor: int
    currency: str
    paid_with: dict[str, int]
    number: str | None


_SHOWN = frozenset({"ticket", "reference"}) | SHIFT_FIELDS
_SALE = _SHOWN | {"amount_minor", "currency", "tenders", "member"}


def parse_ticket_sale(body: object) -> TicketSale:
    """The sale of a ticket.

    Raises:
        MalformedField: the first field that is missing, unknown, of a wrong type or out of range; tenders
            that do not sum to the amount.
    """
    fields = Fields(body, _SALE)
    amount = clean_integer(fields.get("amount_minor"), "amount_minor", 1, GREATEST_MINOR)
    number = fields.get("member")
    return TicketSale(
        *_shown(fields),
        amount,
        parse_currency(fields.get("currency")),
        paid_with_of(fields, amount),
        None if number is None else parse_gsrn(number, "member"),
    )


def parse_ticket(body: object) -> TicketRequest:
    """An entry, or a ticket's money back; raises as ``parse_ticket_sale``."""
    return TicketRequest(*_shown(Fields(body, _SHOWN)))


def _shown(fields: Fields) -> tuple[str, str, Shift]:
    return (
        quick_text(fields.get("ticket"), "ticket", LONGEST_CARD),
        quick_text(fields.get("reference"), "reference", 64),
        parse_shift(fields),
    )
