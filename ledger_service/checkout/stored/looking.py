"""What cards hold, asked with their codes and PINs; a wrong one counts before the till hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.requests import Caller, Write
from ledger_service.checkout.stored.paying import Paying, paying_of
from ledger_service.checkout.stored.views import quoted_view
from ledger_service.coupons.stored.book import Card
from ledger_service.coupons.stored.showing import Shown, judged, needs
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.db.writer import Writer


class LookCommand(BookCommand[Card]):
    """A card as it is. Locks: it, and the counts of wrong ones."""

    def __init__(self, caller: Caller, shown: Shown, at: datetime) -> None:
        """Take who asks, and the card as it was hashed on the request's thread."""
        self._caller, self._shown, self._at = caller, shown, at

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        return needs(self._shown, self._caller.subject)

    def apply(self, draft: Draft) -> Card:
        """Judge it.

        Raises:
            CouponCodesLocked, ValueCardUnknown: no card of this merchant's.
        """
        return judged(draft, self._shown, self._caller.merchant_id, (self._caller.subject, self._at))


class _CheckCommand(BookCommand[list[Card]]):
    """The cards of a basket that is quoted: each would pay its tender."""

    def __init__(self, paying: Paying, tenders: Sequence[Tender]) -> None:
        self._paying, self._tenders = paying, tenders

    def locks(self, view: Workset) -> Iterable[Need]:
        return self._paying.locks()

    def apply(self, draft: Draft) -> list[Card]:
        return self._paying.check(draft, self._tenders)


def quoted_cards(
    writer: Writer, desk: Desk, asked: tuple[Caller, Sequence[Tender], datetime]
) -> dict[str, Any]:
    """What a quote adds for the cards among its tenders; nothing, and no statement, where there are none.

    Raises:
        DomainError: what the sale would refuse of them.
    """
    caller, tenders, at = asked
    paying = paying_of(tenders, desk, Write(caller, "", b"", at)) if tenders else None
    if paying is None:
        return {}
    cards = writer.submit(_CheckCommand(paying, tenders))
    amounts = [tenders[place].amount_minor for place, _ in paying.shown]
    return {"cards": [quoted_view(card, minor) for card, minor in zip(cards, amounts, strict=True)]}
