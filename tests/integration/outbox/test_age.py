"""An old outbox costs nobody more than a young one: what looks for work reads what is open, never the whole.

The planner is shown a table whose rows are nearly all final and has counted them, as in a ledger of years.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from ledger_service.bootstrap.succeeding import unsettled
from ledger_service.chain import queue, successions, unmined
from ledger_service.db.engine import Database
from ledger_service.kernel.operations import Kind
from ledger_service.outbox import queries
from ledger_service.outbox.models import intent
from ledger_service.points import set_aside
from tests.integration.ledger.bank import SHOP, START, op
from tests.integration.outbox.plans import listened, plan_of

FINAL, OPEN = 4_000, 8
LOOKS: dict[str, Callable[[Connection], Any]] = {
    "the front of the queue": lambda conn: queue.Queue().waiting(conn, 100),
    "how many wait": queue.count_waiting,
    "which batches are mined": queue.mined_batches,
    "what moves mind": lambda conn: successions.air(conn, []),
    "what no block has": lambda conn: unmined.read_unmined(conn, id),
    "what the contract refused": lambda conn: set_aside.unrefused(conn, 20),
    "the lag": queries.lag,
    "what waits up to an operation": lambda conn: queries.waiting_up_to(conn, FINAL),
    "what was set aside": queries.set_aside,
    "how many were set aside": queries.set_aside_count,
    "what holds up a change of house": unsettled,
}


@pytest.fixture
def aged(database: Database) -> Database:
    """An outbox of which eight operations are not final."""
    states = ["final"] * FINAL + ["queued", "packed", "mined", "set_aside"] * (OPEN // 4)
    with database.begin() as conn:
        conn.execute(insert(intent), [_row(number, state) for number, state in enumerate(states, 1)])
    with database.writing.connect() as conn:
        conn.exec_driver_sql("ANALYZE")
        conn.commit()
    return database


def _row(number: int, state: str) -> dict[str, Any]:
    placed = state in ("final", "packed", "mined")
    return {
        "intent_id": number, "op_id": op(number), "kind": int(Kind.ISSUE), "merchant_id": SHOP,
        "member_id": 1, "programme_ids": "1", "payload": "x" * 300, "leaf": bytes(32), "state": state,
        "reason": "Refused()" if state == "set_aside" else None, "created_at": START,
        "batch_number": number // 50 if placed else None, "batch_index": number % 50 if placed else None,
    }  # fmt: skip


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_look_for_work_reads_what_is_open_and_not_what_is_final(aged: Database, look: str) -> None:
    with aged.snapshot() as conn:
        with listened(conn) as sent:
            LOOKS[look](conn)
        about = [(sql, values) for sql, values in sent if "intent" in sql]
        assert about, "nothing was asked of the outbox"
        for sql, values in about:
            plan = plan_of(conn, sql, values)
            assert not _reads_all(plan), (sql, plan)


def _reads_all(plan: list[str]) -> bool:
    whole = ("SCAN intent", "Seq Scan on intent", "using ix_intent_batch")
    return any(sign in step and "ix_intent_open" not in step for step in plan for sign in whole)
