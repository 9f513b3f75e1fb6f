"""The outbox on a real database: intents come with their command or not at all, numbered without a gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Clawback, Issue, IssueReason, SignerChange
from ledger_service.kernel.points import Leg
from ledger_service.outbox import queries
from ledger_service.outbox.models import intent
from ledger_service.outbox.service import NewIntent, enqueue, enqueue_now

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = bytes(range(20))


class Clock:
    def now(self) -> datetime:
        return NOW


def issue(number: int) -> Issue:
    return Issue(
        derive_id(number), 4006381333931, ACCOUNT, 1_772_000_000, IssueReason.EARN, Leg(3, 1, 5, 100 + number)
    )


@dataclass
class Send(BookCommand[None]):
    operation: Issue
    then: Exception | None = None
    seen: list[int] = field(default_factory=list)

    def apply(self, draft: Draft) -> None:
        enqueue(draft, self.operation, 7)
        if self.then is not None:
            raise self.then


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, Clock())
    yield writer
    writer.close()


def test_intents_of_commands_and_of_jobs_share_one_gapless_numbering(
    database: Database, writer: Writer
) -> None:
    writer.submit(Send(issue(1)))
    with pytest.raises(MalformedField):
        writer.submit(Send(issue(2), MalformedField("a", "b")))
    writer.run(lambda conn: enqueue_now(conn, [NewIntent(issue(3), None), NewIntent(issue(4), 8)], NOW))
    writer.submit(Send(issue(5)))
    with database.read() as conn:
        rows = conn.execute(select(intent).order_by(intent.c.intent_id)).all()
    assert [r.intent_id for r in rows] == [1, 2, 3, 4]
    assert [operation_of(r.payload) for r in rows] == [issue(1), issue(3), issue(4), issue(5)]
    assert [r.leaf for r in rows] == [issue(n).leaf() for n in (1, 3, 4, 5)]
    assert {(r.state, r.batch_number, r.programme_ids, r.created_at) for r in rows} == {
        ("queued", None, "3", NOW)
    }
    assert [r.member_id for r in rows] == [7, None, 8, 7]


def test_one_operation_enters_the_outbox_once(database: Database, writer: Writer) -> None:
    writer.submit(Send(issue(1)))
    with pytest.raises(IntegrityError):
        writer.submit(Send(issue(1)))
    with database.read() as conn:
        assert queries.counts(conn)["queued"] == 1


def test_what_an_operation_proves_and_concerns_stands_beside_it(database: Database, writer: Writer) -> None:
    claw = Clawback(
        derive_id("c"), 1, ACCOUNT, 5, derive_id(1), issue(1).leaf(), (Leg(4, 1, 1, 2), Leg(3, 1, 1, 2))
    )
    signer = SignerChange(derive_id("s"), ACCOUNT, ACCOUNT, 1, 5, 0, b"")
    writer.run(lambda conn: enqueue_now(conn, [NewIntent(claw, 1), NewIntent(signer, 1)], NOW))
    with database.read() as conn:
        rows = conn.execute(
            select(intent.c.original_op_id, intent.c.programme_ids, intent.c.merchant_id)
        ).all()
    assert [tuple(r) for r in rows] == [(derive_id(1), "3,4", 1), (None, "", 0)]


def test_lag_and_standing_follow_the_states(database: Database, writer: Writer) -> None:
    for number in range(1, 6):
        writer.submit(Send(issue(number)))
    with database.begin() as conn:
        for number, state in ((1, "final"), (2, "mined"), (3, "packed")):
            change = "UPDATE intent SET state = :s, batch_number = 9, batch_index = :i WHERE intent_id = :i"
            conn.execute(text(change), {"s": state, "i": number})
        conn.execute(text("UPDATE intent SET state = 'set_aside', reason = 'OverCap' WHERE intent_id = 4"))
    with database.read() as conn:
        assert queries.lag(conn) == queries.Lag(1, 1, 1, NOW)
        assert queries.counts(conn) == {"queued": 1, "packed": 1, "mined": 1, "final": 1, "set_aside": 1}
        standing = queries.standings(conn, [issue(2).op_id, issue(99).op_id])
        assert standing == {issue(2).op_id: queries.Standing(issue(2).op_id, 1, "mined", None, 9, 2)}
        assert [s.reason for s in queries.set_aside(conn)] == ["OverCap"]


@pytest.mark.parametrize(
    "change", ["state = 'packed'", "state = 'set_aside'", "state = 'lost'", "leaf = op_id"]
)
def test_the_database_itself_refuses_a_state_without_its_facts(
    database: Database, writer: Writer, change: str
) -> None:
    writer.submit(Send(issue(1)))
    with pytest.raises(DBAPIError, match="ck_intent"), database.begin() as conn:
        conn.exec_driver_sql(f"UPDATE intent SET {change}")


def test_a_forged_a_swapped_and_a_missing_intent_are_named(database: Database, writer: Writer) -> None:
    for number in range(1, 6):
        writer.submit(Send(issue(number)))
    with database.read() as conn:
        assert list(queries.forgeries(conn)) == []
        payload = conn.execute(text("SELECT payload FROM intent WHERE intent_id = 2")).scalar_one()
    richer = payload.replace(f"{issue(2).leg.word():x}", f"{Leg(3, 1, 5, 10**6).word():x}")
    assert richer != payload
    with database.begin() as conn:
        conn.execute(text("UPDATE intent SET payload = :p WHERE intent_id = 2"), {"p": richer})
        conn.execute(text("UPDATE intent SET payload = 'x' WHERE intent_id = 3"))
        conn.execute(text("DELETE FROM intent WHERE intent_id = 4"))
        conn.execute(text("UPDATE intent SET payload = :p WHERE intent_id = 5"), {"p": payload})
    with database.snapshot() as conn:
        named = [(f.intent_id, f.what) for f in queries.forgeries(conn)]
    assert named == [
        (2, "leaf is not that of the payload"), (3, "payload is not an operation"), (4, "no intent up to 4"),
        (5, "payload is another operation"),
    ]  # fmt: skip
