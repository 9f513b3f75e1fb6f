"""The log grows in steps that may be cut off, its checkpoints go on from each other, and what is rewritten is
named (INV-15)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from ledger_service.db.engine import Database
from ledger_service.kernel.history_tree import hash_leaf, root_of, verify_consistency
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.log import auditing, service
from ledger_service.traceability.log.auditing import LogFinding, audit_log
from ledger_service.traceability.log.models import log_checkpoint, log_tile
from ledger_service.traceability.log.queries import last_checkpoint, log_size
from ledger_service.traceability.log.rules import split
from ledger_service.traceability.log.service import CHECKPOINT_EVERY, checkpoint, grow

AT = datetime(2026, 3, 9, tzinfo=UTC)
PLACE = "https://id.gs1.org/414/9506000134352"


def told(number: int) -> dict[str, Any]:
    return {
        "type": "ObjectEvent", "eventTime": f"2026-03-01T00:{number // 60:02d}:{number % 60:02d}Z",
        "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "bizStep": "storing",
        "epcList": [f"https://id.gs1.org/01/09506000134352/21/N{number}"], "readPoint": {"id": PLACE},
    }  # fmt: skip


def captured(database: Database, first: int, end: int) -> None:
    with database.begin() as conn:
        capture_events(conn, None, [told(number) for number in range(first, end)], AT)


def logged(database: Database, at: datetime = AT, most: int = 100) -> int:
    """Everything is taken in, and a checkpoint made; returns its size."""
    while True:
        with database.begin() as conn:
            if grow(conn, most) < most:
                checkpoint(conn, at, now=True)
                return log_size(conn)


def bodies(conn: Connection) -> list[bytes]:
    rows = conn.execute(select(epcis_event.c.body).order_by(epcis_event.c.event_seq))
    return [bytes(body) for (body,) in rows]


def test_a_step_holds_so_many_bytes_and_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured(database, 0, 12)
    with database.read() as conn:
        leaves = bodies(conn)
    monkeypatch.setattr(service, "STEP_BYTES", 3 * max(map(len, leaves)))
    steps = []
    while not steps or steps[-1]:
        with database.begin() as conn:
            steps.append(grow(conn))
    assert (sum(steps), max(steps)) == (12, 3)
    monkeypatch.setattr(service, "STEP_BYTES", 1)
    captured(database, 12, 14)
    with database.begin() as conn:
        assert (grow(conn), grow(conn), grow(conn)) == (1, 1, 0)


def cut_off(database: Database) -> None:
    with database.begin() as conn:
        grow(conn, 200)
        raise InterruptedError


def test_the_log_grows_in_steps_that_may_be_cut_off(database: Database) -> None:
    captured(database, 0, 300)
    with database.begin() as conn:
        assert grow(conn, 130) == 130
        assert log_size(conn) == 130
    with pytest.raises(InterruptedError):
        cut_off(database)
    assert logged(database) == 300
    captured(database, 300, 530)
    assert logged(database, AT + timedelta(hours=1)) == 530
    with database.snapshot() as conn:
        leaves = [hash_leaf(body) for body in bodies(conn)]
        made = conn.execute(select(log_checkpoint).order_by(log_checkpoint.c.size)).all()
        assert audit_log(conn).findings == []
    assert [(one.size, bytes(one.root)) for one in made] == [(n, root_of(leaves[:n])) for n in (300, 530)]
    roots = (bytes(made[0].root), bytes(made[1].root))
    assert verify_consistency((300, 530), roots, split(bytes(made[1].proof)))


def test_a_checkpoint_is_made_when_it_is_due_and_never_of_the_same_twice(database: Database) -> None:
    captured(database, 0, 3)
    with database.begin() as conn:
        assert not checkpoint(conn, AT)
        grow(conn)
        assert checkpoint(conn, AT)
        assert not checkpoint(conn, AT + CHECKPOINT_EVERY, now=True)
    captured(database, 3, 4)
    with database.begin() as conn:
        grow(conn)
        assert not checkpoint(conn, AT + CHECKPOINT_EVERY - timedelta(seconds=1))
        assert checkpoint(conn, AT + CHECKPOINT_EVERY)
        last = last_checkpoint(conn)
    assert last is not None
    assert (last.size, last.state) == (4, "made")


def test_logs_that_grow_at_once_take_every_event_once(database: Database) -> None:
    captured(database, 0, 40)

    def step(_: int) -> int:
        with database.begin() as conn:
            return grow(conn, 10)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(step, range(4))) == 40
    logged(database)
    with database.snapshot() as conn:
        assert audit_log(conn).findings == []


@pytest.fixture
def rewritten(sqlite_database: Database) -> Database:
    """Ten logged events, and a database that somebody with every right may rewrite."""
    captured(sqlite_database, 0, 10)
    logged(sqlite_database)
    with sqlite_database.begin() as conn:
        for table in ("epcis_event", "epcis_event_epc"):
            for act in ("update", "delete"):
                conn.execute(text(f"DROP TRIGGER {table}_refuse_{act}"))
    return sqlite_database


def rewrite(database: Database, seq: int, **columns: Any) -> None:
    with database.begin() as conn:
        conn.execute(update(epcis_event).where(epcis_event.c.event_seq == seq).values(**columns))


def body_with(database: Database, seq: int, **parts: Any) -> bytes:
    with database.read() as conn:
        event = json.loads(bodies(conn)[seq])
    return json.dumps({**event, **parts}, separators=(",", ":"), sort_keys=True).encode()


def findings(database: Database) -> list[LogFinding]:
    with database.snapshot() as conn:
        return audit_log(conn).findings


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"eventTime": "2026-03-01T09:00:00Z"}, ("when",)),
        ({"bizStep": "shipping"}, ("why",)),
        ({"readPoint": {"id": "https://id.gs1.org/414/9506000134369"}}, ("where",)),
        ({"epcList": ["https://id.gs1.org/01/09506000134352/21/X"]}, ("what",)),
        ({"bizTransactionList": [{"bizTransaction": "urn:x:1"}]}, ("content",)),
        ({"recordTime": "2026-03-08T00:00:00Z"}, ("record",)),
        ({"eventTime": "yesterday"}, ("content",)),
        ({"bizStep": "shipping", "eventTime": "2026-03-01T09:00:00Z"}, ("when", "why")),
    ],
)  # fmt: skip
def test_a_rewritten_event_is_named_with_what_was_rewritten(
    rewritten: Database, parts: dict[str, Any], named: tuple[str, ...]
) -> None:
    rewrite(rewritten, 4, body=body_with(rewritten, 4, **parts))
    first, *others = findings(rewritten)
    assert (first.event, first.parts) == (4, named)
    assert first.event_id.startswith("ni:///sha-256;")
    assert [one.parts for one in others] == [("checkpoint",)]


def test_a_rewritten_column_or_index_is_named_though_the_event_stands(rewritten: Database) -> None:
    rewrite(rewritten, 2, biz_step="shipping")
    with rewritten.begin() as conn:
        conn.execute(epcis_event_epc.delete().where(epcis_event_epc.c.event_seq == 3))
    assert [(one.event, one.parts) for one in findings(rewritten)] == [(2, ("why",)), (3, ("what",))]


def test_whoever_rewrites_event_and_leaf_is_betrayed_by_the_checkpoint(rewritten: Database) -> None:
    body = body_with(rewritten, 4, recordTime="2026-03-08T00:00:00Z")
    rewrite(rewritten, 4, body=body, record_time=datetime(2026, 3, 8, tzinfo=UTC))
    with rewritten.begin() as conn:
        leaves = split(bytes(conn.execute(select(log_tile.c.hashes)).scalar_one()))
        leaves[4] = hash_leaf(body)
        conn.execute(update(log_tile).values(hashes=b"".join(leaves)))
    (found,) = findings(rewritten)
    assert (found.event, found.parts) == (None, ("checkpoint",))
    assert "events 0 to 9" in found.what


def test_a_lost_event_an_altered_leaf_and_a_log_that_shrank_are_found(rewritten: Database) -> None:
    with rewritten.begin() as conn:
        conn.execute(epcis_event_epc.delete().where(epcis_event_epc.c.event_seq == 7))
        conn.execute(epcis_event.delete().where(epcis_event.c.event_seq == 7))
        leaves = split(bytes(conn.execute(select(log_tile.c.hashes)).scalar_one()))
        leaves[1] = bytes(32)
        conn.execute(update(log_tile).values(hashes=b"".join(leaves)))
    with rewritten.snapshot() as conn:
        told = audit_log(conn, {10: bytes(32), 12: bytes(32)})
    assert [(one.event, one.parts) for one in told.findings[:2]] == [(1, ("leaf",)), (7, ("event",))]
    assert [one.what.split()[-2:] for one in told.findings[2:]] == [
        ["chain", "has"], ["the", "log"]
    ]  # fmt: skip


def test_an_audit_ends_at_its_most_findings(rewritten: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "MOST_FINDINGS", 3)
    monkeypatch.setattr(auditing, "STEP_EVENTS", 2)
    for seq in range(10):
        rewrite(rewritten, seq, biz_step="shipping")
    assert len(findings(rewritten)) == 3
