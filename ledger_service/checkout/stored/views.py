"""A card as tills are told of it; its code and PIN are never repeated."""

from __future__ import annotations

from typing import Any

from ledger_service.checkout.record_views import shift_view
from ledger_service.coupons.stored.book import Act, Card
from ledger_service.coupons.stored.rules import available_minor
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text


def card_view(card: Card) -> dict[str, Any]:
    """What a card holds, and until when it pays (None: for ever)."""
    over = card["expires_at"]
    return {
        "card": id_text(card["card_id"]),
        "merchant": gln_text(card["merchant_id"]),
        "currency": card["currency"],
        "state": card["state"],
        "balance_minor": card["balance_minor"],
        "available_minor": available_minor(card),
        "most_minor": card["most_minor"],
        "issued_at": format_instant(card["issued_at"]),
        "expires_at": None if over is None else format_instant(over),
    }


def card_answer(card: Card, act: Act, minor: int) -> dict[str, Any]:
    """A movement of a card's money, and the card as it is then."""
    return {
        "operation": id_text(act.ref),
        "reference": act.reference,
        "amount_minor": minor,
        **card_view(card),
        "occurred_at": format_instant(act.at),
        **shift_view(act.business_day, act.cashier),
    }


def quoted_view(card: Card, minor: int) -> dict[str, Any]:
    """What a quote says of a card that is to pay so much."""
    view = card_view(card)
    return {**view, "pays_minor": minor, "left_minor": view["available_minor"] - minor}
