"""Whose events a merchant may see: its own, and everybody's of things that it holds."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from ledger_service.traceability.epcis.naming import is_class
from ledger_service.traceability.epcis.searching import Match, Search
from ledger_service.traceability.moving.containers import SSCC, parties_to


def seen_by(conn: Connection, search: Search, merchant_id: int | None) -> Search:
    """The search as somebody may ask it: all of it (None), of things that a merchant holds, or of its own
    events."""
    if merchant_id is None or any(_holds(conn, match, merchant_id) for match in search.matches):
        return search
    return replace(search, owner=merchant_id)


def may_see_thing(conn: Connection, name: str, merchant_id: int) -> bool:
    """Whether a merchant may see everybody's events of a thing: to know a serial is to hold it, but a case or
    pallet counts up, so that one must have to do with it."""
    if not name.startswith("https://id.gs1.org/") or is_class(name):
        return False
    return not name.startswith(SSCC) or merchant_id in parties_to(conn, name)


def _holds(conn: Connection, match: Match, merchant_id: int) -> bool:
    return all(may_see_thing(conn, name, merchant_id) for name in match.names)
