"""The one row that orders commits: entries and intents take their gapless numbers under its lock.

It is locked last of all in a db transaction, so writers wait for each other only while they write
their numbered rows and commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, Integer, Table

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
    row = conn.exec_driver_sql(
        f"UPDATE ledger_head SET sequence = sequence + {int(entries)}, intent_id = intent_id + {int(intents)}"
        " WHERE id = 1 RETURNING sequence, intent_id"
    ).one_or_none()
    if row is None:  # a database that was never used
        conn.exec_driver_sql(
            "INSERT INTO ledger_head (id, sequence, intent_id) VALUES (1, 0, 0) ON CONFLICT DO NOTHING"
        )
        return take_numbers(conn, entries, intents)
    return Heads(row[0] - entries, row[1] - intents)


def last_sequence(conn: Connection) -> int:
    """The sequence number of the newest entry; 0 before the first."""
    return int(conn.exec_driver_sql("SELECT COALESCE(MAX(sequence), 0) FROM ledger_head").scalar_one())
