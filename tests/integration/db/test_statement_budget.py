"""A guard against silent decay: how many statements a group of moves costs, whatever its size."""

from __future__ import annotations

import pytest

from ledger_service.db.engine import Database
from ledger_service.db.group import Waiting, run_group
from tests.integration.ledger.bank import START, issue, op, open_members, transfer


@pytest.mark.parametrize("size", [1, 16, 64])
def test_a_group_of_transfers_costs_seven_statements_at_most(database: Database, size: int) -> None:
    open_members(database, range(1, 21))
    opened: set[tuple[str, tuple[int, ...]]] = set()
    with database.begin_group() as conn:
        run_group(conn, [Waiting(issue(op("i", m), m, 1000)) for m in range(1, 21)], START, opened)
    before = database.statements.count
    group = [Waiting(transfer(op("t", n), n % 20 + 1, (n + 1) % 20 + 1, 1)) for n in range(size)]
    with database.begin_group() as conn:
        run_group(conn, group, START, opened)
    assert [w.error for w in group] == [None] * size
    # Members, lots; lots again, head; entries, postings; on SQLite BEGIN, which the other driver adds unseen.
    assert database.statements.count - before <= (7 if database.is_sqlite else 6)
