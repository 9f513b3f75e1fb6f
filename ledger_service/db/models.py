"""Tables that belong to no business room: the alliance, the replay's clock, acts that wait for the chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, Table, Text

from ledger_service.db.tables import metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# One row, written once when the alliance is founded: which chain and contracts, which currency, which limits.
alliance = Table(
    "alliance",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("gs1_prefix", Text, nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("clearing_house", Bytes(20), nullable=False),
    Column("registry", Bytes(20), nullable=False),
    Column("manager", Bytes(20), nullable=False),
    Column("points_implementation", Bytes(20), nullable=False),
    # None where the contracts are older than accounts that move.
    Column("recovery_desk", Bytes(20)),
    # None where they are older than settlement on chain.
    Column("settlement_desk", Bytes(20)),
    # None where they are older than reserves.
    Column("reserve_desk", Bytes(20)),
    # None where they are older than coupons on chain: then coupons are the ledger's word alone.
    Column("coupons", Bytes(20)),
    # None where they are older than items on chain and the log of events.
    Column("item_registry", Bytes(20)),
    Column("transparency_log", Bytes(20)),
    # None while the ClearingHouse in force knows no campaigns: then a reward is an earn as any other.
    Column("campaign_desk", Bytes(20)),
    Column("per_permit_micros", BigInteger, nullable=False),
    Column("per_day_micros", BigInteger, nullable=False),
    # Whether the ClearingHouse in force takes extensions; false where it is older than they are.
    Column("extends", Boolean, nullable=False, default=False),
    # Whether the registry takes terms of pairs; one that was created before there were any never will.
    Column("pairs", Boolean, nullable=False, default=False),
    # Whether it takes conversions and ends of programmes; likewise.
    Column("converts", Boolean, nullable=False, default=False),
    Column("founded_at", UtcInstant, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

# Where the clock of a replay stands (D16); noted_at is real time.
service_clock = Table(
    "service_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("now", UtcInstant, nullable=False),
    Column("noted_at", UtcInstant, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

# What the operator asked of the chain over HTTP; the leading bridge does it and writes what came of it.
operator_act = Table(
    "operator_act",
    metadata,
    Column("act_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("result", Text),
    Column("asked_at", UtcInstant, nullable=False),
    one_of("state", ("waiting", "done", "refused")),
)

# What a programme's reserve allows to be issued, as the registry said in that block: before the second
# `since` `before` in all, then `most`, from `until` on nothing. Only the index writes it.
chain_issuance_limit = Table(
    "chain_issuance_limit",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("most", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)

# What stands behind a merchant's points, as the registry said in that block; instants in seconds, 0 for none.
chain_reserve = Table(
    "chain_reserve",
    metadata,
    Column("merchant", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("reserve_micros", BigInteger, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("stale_from", BigInteger, nullable=False),
    Column("required_bps", Integer, nullable=False),
    Column("default_from", BigInteger, nullable=False),
)

# Where a published period's settlement stood on chain at the last reading; body is the document.
chain_standing = Table(
    "chain_standing",
    metadata,
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
