"""What a card paid goes back to it with the goods, as far as its cap leaves room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ledger_service.coupons.stored import book
from ledger_service.coupons.stored.book import CARD, Act
from ledger_service.coupons.stored.models import value_card
from ledger_service.coupons.stored.rules import Kind, fits
from ledger_service.db.workset import Draft, Need
from ledger_service.points.basis import TenderType

# Where a stored tender keeps the id of its card, if it has one.
CARD_AT = 6


def cards_of_sale(row: Mapping[str, Any]) -> Iterable[Need]:
    """The cards that paid for a sale, to lock; most sales have none."""
    if not row["tenders"] or TenderType.STORED_VALUE not in row["tenders"]:
        return ()
    tenders = orjson.loads(row["tenders"])
    return [CARD.of(bytes.fromhex(values[CARD_AT])) for values in tenders if len(values) > CARD_AT]


def put_back(draft: Draft, tenders: list[dict[str, Any]] | None, act: Act) -> list[dict[str, Any]] | None:
    """The tenders of a return, whose cards hold again what they say; None where the sale named none.

    What a card has no room for stands for itself, without one: the till gives it on another card or in money.
    """
    if tenders is None:
        return None
    views = []
    for view in tenders:
        if "card" not in view:
            views.append(view)
            continue
        card = draft.get(value_card, bytes.fromhex(view["card"]))
        if card is None:
            raise LookupError("the card of a sale is gone")
        fit = fits(card, view["amount_minor"])
        if fit.minor:
            book.enter(draft, card, Kind.RETURN, fit.minor, act)
            views.append({**view, "amount_minor": fit.minor})
        if fit.over_minor:
            views.append({"type": view["type"], "amount_minor": fit.over_minor})
    return views
