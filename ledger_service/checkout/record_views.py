"""What tills and members are told of a capture that stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.basket import tender_view
from ledger_service.checkout.records import EarnedRecord, SaleRecord
from ledger_service.checkout.tiering import applied_of_values, applied_view
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.points import NEVER_SECONDS, Leg
from ledger_service.merchants.business_day import day_text


def answer_of(sale: SaleRecord, codes: Mapping[int, str]) -> dict[str, Any]:
    """What the till is told of a capture; ``codes`` are the programmes' codes by id."""
    total, value = sale.total_minor, sale.points_value_minor
    operations = [] if sale.spent is None else [id_text(sale.spent.op_id)]
    more: dict[str, Any] = {"tenders": [tender_view(t) for t in sale.tenders]} if sale.tenders else {}
    if sale.spent is not None and sale.spent.custodial is not None:
        more["custodial"] = sale.spent.custodial
    return {
        "sale_id": id_text(sale.sale_id),
        "state": "captured",
        "merchant": gln_text(sale.merchant_id),
        "store": gln_text(sale.store_gln),
        "reference": sale.reference,
        "currency": sale.currency,
        "total_minor": total,
        "spent": [] if sale.spent is None else spent_view(sale.spent.legs, sale.spent.paid, codes),
        "points_value_minor": value,
        "due_minor": total - value,
        "earned": [earned_view(e, codes) for e in sale.earned],
        "receipt": sale.receipt,
        "operations": operations + [e.op_id for e in sale.earned if e.leaf],
        "occurred_at": format_instant(sale.occurred_at),
        **shift_view(sale.business_day, sale.cashier),
        **more,
    }


def shift_view(business_day: int | None, cashier: str | None) -> dict[str, Any]:
    """The business date, and the cashier where the till named one."""
    view: dict[str, Any] = {"business_date": None if business_day is None else day_text(business_day)}
    return view if cashier is None else view | {"cashier": cashier}


def spent_view(
    legs: tuple[Leg, ...], paid: tuple[tuple[int, int, int], ...], codes: Mapping[int, str]
) -> list[dict[str, Any]]:
    """What points paid, per programme, with the epochs they came from."""
    return [
        {
            "programme": codes[programme],
            "points": points,
            "value_minor": value,
            "legs": [{"epoch": g.epoch, "points": g.amount} for g in legs if g.programme == programme],
            "terms_version": next(g.terms_version for g in legs if g.programme == programme),
        }
        for programme, points, value in paid
    ]


def earned_view(earned: EarnedRecord, codes: Mapping[int, str]) -> dict[str, Any]:
    """What was earned of one programme, with the rule that decided; ``expires_at`` null for never."""
    ends = 0 < earned.expires_at < NEVER_SECONDS
    vests_at = instant_of_seconds(earned.vests_at) if earned.vests_at else None
    return {
        "programme": codes[earned.programme],
        "points": earned.points,
        "debt_collected": earned.collected,
        "rule_version": earned.rule_version,
        "epoch": earned.epoch,
        "expires_at": format_instant(instant_of_seconds(earned.expires_at)) if ends else None,
        "state": earned.state,
        "vests_at": None if vests_at is None else format_instant(vests_at),
        "awaits": earned.awaits,
        "base_minor": earned.base_minor,
        "reason": earned.refused,
        "tier": None if earned.tier is None else applied_view(applied_of_values(earned.tier)),
    }
