"""What a capture asks the database does not grow with the cases and pallets in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.traceability.epcis.service import capture_events

AT = datetime(2026, 3, 9, tzinfo=UTC)
ITEM = "https://id.gs1.org/01/09506000134352/21/"


def packed_and_shipped(first: int, cases: int) -> list[dict[str, Any]]:
    """Events that put an item into each of so many cases and ship these."""
    events = []
    for number in range(first, first + cases):
        case = f"https://id.gs1.org/00/{with_check_digit(f'{number:017d}')}"
        at = {"eventTimeZoneOffset": "+00:00", "eventTime": "2026-03-01T00:00:00Z"}
        packing = {"type": "AggregationEvent", "action": "ADD", "parentID": case, "bizStep": "packing"}
        shipping = {"type": "ObjectEvent", "action": "OBSERVE", "epcList": [case], "bizStep": "shipping"}
        events += [{**at, **packing, "childEPCs": [f"{ITEM}{number}"]}, {**at, **shipping}]
    return events


def statements_of(database: Database, events: list[dict[str, Any]]) -> int:
    before = database.statements.count
    with database.begin() as conn:
        capture_events(conn, None, events, AT)
    return database.statements.count - before


def test_a_capture_of_many_cases_asks_no_more_than_one_of_few(database: Database) -> None:
    few = statements_of(database, packed_and_shipped(0, 2))
    assert statements_of(database, packed_and_shipped(100, 40)) == few
