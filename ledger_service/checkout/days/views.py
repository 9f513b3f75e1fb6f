"""Totals, differences and operations of a day as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger_service.checkout.days.rules import Booked, Difference, Gap, Total
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text

Json = dict[str, Any]


def total_views(totals: Mapping[str, Total]) -> list[Json]:
    """Totals as a till sends them; tenders only where they are known."""
    views = []
    for operation, total in totals.items():
        view: Json = {"operation": operation, "count": total.count, "amount_minor": total.amount_minor}
        if total.tenders is not None:
            view["tenders"] = [
                {"type": name, "amount_minor": amount} for name, amount in total.tenders.items()
            ]
        views.append(view)
    return views


def totals_of_views(views: Iterable[Mapping[str, Any]]) -> dict[str, Total]:
    """The totals that ``total_views`` wrote, or a till sent."""
    totals = {}
    for view in views:
        tenders = view.get("tenders")
        by_type = None if tenders is None else {t["type"]: t["amount_minor"] for t in tenders}
        totals[str(view["operation"])] = Total(view["count"], view["amount_minor"], by_type)
    return totals


def difference_views(found: Iterable[Difference]) -> list[Json]:
    """Where till and ledger differ."""
    return [one._asdict() for one in found]


def gap_view(gap: Gap) -> Json:
    """A line without a match."""
    return {
        "reason": gap.reason.value,
        "operation": gap.operation,
        "reference": gap.reference,
        "till_minor": gap.till_minor,
        "ledger_minor": gap.ledger_minor,
        "id": None if gap.op_id is None else id_text(gap.op_id),
    }


def booked_view(one: Booked) -> Json:
    """An operation of the ledger."""
    return {
        "id": id_text(one.op_id),
        "operation": one.operation.value,
        "reference": one.reference,
        "amount_minor": one.amount_minor,
        "terminal": one.terminal_id,
        "cashier": one.cashier,
        "recorded_at": format_instant(one.recorded_at),
    }
