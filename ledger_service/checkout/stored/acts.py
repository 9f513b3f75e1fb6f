"""What moves a card's money, as a write at a till names it."""

from __future__ import annotations

from ledger_service.checkout.requests import Write
from ledger_service.checkout.shifts import Shift
from ledger_service.coupons.stored.book import Act

__all__ = ["Act", "act_of"]


def act_of(ref: bytes, write: Write, said: tuple[str, Shift], place: tuple[int | None, int | None]) -> Act:
    """The operation behind a movement.

    Args:
        ref: its id.
        write: who does it, and when.
        said: its reference at the till, and the shift.
        place: store and business day.
    """
    reference, shift = said
    store_gln, business_day = place
    terminal_id = write.caller.terminal_id
    return Act(ref, reference, store_gln, terminal_id, write.at, shift.cashier, business_day)
