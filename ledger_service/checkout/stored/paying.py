"""Cards among the tenders of a basket: each pays what its tender says, or the basket is not sold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.desk import Desk
from ledger_service.checkout.requests import Write
from ledger_service.coupons.stored import book
from ledger_service.coupons.stored.book import Act, Card
from ledger_service.coupons.stored.errors import ValueCardNotUsable
from ledger_service.coupons.stored.rules import Kind, hindrance
from ledger_service.coupons.stored.showing import CardReader, Shown, judged, needs
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import id_text


@dataclass(frozen=True, slots=True)
class Paying:
    """The cards that a basket's tenders show, each with its place among them.

    Locks: the cards, and the counts of wrong ones of the till and of each code.
    """

    write: Write
    shown: tuple[tuple[int, Shown], ...]

    def locks(self) -> Iterable[Need]:
        """As the class says."""
        for _, shown in self.shown:
            yield from needs(shown, self.write.caller.subject)

    def pay(self, draft: Draft, tenders: Sequence[Tender], act: Act) -> tuple[Tender, ...]:
        """The cards have paid; the tenders then name them by their ids.

        Raises:
            CouponCodesLocked, ValueCardUnknown, ValueCardNotUsable, ValueCardShort: one does not.
        """
        paid = list(tenders)
        for place, card in self._cards(draft):
            minor = paid[place].amount_minor
            if minor:
                book.enter(draft, card, Kind.PAY, minor, act)
            paid[place] = _named(paid[place], card)
        return tuple(paid)

    def reserve(self, draft: Draft, tenders: Sequence[Tender], hold_id: bytes) -> dict[str, Canonical]:
        """The cards' amounts are set apart for the hold; what its body remembers of them.

        Raises:
            DomainError: as ``pay``.
        """
        held: list[Canonical] = []
        for place, card in self._cards(draft):
            minor = tenders[place].amount_minor
            if minor:
                book.hold(draft, card, hold_id, minor)
                held.append([id_text(card["card_id"]), minor])
        return {"cards": held} if held else {}

    def check(self, draft: Draft, tenders: Sequence[Tender]) -> list[Card]:
        """The cards, each of which would pay its tender now.

        Raises:
            DomainError: as ``pay``.
        """
        found = []
        for place, card in self._cards(draft):
            book.check_room(card, tenders[place].amount_minor)
            found.append(card)
        return found

    def _cards(self, draft: Draft) -> Iterable[tuple[int, Card]]:
        seen: set[bytes] = set()
        caller = self.write.caller
        for place, shown in self.shown:
            card = judged(draft, shown, caller.merchant_id, (caller.subject, self.write.at))
            reason = "twice" if card["card_id"] in seen else hindrance(card, self.write.at)
            if reason is not None:
                raise ValueCardNotUsable(reason)
            seen.add(card["card_id"])
            yield place, card


def paying_of(tenders: Sequence[Tender], desk: Desk, write: Write) -> Paying | None:
    """The cards among the tenders, hashed on this thread; None where there are none."""
    shown = [
        (place, reader_of(desk).shown(tender.shown.code, tender.shown.pin))
        for place, tender in enumerate(tenders)
        if tender.shown is not None
    ]
    return Paying(write, tuple(shown)) if shown else None


def reader_of(desk: Desk) -> CardReader:
    """What hashes cards here.

    Raises:
        MalformedField: this process takes none.
    """
    if desk.cards is None:
        raise MalformedField("tenders", "no stored-value cards are taken here")
    return desk.cards


def held_view(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer of an authorisation says of cards; nothing where it holds none."""
    held = body.get("cards")
    return {"cards": [{"card": card, "held_minor": minor} for card, minor in held]} if held else {}


def _named(tender: Tender, card: Card) -> Tender:
    return replace(tender, card=id_text(card["card_id"]), shown=None)
