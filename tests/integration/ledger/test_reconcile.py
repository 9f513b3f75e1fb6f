"""What someone with the database's password could do to the ledger is found and named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.ledger.reconcile import differences, rehash
from tests.integration.ledger.bank import EPOCH, PROGRAMME, Hold, OnHold, issue, op, redeem


@pytest.fixture
def busy(database: Database, writer: Writer) -> Iterator[Database]:
    """A ledger with six entries and two holds, its guards taken off as an intruder would."""
    writer.submit(issue(op(1), 1, 100))
    writer.submit(issue(op(2), 2, 200))
    writer.submit(redeem(op(3), 1, 30))
    writer.submit(Hold(op("a"), 2, 50))
    writer.submit(Hold(op("b"), 2, 20))
    writer.submit(OnHold(op("b"), "void"))
    assert found(database) == []
    take_guards_off(database)
    return database


def take_guards_off(database: Database) -> None:
    """Drop or disable the append-only triggers."""
    tables = ("entry", "posting", "hold_event")
    statements = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
    if database.is_sqlite:
        acts = ("update", "delete")
        statements = [f"DROP TRIGGER {table}_refuse_{act}" for table in tables for act in acts]
    with database.begin() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def found(database: Database) -> list[tuple[str, str]]:
    with database.snapshot() as conn:
        return [(d.check, d.subject) for d in differences(conn)]


def tamper(database: Database, statement: str) -> None:
    with database.begin() as conn:
        assert conn.execute(text(statement)).rowcount >= 1


def test_a_flipped_balance_is_named_with_member_programme_epoch_and_part(busy: Database) -> None:
    tamper(busy, "UPDATE lot SET available = available + 1 WHERE member_id = 1")
    assert found(busy) == [("lots", f"member 1 programme {PROGRAMME} epoch {EPOCH} available")]


def test_a_balance_out_of_nothing_is_named(busy: Database) -> None:
    tamper(
        busy,
        "INSERT INTO lot (member_id, programme_id, epoch, available, held, pending)"
        " VALUES (7, 1, 3, 5, 0, 0)",
    )
    assert found(busy) == [("lots", "member 7 programme 1 epoch 3 available")]


def test_a_deleted_posting_is_named_by_its_entry_and_its_lot(busy: Database) -> None:
    tamper(busy, "DELETE FROM posting WHERE sequence = 3")
    lots = ("lots", f"member 1 programme {PROGRAMME} epoch {EPOCH} available")
    assert found(busy) == [lots, ("hash", "entry 3 (redeem)")]


@pytest.mark.parametrize("change", [
    "UPDATE entry SET body = '{}' WHERE sequence = 3",
    "UPDATE entry SET kind = 'gift' WHERE sequence = 3",
    "UPDATE entry SET occurred_at = occurred_at + 1 WHERE sequence = 3",
    "UPDATE entry SET recorded_at = recorded_at + 1 WHERE sequence = 3",
    "UPDATE posting SET destination_id = (SELECT MAX(source_id) FROM posting) WHERE sequence = 3",
])  # fmt: skip
def test_an_edited_entry_is_named(busy: Database, change: str) -> None:
    tamper(busy, change)
    assert [check for check, subject in found(busy) if "entry 3" in subject] == ["hash"]


def test_an_edit_of_amount_and_balance_together_still_shows_in_the_hash(busy: Database) -> None:
    tamper(busy, "UPDATE posting SET amount = amount - 10 WHERE sequence = 3")
    tamper(busy, "UPDATE lot SET available = available + 10 WHERE member_id = 1")
    assert [c for c, _ in found(busy)] == ["hash"]


def test_an_entry_cut_out_is_named_by_its_number(busy: Database) -> None:
    tamper(busy, "DELETE FROM posting WHERE sequence = 3")
    tamper(busy, "DELETE FROM entry WHERE sequence = 3")
    assert ("sequence", "entry 3") in found(busy)


def test_a_cut_off_end_is_named(busy: Database) -> None:
    tamper(busy, "DELETE FROM posting WHERE sequence = 6")
    tamper(busy, "DELETE FROM entry WHERE sequence = 6")
    assert ("head", "last entry") in found(busy)


def test_an_entry_slipped_in_is_named(busy: Database) -> None:
    tamper(busy, "INSERT INTO entry SELECT 7, op_id, kind, occurred_at, recorded_at, body, hash FROM entry"
                 " WHERE sequence = 1")  # fmt: skip
    assert {c for c, _ in found(busy)} == {"head", "hash"}


def test_a_posting_to_an_account_that_nobody_opened_is_named(busy: Database) -> None:
    tamper(busy, "UPDATE posting SET destination_id = 12345 WHERE sequence = 3")
    assert ("accounts", "entry 3") in found(busy)


def test_a_hold_reopened_or_swollen_is_named(busy: Database) -> None:
    closed = f"hold {op('b').hex()}"
    tamper(busy, "UPDATE hold SET state = 'open' WHERE state = 'closed'")
    assert found(busy) == [("closing", closed)]
    tamper(busy, "UPDATE hold SET points_released = 0 WHERE points_released > 0")
    assert ("held", "member 2") in found(busy)


def test_rehashing_can_begin_where_the_last_run_ended(busy: Database) -> None:
    tamper(busy, "UPDATE entry SET kind = 'gift' WHERE sequence IN (2, 5)")
    with busy.snapshot() as conn:
        assert [d.subject for d in rehash(conn, after=2)] == ["entry 5 (gift)"]
