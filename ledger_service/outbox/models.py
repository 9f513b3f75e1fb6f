"""The table of intents; ids increase in the order of commits and have no gaps."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant


class State(StrEnum):
    """Where an intent stands."""

    QUEUED = "queued"
    PACKED = "packed"
    MINED = "mined"
    FINAL = "final"
    SET_ASIDE = "set_aside"


# The reason of an intent that was set aside because its payload is no operation.
PAYLOAD_UNREADABLE = "PayloadUnreadable()"

intent = Table(
    "intent", metadata,
    Column("intent_id", Int64, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, index=True),
    Column("programme_ids", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("leaf", Bytes(32), nullable=False),
    # The operation that this one proves with a batch root (restore, clawback): it must be on chain first.
    Column("original_op_id", Bytes(16)),
    Column("state", String(9), nullable=False, default=State.QUEUED.value),
    Column("reason", Text),
    Column("batch_number", BigInteger),
    Column("batch_index", Integer),
    Column("created_at", UtcInstant, nullable=False),
    # 1 for what goes to the chain behind everything else (a cut-over's balances); NULL for all other.
    Column("later", SmallInteger),
    fixed_length("op_id", 16), fixed_length("leaf", 32),
    one_of("state", tuple(State)),
    CheckConstraint(
        "state IN ('queued', 'set_aside') OR (batch_number IS NOT NULL AND batch_index IS NOT NULL)",
        name="placed",
    ),
    CheckConstraint("state <> 'set_aside' OR reason IS NOT NULL", name="reasoned"),
    # What is final, which is nearly all of an old outbox, stands in no index of states: SQLite takes the
    # states of a full one for few and even, and reads the whole outbox instead. Use ``standing`` for it.
    Index("ix_intent_open", "state", "later", "intent_id", sqlite_where=text("state <> 'final'"),
          postgresql_where=text("state <> 'final'")),
    Index("ix_intent_batch", "batch_number", "batch_index", sqlite_where=text("batch_number IS NOT NULL"),
          postgresql_where=text("batch_number IS NOT NULL")),
)  # fmt: skip


def standing(*states: State) -> ColumnElement[bool]:
    """Intents in any of these states, none of which is final, found by the index of what is open.

    The index counts only where the query says what the index says, written out: a bound value may be any.
    """
    column = intent.c.state
    among = column == states[0].value if len(states) == 1 else column.in_([s.value for s in states])
    return (column != literal_column("'final'")) & among
