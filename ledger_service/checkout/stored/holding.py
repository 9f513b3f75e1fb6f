"""Cards of a hold: set apart with its points, paid with by its captures, free again when it ends.

The hold's body keeps which, so a hold without cards reads nothing more. A card that is frozen or over
meanwhile still pays what was set apart: it was promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from ledger_service.checkout.basket import Tender
from ledger_service.coupons.stored import book
from ledger_service.coupons.stored.book import CARD, HELD, Act, Card
from ledger_service.coupons.stored.errors import ValueCardNotUsable
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.stored.rules import Kind
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.models import hold

_IN_BODY = '"cards":'


def card_locks(row: Mapping[str, Any]) -> Iterable[Need]:
    """The cards of a hold, to lock."""
    return [CARD.of(card_id) for card_id in _card_ids(row)]


def card_reads(row: Mapping[str, Any]) -> Iterable[Need]:
    """What of them is set apart."""
    return [HELD.of(row["hold_id"])] if _IN_BODY in row["body"] else ()


def pay_held(draft: Draft, hold_id: bytes, tenders: Sequence[Tender], act: Act) -> tuple[Tender, ...]:
    """The cards that the tenders name by their ids have paid, out of what the hold set apart.

    Raises:
        ValueCardNotUsable: not-held.
        ValueCardShort: more than is left of it.
    """
    if not any(tender.shown for tender in tenders):
        return tuple(tenders)
    held = {id_text(row["card_id"]): row["card_id"] for row in _held(draft, hold_id)}
    paid = []
    for tender in tenders:
        if tender.shown is not None:
            card_id = held.get(tender.shown.code)
            if card_id is None:
                raise ValueCardNotUsable("not-held")
            if tender.amount_minor:
                card = book.release(draft, hold_id, _card(draft, card_id), tender.amount_minor)
                book.enter(draft, card, Kind.PAY, tender.amount_minor, act)
            tender = replace(tender, card=id_text(card_id), shown=None)
        paid.append(tender)
    return tuple(paid)


def free_cards(draft: Draft, hold_id: bytes) -> None:
    """What the hold still sets apart is the cards' again."""
    for row in list(_held(draft, hold_id)):
        if row["left_minor"]:
            book.release(draft, hold_id, _card(draft, row["card_id"]), row["left_minor"])


def _held(draft: Draft, hold_id: bytes) -> Iterable[Mapping[str, Any]]:
    row = draft.get(hold, hold_id)
    return draft.find(HELD, hold_id) if row is not None and _IN_BODY in row["body"] else ()


def _card_ids(row: Mapping[str, Any]) -> Iterable[bytes]:
    if _IN_BODY not in row["body"]:
        return ()
    return [bytes.fromhex(card) for card, _ in orjson.loads(row["body"])["cards"]]


def _card(draft: Draft, card_id: bytes) -> Card:
    row = draft.get(value_card, card_id)
    if row is None:
        raise LookupError("a card of a hold is gone")
    return row
