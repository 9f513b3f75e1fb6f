"""The table of intents for contracts beside the ClearingHouse, in no order but that of their instants."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    SmallInteger,
    Table,
    Text,
    literal_column,
    text,
)

from ledger_service.db.tables import fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

BESIDE_STATES = ("queued", "packed", "mined", "final", "set_aside")

beside_intent = Table(
    "beside_intent",
    metadata,
    Column("op_id", Bytes(16), primary_key=True),
    # The name of the contract: ``coupons``, say.
    Column("target", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("leaf", Bytes(32), nullable=False),
    # The operation that this one proves with a batch root: it must be applied first.
    Column("original_op_id", Bytes(16)),
    Column("state", Text, nullable=False, default="queued"),
    # Why the contract refused it, or (set aside) why it is never shown to the contract.
    Column("reason", Text),
    Column("created_at", UtcInstant, nullable=False),
    fixed_length("op_id", 16),
    fixed_length("leaf", 32),
    one_of("state", BESIDE_STATES),
    CheckConstraint("state <> 'set_aside' OR reason IS NOT NULL", name="reasoned"),
    CheckConstraint("state NOT IN ('queued', 'packed') OR reason IS NULL", name="not_judged_yet"),
    Index(
        "ix_beside_intent_queued",
        "target",
        "created_at",
        "op_id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_beside_intent_refused",
        "target",
        "created_at",
        "op_id",
        sqlite_where=text("reason IS NOT NULL"),
        postgresql_where=text("reason IS NOT NULL"),
    ),
)

# Written out: the index of what is queued counts only where the query says what the index says.
QUEUED = beside_intent.c.state == literal_column("'queued'")
