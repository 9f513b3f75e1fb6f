"""What the books of events and prefixes are asked for: by key, and counted where nobody wants the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event

from ledger_service.db.schema import whole_metadata
from ledger_service.traceability.epcis.looking import page_of
from ledger_service.traceability.epcis.searching import parse_search
from ledger_service.traceability.moving import containers
from ledger_service.traceability.prefixes.queries import conflicts_after

Asked = tuple[Connection, list[tuple[str, Any]]]


@pytest.fixture
def asked() -> Iterator[Asked]:
    engine, found = create_engine("sqlite://"), list[tuple[str, Any]]()
    whole_metadata().create_all(engine)
    with engine.begin() as conn:
        event.listen(
            conn, "before_cursor_execute", lambda _c, _k, sql, values, *_: found.append((sql, values))
        )
        yield conn, found


def test_conflicts_look_each_product_up_by_the_prefixes_that_it_may_have(asked: Asked) -> None:
    conn, statements = asked
    assert conflicts_after(conn, None, 10) == []
    sql, values = statements[0]
    steps = [step.detail for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any("trace_prefix USING PRIMARY KEY (prefix=?)" in step for step in steps), steps


def test_too_many_are_counted_and_not_fetched(asked: Asked) -> None:
    conn, statements = asked
    assert page_of(conn, parse_search({"maxEventCount": "999999999"}), None, 10).rows == []
    assert statements[0][0].startswith("SELECT count(*)")


def test_bodies_are_read_a_few_at_a_time(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def bodies_of(_: Connection, numbers: list[int]) -> dict[int, bytes]:
        read.append(len(numbers))
        return dict.fromkeys(numbers, b'{"destinationList": []}')

    monkeypatch.setattr(containers, "bodies_of", bodies_of)
    assert len(containers._named(asked[0], list(range(90)))) == 0
    assert (max(read), sum(read)) == (20, 90)
