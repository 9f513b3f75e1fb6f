"""The tables of the chain room: what was sent (batches, transactions, journal) and what the chain did
(mirror).

Everything that the mirror tables hold can be thrown away and read again from block zero (INV-8).
What was sent cannot, and is never deleted.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant

BATCH_STATES = ("signed", "mined", "final", "reverted", "dead")
TX_STATES = ("queued", "signed", "broadcast", "mined", "final", "reverted", "replaced", "dropped")

# -- who works -------------------------------------------------------------------------------------

chain_leader = Table(
    "chain_leader",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

chain_alarm = Table(
    "chain_alarm",
    metadata,
    Column("code", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("detail", Text, nullable=False),
    Column("raised_at", UtcInstant, nullable=False),
)

# -- what was sent ---------------------------------------------------------------------------------

chain_signer = Table(
    "chain_signer",
    metadata,
    Column("address", Bytes(20), primary_key=True),
    Column("next_nonce", BigInteger, nullable=False),
    # 1 for a key that the alliance was founded with, which the local chain's block zero funds; else NULL.
    Column("founding", SmallInteger),
    at_least("next_nonce"),
)

chain_batch = Table(
    "chain_batch",
    metadata,
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("root", Bytes(32), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    one_of("state", BATCH_STATES),
    at_least("count", 1),
    Index(
        "ix_chain_batch_unsettled",
        "state",
        sqlite_where=text("state IN ('signed', 'mined', 'reverted')"),
        postgresql_where=text("state IN ('signed', 'mined', 'reverted')"),
    ),
)

# One operation lives in one batch; a dead batch keeps its items as history (D8, INV-7).
chain_batch_item = Table(
    "chain_batch_item",
    metadata,
    Column("batch", Int64, ForeignKey("chain_batch.number"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False),
    Column("leaf", Bytes(32), nullable=False),
    Column("live", Boolean, nullable=False),
    Index(
        "uq_chain_batch_item_live_op_id",
        "op_id",
        unique=True,
        sqlite_where=text("live = 1"),
        postgresql_where=text("live"),
    ),
)

chain_journal = Table(
    "chain_journal",
    metadata,
    Column("position", Int64, primary_key=True, autoincrement=True),
    Column("tx_hash", Bytes(32), nullable=False, unique=True),
    Column("raw_tx", Bytes(), nullable=False),
    Column("block_timestamp", BigInteger),
    Column("block_number", BigInteger),
    Column("block_hash", Bytes(32)),
    Column("block_position", Integer),
    Index("ix_chain_journal_block_number", "block_number"),
)

chain_tx = Table(
    "chain_tx",
    metadata,
    Column("tx_hash", Bytes(32), ForeignKey("chain_journal.tx_hash"), primary_key=True),
    Column("signer", Bytes(20), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    # The journal position of the nonce's first attempt: the order of sending over all signers.
    Column("slot", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("batch_number", Int64, ForeignKey("chain_batch.number")),
    Column("step", Text),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", BigInteger, nullable=False),
    Column("priority_fee", BigInteger, nullable=False),
    Column("timestamp", BigInteger),
    Column("block_number", BigInteger),
    Column("gas_used", BigInteger),
    Column("failure", Text),
    Column("signed_at", UtcInstant, nullable=False),
    Column("sent_at", UtcInstant),
    one_of("state", TX_STATES),
    fixed_length("signer", 20),
    Index("uq_chain_tx_signer_nonce_attempt", "signer", "nonce", "attempt", unique=True),
    Index(
        "uq_chain_tx_live_signer_nonce",
        "signer",
        "nonce",
        unique=True,
        sqlite_where=text("state NOT IN ('replaced', 'dropped')"),
        postgresql_where=text("state NOT IN ('replaced', 'dropped')"),
    ),
    Index("ix_chain_tx_batch_number", "batch_number"),
    Index("ix_chain_tx_step", "step"),
    Index(
        "ix_chain_tx_open",
        "state",
        sqlite_where=text("state IN ('signed', 'broadcast', 'mined')"),
        postgresql_where=text("state IN ('signed', 'broadcast', 'mined')"),
    ),
)

chain_step = Table(
    "chain_step",
    metadata,
    Column("key", Text, primary_key=True),
    Column("signer", Bytes(20), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("address", Bytes(20)),
)

# -- the mirror ------------------------------------------------------------------------------------

chain_cursor = Table(
    "chain_cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Bytes(32), nullable=False),
    Column("parent_hash", Bytes(32), nullable=False),
    Column("final_number", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

chain_block = Table(
    "chain_block",
    metadata,
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("hash", Bytes(32), nullable=False),
    Column("parent_hash", Bytes(32), nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("base_fee", BigInteger, nullable=False),
)

chain_applied = Table(
    "chain_applied",
    metadata,
    Column("number", Int64, primary_key=True, autoincrement=False),
    Column("period", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("root", Bytes(32), nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Index("ix_chain_applied_block_number", "block_number"),
)

chain_operation = Table(
    "chain_operation",
    metadata,
    Column("batch", Int64, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("account", Bytes(20), nullable=False),
    Column("leaf", Bytes(32), nullable=False),
    Column("data", Bytes(), nullable=False),
    Index("ix_chain_operation_leaf", "leaf"),
    Index("ix_chain_operation_account", "account"),
)

# How much of each leg of a redemption was restored; obligations are a function of the cumulative amount.
chain_restored = Table(
    "chain_restored",
    metadata,
    Column("original_leaf", Bytes(32), primary_key=True),
    Column("leg_index", Integer, primary_key=True, autoincrement=False),
    Column("most", BigInteger, nullable=False),
    Column("restored", BigInteger, nullable=False),
)

chain_balance = Table(
    "chain_balance",
    metadata,
    Column("account", Bytes(20), primary_key=True),
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
)

chain_counter = Table(
    "chain_counter",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("issued", "redeemed", "restored", "clawed_back", "expired")
    ),
)

chain_net = Table(
    "chain_net",
    metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("merchant", BigInteger, primary_key=True, autoincrement=False),
    Column("net_micros", BigInteger, nullable=False),
)

chain_programme = Table(
    "chain_programme",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("issuer", BigInteger, nullable=False),
    Column("token", Bytes(20), nullable=False),
    Column("block_number", BigInteger, nullable=False),
)

chain_terms = Table(
    "chain_terms",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("point_value_micros", BigInteger, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("issuance_cap", BigInteger, nullable=False),
    Column("validity_epochs", Integer, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    # Of a pair's terms, whose value 0 ends them; 0 of general terms.
    Column("acceptor", BigInteger, nullable=False, default=0),
)

chain_merchant_keys = Table(
    "chain_merchant_keys",
    metadata,
    Column("merchant", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("admin", Bytes(20), nullable=False),
    Column("operations", Bytes(20), nullable=False),
    Column("settlement", Bytes(20), nullable=False),
)

# The ClearingHouses in the order in which the registry put them in force; ``number`` counts from 1.
chain_house = Table(
    "chain_house",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("address", Bytes(20), nullable=False, unique=True),
    Column("block_number", BigInteger, nullable=False),
    fixed_length("address", 20),
)

chain_period = Table(
    "chain_period",
    metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)
