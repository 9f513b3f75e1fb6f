"""What followers and couriers ask over and over: found by key, however large the books are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import create_engine, event

from ledger_service.db.schema import whole_metadata
from ledger_service.kernel.clock import parse_instant
from ledger_service.traceability.epcis.looking import sizes_between
from ledger_service.traceability.epcis.searching import parse_search
from ledger_service.webhooks.side_facts import facts_of_notes


def test_notes_are_read_by_key_and_no_table_is_read_through() -> None:
    engine = create_engine("sqlite://")
    whole_metadata().create_all(engine)
    asked: list[tuple[str, Any]] = []
    sources = ("coupon", "reward", "claim", "member", "ending", "card", "ticket")
    notes = [SimpleNamespace(source=source, ref=bytes(16), number=1) for source in sources]
    with engine.begin() as conn:
        event.listen(
            conn, "before_cursor_execute", lambda _c, _k, sql, values, *_: asked.append((sql, values))
        )
        assert facts_of_notes(conn, notes, parse_instant("2026-01-01T00:00:00Z", "at")) == {}
        plans = [
            step.detail for sql, values in tuple(asked)
            for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]  # fmt: skip
    assert len(plans) > len(sources)
    assert [step for step in plans if step.startswith("SCAN")] == []


def test_a_subscription_to_a_class_reads_no_more_than_the_new_events() -> None:
    engine = create_engine("sqlite://")
    whole_metadata().create_all(engine)
    asked: list[tuple[str, Any]] = []
    tea = parse_search({"MATCH_epcClass": "https://id.gs1.org/01/09506000134352"})
    with engine.begin() as conn:
        event.listen(
            conn, "before_cursor_execute", lambda _c, _k, sql, values, *_: asked.append((sql, values))
        )
        assert sizes_between(conn, tea, (10, 20), 5) == []
        ((sql, values),) = asked
        steps = [step.detail for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any("(epc_key=? AND event_time=? AND event_seq=?" in step for step in steps), steps
