"""Entries on a real database: lots follow postings, nothing goes negative, no gap, hashes hold."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.canonical import canonical_hash
from ledger_service.kernel.clock import micros_of
from ledger_service.ledger import queries
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import entry, lot, posting
from ledger_service.ledger.reconcile import differences
from ledger_service.ledger.rules import Movement, Part, SystemKind, ledger_base_of, system_account
from tests.integration.ledger.bank import EPOCH, PROGRAMME, START, Move, issue, op, redeem, side, transfer


def clean(database: Database) -> None:
    with database.snapshot() as conn:
        assert list(differences(conn)) == []


def test_points_that_were_issued_can_be_spent_down_to_zero_and_no_further(
    database: Database, writer: Writer
) -> None:
    writer.submit(issue(op(1), 1, 100))
    writer.submit(redeem(op(2), 1, 100))
    with pytest.raises(InsufficientPoints) as refusal:
        writer.submit(redeem(op(3), 1, 1))
    assert refusal.value.params == {
        "programme_id": PROGRAMME, "epoch": EPOCH, "part": "available", "present": 0, "wanted": 1,
    }  # fmt: skip
    with database.read() as conn:
        assert queries.balance(conn, 1) == []
        assert conn.execute(select(entry.c.sequence).order_by(entry.c.sequence)).scalars().all() == [1, 2]
    clean(database)


def test_a_refused_entry_of_several_movements_leaves_none_of_them(database: Database, writer: Writer) -> None:
    writer.submit(issue(op(1), 1, 10))
    sink = system_account(SystemKind.REDEMPTION, PROGRAMME, 5)
    moves = [Movement(side(1), sink, PROGRAMME, EPOCH, 6), Movement(side(1), sink, PROGRAMME, EPOCH, 6)]
    with pytest.raises(InsufficientPoints):
        writer.submit(Move(op(2), "redeem", moves))
    with database.read() as conn:
        assert queries.balance(conn, 1) == [queries.LotView(PROGRAMME, EPOCH, 10, 0, 0)]
    clean(database)


@pytest.mark.parametrize("amount", [0, -5, 2**53])
def test_an_amount_that_is_not_positive_and_safe_is_a_bug_of_the_caller(writer: Writer, amount: int) -> None:
    with pytest.raises(ValueError, match="well-formed"):
        writer.submit(issue(op(1), 1, amount))


def test_an_entry_carries_the_hash_of_its_canonical_json(database: Database, writer: Writer) -> None:
    writer.submit(issue(op(1), 3, 7))
    with database.read() as conn:
        row = conn.execute(select(entry)).one()
        posted = conn.execute(select(posting)).one()
    assert row.hash == canonical_hash({
        "sequence": 1, "op_id": op(1).hex(), "kind": "issue", "occurred_at": micros_of(START),
        "recorded_at": micros_of(row.recorded_at), "body": json.loads(row.body),
        "postings": [[posted.source_id, posted.destination_id, PROGRAMME, EPOCH, 7]],
    })  # fmt: skip


@pytest.mark.parametrize("statement", [
    "UPDATE entry SET kind = 'gift'", "DELETE FROM entry", "UPDATE posting SET amount = amount + 1",
    "DELETE FROM posting", "DELETE FROM hold_event",
])  # fmt: skip
def test_the_database_itself_refuses_to_rewrite_history(
    database: Database, writer: Writer, statement: str
) -> None:
    from tests.integration.ledger.bank import Hold, OnHold

    writer.submit(issue(op(1), 1, 10))
    writer.submit(Hold(op("h"), 1, 5))
    writer.submit(OnHold(op("h"), "void"))
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as conn:
        conn.exec_driver_sql(statement)
    clean(database)


@pytest.mark.parametrize("column", ["available", "held", "pending"])
def test_the_database_itself_refuses_a_negative_part(database: Database, writer: Writer, column: str) -> None:
    writer.submit(issue(op(1), 1, 10))
    with pytest.raises(DBAPIError, match=f"ck_lot_{column}_at_least_0"), database.begin() as conn:
        conn.execute(lot.update().values(**{column: -1}))


def test_the_database_itself_refuses_a_posting_of_nothing(database: Database, writer: Writer) -> None:
    writer.submit(issue(op(1), 1, 10))
    for amount in (0, -1):
        row = {"sequence": 1, "position": 7, "source_id": 1, "destination_id": 2, "programme_id": 1,
               "epoch": 1, "amount": amount}  # fmt: skip
        with pytest.raises(DBAPIError, match="ck_posting_amount_at_least_1"), database.begin() as conn:
            conn.execute(posting.insert(), [row])


def test_a_balance_can_be_asked_for_any_past_instant(database: Database, writer: Writer) -> None:
    base, day = ledger_base_of(1), timedelta(days=1)
    writer.submit(issue(op(1), 1, 100, at=START))
    writer.submit(redeem(op(2), 1, 30, at=START + 2 * day))
    writer.submit(issue(op(3), 1, 5, epoch=12, at=START + day))  # written later, occurred earlier
    with database.read() as conn:
        seen = [
            [(v.epoch, v.part, v.amount) for v in queries.balance_as_of(conn, base, START + at)]
            for at in (-timedelta(microseconds=1), 0 * day, day, 2 * day, 9 * day)
        ]
    spent = [(9, Part.AVAILABLE, 70), (12, Part.AVAILABLE, 5)]
    assert seen == [
        [], [(9, Part.AVAILABLE, 100)], [(9, Part.AVAILABLE, 100), (12, Part.AVAILABLE, 5)], spent, spent
    ]  # fmt: skip


def test_a_statement_pages_through_every_entry_once_newest_first(database: Database, writer: Writer) -> None:
    for number in range(1, 8):
        writer.submit(issue(op(number), 1, number))
    writer.submit(transfer(op(8), 1, 2, 3))
    writer.submit(issue(op(9), 2, 1000))
    pages, before = [], None
    with database.read() as conn:
        while page := queries.statement(conn, ledger_base_of(1), before, 3):
            pages.append([e.sequence for e in page])
            before = page[-1].sequence
        first = queries.statement(conn, ledger_base_of(1), None, 1)[0]
    assert pages == [[8, 7, 6], [5, 4, 3], [2, 1]]
    assert (first.kind, first.op_id, first.body) == ("gift", op(8), {"test": True})
    assert [(p.part, p.amount) for p in first.postings] == [(Part.AVAILABLE, -3)]


# INV-1: whatever happened, nothing came out of nowhere; INV-4 in SQL.
def test_totals_sum_to_zero_and_outstanding_is_issued_less_redeemed(
    database: Database, writer: Writer
) -> None:
    writer.submit(issue(op(1), 1, 100))
    writer.submit(issue(op(2), 2, 50, epoch=10))
    writer.submit(redeem(op(3), 1, 40))
    with database.read() as conn:
        totals = queries.totals(conn)
    assert sum(t.points for t in totals) == 0
    assert queries.outstanding(totals) == {(PROGRAMME, EPOCH): 60, (PROGRAMME, 10): 50}
    assert queries.issued(totals) == {(PROGRAMME, EPOCH): 100, (PROGRAMME, 10): 50}
