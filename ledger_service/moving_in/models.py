"""Tables of imports; what they hold of a member is an internal id and nothing personal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

STATES = ("checked", "loading", "loaded", "cutting", "cut_over", "undoing", "rolled_back")
KINDS = ("members", "cards", "lots", "history", "sales")

# step is the last member that a cut-over or a roll-back has done.
moving_in = Table(
    "moving_in",
    metadata,
    Column("import_id", Bytes(16), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("step", BigInteger, nullable=False, default=0),
    Column("outcome", Text, nullable=False, default="{}"),
    Column("checked_at", UtcInstant, nullable=False),
    Column("changed_at", UtcInstant, nullable=False),
    one_of("state", STATES),
    fixed_length("import_id", 16),
    at_least("step"),
)

# rows_done counts the rows whose chunk is committed; checked and loaded are tallies in JSON.
moving_in_file = Table(
    "moving_in_file",
    metadata,
    Column("import_id", Bytes(16), ForeignKey("moving_in.import_id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("digest", Bytes(32), nullable=False),
    Column("rows_done", BigInteger, nullable=False, default=0),
    Column("checked", Text, nullable=False),
    Column("loaded", Text, nullable=False),
    one_of("kind", KINDS),
    fixed_length("digest", 32),
    at_least("rows_done"),
)

# Why a row was not taken. Not what it says: that stands in the operator's file, at this line.
moving_in_reject = Table(
    "moving_in_reject",
    metadata,
    Column("import_id", Bytes(16), ForeignKey("moving_in.import_id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("field", String(64), nullable=False),
    Column("code", String(48), nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

# No foreign keys from here on, as with lots: the load holds the members' locks, and a key costs each row.
moved_member = Table(
    "moved_member",
    metadata,
    Column("import_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# One accepted row of lots each. The key begins with the member, so that a file in the order of members fills
# the table from one end; row_key follows from source and row, so that a row counts once whatever the file.
moved_lot = Table(
    "moved_lot",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("row_key", Bytes(16), primary_key=True),
    Column("import_id", Bytes(16), nullable=False),
    Column("programme_id", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    at_least("points", 1),
    sqlite_with_rowid=False,
)

# What the old system booked, for reading only: no postings, since the balances it led to came as lots.
imported_history = Table(
    "imported_history",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("row_key", Bytes(16), primary_key=True),
    Column("import_id", Bytes(16), nullable=False),
    Column("programme_id", Integer, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Index("ix_imported_history_member_id", "member_id", "occurred_at"),
    sqlite_with_rowid=False,
)
