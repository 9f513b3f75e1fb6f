"""A card that holds money pays at the till: what it covers of a basket, or as much as was typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.web.ports import Answer
from ledger_service.web.screen import Visit

TENDERS = ("cash", "card", "wallet")
REUSED = "idempotency-key-reused"
_NOT_QUOTED = ("reference", "step_up")


def quoted(visit: Visit, body: Mapping[str, Any]) -> Answer:
    """What the sale would come to; nothing is written."""
    return visit.do("/v1/quotes", {name: value for name, value in body.items() if name not in _NOT_QUOTED})


def tenders_of(
    visit: Visit, body: Mapping[str, Any], most_minor: int | None
) -> Answer | list[dict[str, Any]]:
    """How the basket is paid: the card what it holds of it, the rest as the form says; else who refused.

    Args:
        visit: its form has the card's code and perhaps its PIN, which nothing repeats.
        body: the sale without tenders.
        most_minor: the most that the card shall pay, in minor units; None for all that is due.
    """
    quote = quoted(visit, body)
    if not quote.good:
        return quote
    card = {"card": visit.form["card"].strip()}
    if visit.form.get("card_pin", "").strip():
        card["pin"] = visit.form["card_pin"].strip()
    balance = visit.do("/v1/value-cards/balances", card)
    if not balance.good:
        return balance
    due = int(quote.document["due_minor"])
    pays = min(due, int(balance.document["available_minor"]), due if most_minor is None else most_minor)
    rest = visit.form.get("rest", "")
    paid = [
        {"type": "stored_value", "amount_minor": pays, **card},
        {"type": rest if rest in TENDERS else TENDERS[0], "amount_minor": due - pays},
    ]
    return [tender for tender in paid if tender["amount_minor"]]


def sold_before(visit: Visit, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sale of a form that was sent before; None where it was of another basket.

    What a card pays follows from what it holds. After the sale that is less, so the form sent once more says
    something else, and would be refused as if nothing had been sold.
    """
    asked = {"reference": body["reference"], "store": visit.me.store or "", "limit": "1"}
    found: list[dict[str, Any]] = visit.ask("/v1/sales", **asked).document.get("sales", [])
    total = sum(line["amount_minor"] for line in body["lines"])
    return next((one for one in found if one["total_minor"] == total), None)
