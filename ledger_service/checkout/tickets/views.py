"""A ticket as tills, merchants and members are told of it; a printed code is never repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ledger_service.checkout.record_views import shift_view
from ledger_service.coupons.tickets.book import Row, TicketAct
from ledger_service.coupons.tickets.rules import when
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text


def ticket_view(row: Row) -> dict[str, Any]:
    """The ticket as it is; ``changed_at`` is when it was sold, entered or paid back."""
    return {
        "ticket": id_text(row["ticket_id"]),
        "merchant": gln_text(row["merchant_id"]),
        "definition": row["definition_id"],
        "version": row["version"],
        "currency": row["currency"],
        "price_minor": row["price_minor"],
        "state": row["state"],
        "begins_at": format_instant(row["begins_at"]),
        "over_at": format_instant(row["over_at"]),
        "refund_until": when(row["refund_until"]),
        "gift": row["gift"],
        "gifts": row["gifts"],
        "sold_at": format_instant(row["sold_at"]),
        "changed_at": format_instant(row["changed_at"]),
    }


def ticket_answer(row: Row, act: TicketAct) -> dict[str, Any]:
    """What has happened to a ticket, and the ticket as it is then."""
    return {
        "operation": id_text(act.ref),
        "reference": act.reference,
        **ticket_view(row),
        "occurred_at": format_instant(act.at),
        **shift_view(act.business_day, act.cashier),
    }


def tenders_view(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How the ticket was paid, and its money goes back."""
    paid: dict[str, int] = orjson.loads(row["paid_with"])
    return [{"type": kind, "amount_minor": minor} for kind, minor in sorted(paid.items())]
