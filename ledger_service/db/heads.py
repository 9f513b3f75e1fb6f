"""The one row that orders commits: entries and intents take their gapless numbers under its lock.

It is locked last of all in a db transaction, so writers wait for each other only while they write
their numbered rows and commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, Integer, Table

from ledger_service.db.send import Outcome, Statement, send
from ledger_service.db.tables import at_least, metadata

ledger_head = Table(
    "ledger_head", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("intent_id", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    at_least("sequence"),
    at_least("intent_id"),
)  # fmt: skip


class Series(Protocol):
    """A kind of record that gets a gapless number at the flush and becomes rows only then."""

    @property
    def column(self) -> str:
        """The column of ``ledger_head`` that counts it."""

    def rows(self, number: int, record: Any, recorded_at: datetime) -> Iterable[tuple[Table, dict[str, Any]]]:
        """The rows to insert for a record that got ``number``."""


class Heads(NamedTuple):
    """The last numbers given."""

    sequence: int
    intent_id: int


def take_numbers(conn: Connection, entries: int, intents: int) -> Heads:
    """Lock the head row until the end of the db transaction and move it on.

    Args:
        conn: a db transaction that may write.
        entries: how many entry sequence numbers to take.
        intents: how many intent ids to take.

    Returns:
        The numbers *before* the first that was taken.

    Locks: the head row, which must be the last lock that the db transaction takes.
    """
    return heads_before(send(conn, [taking_numbers(conn, entries, intents)])[0], entries, intents)


def taking_numbers(conn: Connection, entries: int, intents: int) -> Statement:
    """The statement that locks the head row and moves it on; it makes the row in a database never used."""
    mark = "?" if conn.dialect.name == "sqlite" else "%s::BIGINT"
    return Statement(
        f"INSERT INTO ledger_head (id, sequence, intent_id) VALUES (1, {mark}, {mark})"
        " ON CONFLICT (id) DO UPDATE SET sequence = ledger_head.sequence + excluded.sequence,"
        " intent_id = ledger_head.intent_id + excluded.intent_id RETURNING sequence, intent_id",
        (entries, intents),
    )


def heads_before(outcome: Outcome, entries: int, intents: int) -> Heads:
    """The numbers before the first that ``taking_numbers`` took."""
    sequence, intent_id = outcome.rows[0]
    return Heads(sequence - entries, intent_id - intents)
