"""Engines: durability and time limits are really set; the gate queues processes; reads cannot write."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database, open_database
from ledger_service.db.gate import Gate
from ledger_service.db.send import Statement, send
from ledger_service.db.types import Bytes, Int64, UtcInstant

ROOT = Path(__file__).resolve().parents[3]
HOLD_GATE = """
import sys, time, pathlib
from ledger_service.db.gate import Gate
with Gate(pathlib.Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def one(database: Database, sql: str) -> object:
    with database.begin_group() as conn:
        return conn.exec_driver_sql(sql).scalar_one()


def test_sqlite_is_durable_and_checks_foreign_keys(sqlite_database: Database) -> None:
    assert one(sqlite_database, "PRAGMA journal_mode") == "wal"
    assert one(sqlite_database, "PRAGMA synchronous") == 2
    assert one(sqlite_database, "PRAGMA foreign_keys") == 1


def test_a_failure_does_not_say_which_values_were_sent(database: Database) -> None:
    """It is logged, and among the values are names and numbers of members (D15)."""
    for connection in (database.read, database.begin, database.begin_group):
        with pytest.raises(DBAPIError) as failure, connection() as conn:
            conn.execute(text("SELECT * FROM nowhere WHERE member_number = :n"), {"n": "952000000000000017"})
        assert "952000000000000017" not in str(failure.value)


def test_postgresql_is_durable_and_gives_up_in_time(postgres_database: Database) -> None:
    assert one(postgres_database, "SHOW synchronous_commit") == "on"
    assert one(postgres_database, "SHOW lock_timeout") == "5s"
    assert one(postgres_database, "SHOW statement_timeout") == "20s"
    assert one(postgres_database, "SHOW transaction_isolation") == "read committed"
    assert one(postgres_database, "SHOW TimeZone") == "UTC"


@pytest.mark.postgres
def test_postgresql_connections_notice_a_network_that_says_nothing(postgres_database: Database) -> None:
    for engine in (postgres_database.writing, postgres_database.posting, postgres_database.reading):
        with engine.connect() as conn:
            number = conn.connection.driver_connection.pgconn.socket
            with socket.socket(fileno=os.dup(number)) as wire:
                probes = [
                    wire.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                ]
                assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert probes[0] + probes[1] * probes[2] <= 20
                assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 20_000


def test_a_snapshot_of_a_job_may_take_longer_and_the_next_one_may_not(postgres_database: Database) -> None:
    limits = []
    for given in ((90_000,), ()):
        with postgres_database.snapshot(*given) as conn:
            limits.append(conn.exec_driver_sql("SHOW statement_timeout").scalar_one())
    assert limits == ["90s", "20s"]


def test_a_snapshot_sees_one_state_and_cannot_write(database: Database) -> None:
    count = "SELECT COUNT(*) FROM account"
    insert = "INSERT INTO account (account_id, kind) VALUES ({}, 'test')"
    with database.snapshot() as conn:
        assert conn.exec_driver_sql(count).scalar_one() == 0
        with database.begin() as other:
            other.exec_driver_sql(insert.format(1))
        assert conn.exec_driver_sql(count).scalar_one() == 0
        with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
            conn.exec_driver_sql(insert.format(2))
    with database.read() as conn:
        assert conn.exec_driver_sql(count).scalar_one() == 1


def test_the_gate_lets_one_process_in_and_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "x.gate"
    holder = subprocess.Popen([sys.executable, "-c", HOLD_GATE, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    entered = threading.Event()

    def enter() -> None:
        with Gate(path).held():
            entered.set()

    waiter = threading.Thread(target=enter)
    waiter.start()
    assert not entered.wait(0.2)
    holder.kill()
    assert entered.wait(5)
    waiter.join()
    holder.wait()
    holder.stdout.close()


def test_a_db_transaction_inside_another_is_refused_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "x.gate")
    with gate.held(), pytest.raises(RuntimeError, match="inside another"), gate.held():
        pass
    with gate.held():
        gate_is_free_again = True
    gate.close()
    assert gate_is_free_again


def test_two_gates_on_one_file_exclude_each_other_in_one_process(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def enter(gate: Gate) -> None:
        for _ in range(50):
            with gate.held():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                inside[0] -= 1

    gates = [Gate(tmp_path / "x.gate") for _ in range(2)]
    threads = [threading.Thread(target=enter, args=(gate,)) for gate in gates * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for gate in gates:
        gate.close()
    assert most == [1]


def test_a_url_that_cannot_serve_is_refused_at_once() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "mysql://x/y"):
        with pytest.raises(ValueError):
            open_database(url)


scratch = Table(
    "scratch", MetaData(),
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("side", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcInstant), Column("raw", Bytes()), Column("words", Text), Column("flag", Boolean),
)  # fmt: skip
ODD = [
    "",
    "NULL",
    "null",
    "{}",
    '{"a",b}',
    'a\\"b',
    "it's",
    "back\\slash",
    "tab\tnew\nline",
    "ünïcödé 漢字 🎂",
    "%s",
    None,
]


def test_bulk_statements_carry_every_value_unchanged(database: Database) -> None:
    instant = datetime(2026, 3, 29, 2, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    rows = [
        {"id": 2**53 - 1 - i, "side": i, "at": instant if i % 2 else None,
         "raw": bytes(range(i)) if i % 3 else None, "words": words, "flag": (True, False, None)[i % 3]}
        for i, words in enumerate(ODD)
    ]  # fmt: skip
    with database.begin() as conn:
        scratch.create(conn)
        sql = sql_of(scratch, conn)
        sql.insert(conn, rows)
        sql.insert(conn, rows, or_ignore=True)
        keys = [(row["id"], row["side"]) for row in rows]
        found = sql.select(conn, ("id", "side"), [*keys, (0, 0)])
        assert sorted(found, key=lambda r: r["side"]) == rows
        assert found[0]["at"] is None or found[0]["at"].tzinfo is UTC
        assert [r["side"] for r in sql.select(conn, ("words",), [("{}",), ("nothing",)])] == [3]
        swapped = [{**row, "words": words} for row, words in zip(rows, reversed(ODD), strict=True)]
        assert sql.update(conn, ("words",), [*swapped, {**rows[0], "id": 5}]) == len(rows)
        again = sorted(sql.select(conn, ("id", "side"), keys), key=lambda r: r["side"])
        assert again == swapped


@pytest.mark.parametrize(("column", "value"), [
    ("at", datetime(2026, 1, 1)), ("raw", "text"), ("raw", memoryview(b"x")),
])  # fmt: skip
def test_a_naive_time_and_bytes_that_are_none_are_refused(
    database: Database, column: str, value: object
) -> None:
    row = {"id": 1, "side": 1, "at": None, "raw": None, "words": None, "flag": None, column: value}
    with database.begin() as conn:
        scratch.create(conn)
        with pytest.raises(ValueError):
            sql_of(scratch, conn).insert(conn, [row])


def test_several_statements_sent_at_once_run_in_order_and_are_counted(database: Database) -> None:
    mark = "?" if database.is_sqlite else "%s"
    with database.begin_group() as conn:
        before = database.statements.count
        outcomes = send(conn, [
            Statement(f"INSERT INTO account (account_id, kind) VALUES ({mark}, 'test')", (1,)),
            Statement("UPDATE account SET kind = 'more'", ()),
            Statement("SELECT account_id, kind FROM account", ()),
        ])  # fmt: skip
        assert database.statements.count - before == 3
    assert [tuple(row) for row in outcomes[2].rows] == [(1, "more")]
    assert outcomes[1].touched == 1


def test_one_bad_statement_of_several_undoes_them_all_and_says_why(database: Database) -> None:
    fine = Statement("INSERT INTO account (account_id, kind) VALUES (1, 'test')", ())
    with pytest.raises(IntegrityError), database.begin_group() as conn:
        send(conn, [fine, fine, fine])
    with database.begin_group() as conn:
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM account").scalar_one() == 0


def test_a_connection_cut_in_the_middle_is_an_operational_error_and_the_next_one_serves(
    postgres_database: Database,
) -> None:
    cut = Statement("SELECT pg_terminate_backend(pg_backend_pid())", ())
    with pytest.raises(OperationalError) as lost, postgres_database.begin_group() as conn:
        send(conn, [cut, cut])
    assert lost.value.connection_invalidated
    assert one(postgres_database, "SELECT 1") == 1
