"""Whoever asks for a member's postings finds them by an index, in which no others stand."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import TextClause, event, text

from ledger_service.db.engine import Database
from ledger_service.db.group import Waiting, run_group
from ledger_service.ledger import queries
from ledger_service.ledger.standing import standing_columns
from ledger_service.moving_in import undoing
from ledger_service.points import inactivity
from tests.integration.ledger.bank import START, issue, op, open_members

_COLUMNS = ", ".join(standing_columns("sqlite", "m"))
_STANDING = text(f"SELECT {_COLUMNS} FROM member AS m WHERE m.member_id = 1")
_ASKED: dict[str, tuple[TextClause, dict[str, Any]]] = {
    "a page of a statement": (queries._PAGE, {"base": 4, "before": 9, "most": 3}),
    "a balance of then": (queries._AS_OF, {"base": 4, "at": 9}),
    "what a member owes": (_STANDING, {}),
    "who was active": (inactivity._ACTIVE, {
        "members": [1, 2], "kinds": ["issue"], "programme": 1, "last": 3, "since": 0, "until": 9,
    }),
    "who uses an account": (undoing._ACTIVE, {"members": [1], "own": ["moved-in"], "names": ["1"]}),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(_ASKED))
def test_sqlite_reads_a_members_postings_from_an_index(sqlite_database: Database, what: str) -> None:
    open_members(sqlite_database, range(1, 21))
    group = [Waiting(issue(op(n), n % 20 + 1, 10)) for n in range(400)]
    sent: list[tuple[str, Any]] = []
    with sqlite_database.begin_group() as conn:
        run_group(conn, group, START, set())
        conn.exec_driver_sql("ANALYZE")
        query, values = _ASKED[what]
        event.listen(conn, "before_cursor_execute", lambda *call: sent.append(call[2:4]))
        conn.execute(query, values)
        sql, bound = sent[0]
        steps = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", bound)]
    assert not [step for step in steps if step in ("SCAN p", "SCAN posting")], steps
    assert any("ix_posting_" in step for step in steps), steps
