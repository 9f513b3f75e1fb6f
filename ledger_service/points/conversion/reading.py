"""Conversions and ends as the catalogue has them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from ledger_service.points.conversion.models import conversion_terms, programme_end
from ledger_service.points.conversion.rules import ConversionTerms, Ending
from ledger_service.points.rules import Terms

Conversions = dict[int, dict[int, tuple[ConversionTerms, ...]]]


def read_conversions(conn: Connection) -> Conversions:
    """The versions of conversion terms by programme and target, in their order."""
    found: Conversions = {}
    ordered = select(conversion_terms).order_by("programme_id", "target_id", "number")
    for row in conn.execute(ordered):
        own = found.setdefault(row.programme_id, {})
        terms = ConversionTerms(row.number, row.effective_from, row.spread_bps)
        own[row.target_id] = (*own.get(row.target_id, ()), terms)
    return found


def read_ends(conn: Connection) -> dict[int, Ending]:
    """The announced ends by programme."""
    rows = conn.execute(select(programme_end)).all()
    return {r.programme_id: _ending(r) for r in rows}


def _ending(r: Any) -> Ending:
    closing = Terms(r.version, r.issues_until, r.point_value_micros, r.fee_bps, 0, r.validity_epochs)
    return Ending(r.target_id, r.ends_at, r.spread_bps, closing, r.announced_at)
