"""Tables of the ledger; the database itself refuses rewritten history, negative parts, a second closing."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger_service.db.guards import append_only, archivable
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.ledger.rules import of_member

account = Table(
    "account", metadata,
    Column("account_id", Int64, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("member_id", BigInteger, index=True),
    Column("merchant_id", BigInteger),
    Column("programme_id", Integer),
    # Households and cross-border alliances: several members' accounts share a pool. Unused so far.
    Column("pool_id", BigInteger),
)  # fmt: skip

entry = archivable(Table(
    "entry", metadata,
    Column("sequence", Int64, primary_key=True, autoincrement=False),
    Column("op_id", Bytes(16), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Bytes(32), nullable=False),
    fixed_length("op_id", 16), fixed_length("hash", 32), at_least("sequence", 1),
))  # fmt: skip

posting = archivable(Table(
    "posting", metadata,
    Column("sequence", BigInteger, ForeignKey("entry.sequence"), primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("source_id", BigInteger, nullable=False),
    Column("destination_id", BigInteger, nullable=False),
    Column("programme_id", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    at_least("amount", 1), at_least("epoch", 0),
    CheckConstraint("source_id <> destination_id", name="two_accounts"),
    *(
        # The other side of nearly every posting is the alliance's own account: nobody walks through those.
        Index(None, side, "sequence", sqlite_where=text(of_member(side)),
              postgresql_where=text(of_member(side)))
        for side in ("source_id", "destination_id")
    ),
    sqlite_with_rowid=False,
))  # fmt: skip

lot = Table(
    "lot", metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("available", BigInteger, nullable=False, default=0),
    Column("held", BigInteger, nullable=False, default=0),
    Column("pending", BigInteger, nullable=False, default=0),
    at_least("available"), at_least("held"), at_least("pending"),
    # Ends with the member, so that a planner without statistics that picks it for a key still finds one row.
    Index(None, "programme_id", "epoch", "member_id"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 80},
)  # fmt: skip

hold = Table(
    "hold", metadata,
    Column("hold_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, nullable=False, index=True),
    Column("ledger_base", BigInteger, nullable=False),
    Column("merchant_id", BigInteger, nullable=False),
    Column("store_gln", BigInteger, nullable=False),
    Column("terminal_id", String(64)),
    Column("state", String(8), nullable=False, default="open"),
    Column("accepted_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("latest_at", UtcInstant, nullable=False),
    Column("legs", Text, nullable=False),
    Column("legs_left", Text, nullable=False),
    Column("points_held", BigInteger, nullable=False),
    Column("points_captured", BigInteger, nullable=False, default=0),
    Column("points_released", BigInteger, nullable=False, default=0),
    Column("events", Integer, nullable=False, default=0),
    Column("permit_digest", Bytes(32), nullable=False),
    Column("max_value_micros", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    one_of("state", ("open", "closed")), fixed_length("hold_id", 16), fixed_length("permit_digest", 32),
    at_least("points_held", 1), at_least("points_captured"), at_least("points_released"),
    CheckConstraint("points_captured + points_released <= points_held", name="within_held"),
    CheckConstraint(
        "state = 'open' OR points_captured + points_released = points_held", name="closed_is_empty"
    ),
    CheckConstraint("accepted_at <= expires_at AND expires_at <= latest_at", name="deadlines"),
    Index("ix_hold_open_expires_at", "expires_at", sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
)  # fmt: skip

hold_event = append_only(Table(
    "hold_event", metadata,
    Column("hold_id", Bytes(16), ForeignKey("hold.hold_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    # 1 on the row that closes the hold, NULL on all others: UNIQUE makes the closing happen once (INV-3).
    Column("closing", SmallInteger),
    Column("op_id", Bytes(16), nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("captured", Text, nullable=False),
    UniqueConstraint("hold_id", "closing"),
    one_of("kind", ("capture", "extend", "void", "expire")),
    CheckConstraint("closing = 1", name="closing_is_one"),
    fixed_length("op_id", 16),
))  # fmt: skip

# A run of `alliance archive`: the file that it writes, how much of it counts, and, once sealed, the root over
# its chapters.
archive = Table(
    "archive", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False, unique=True),
    Column("before", UtcInstant, nullable=False),
    Column("byte_count", BigInteger, nullable=False, default=0),
    Column("root", Bytes(32)),
    Column("begun_at", UtcInstant, nullable=False),
    Column("sealed_at", UtcInstant),
    at_least("number", 1), at_least("byte_count"), fixed_length("root", 32),
    CheckConstraint("(root IS NULL) = (sealed_at IS NULL)", name="sealed_with_root"),
)  # fmt: skip

# What was moved into a file in one db transaction: records that stand compressed at these bytes of it. Of
# entries, from and up to which sequence number, and the latest instants among them.
archive_chapter = append_only(Table(
    "archive_chapter", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("archive", Integer, ForeignKey("archive.number"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("records", Integer, nullable=False),
    Column("first_sequence", BigInteger, nullable=False, default=0),
    Column("last_sequence", BigInteger, nullable=False, default=0),
    Column("occurred_until", UtcInstant, nullable=False),
    Column("recorded_until", UtcInstant, nullable=False),
    Column("at_byte", BigInteger, nullable=False),
    Column("byte_count", Integer, nullable=False),
    Column("sha256", Bytes(32), nullable=False),
    one_of("kind", ("entries", "answers", "sales")), fixed_length("sha256", 32),
    at_least("number", 1), at_least("records", 1), at_least("at_byte"), at_least("byte_count", 1),
    Index("ix_archive_chapter_kind", "kind", "last_sequence"),
))  # fmt: skip

# The postings of archived entries, added up: who gave whom how much of which epoch. ``imported`` tells those
# of an import's own entries, which are counted apart. Every sum over all postings takes these along.
carried = Table(
    "carried", metadata,
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("destination_id", BigInteger, primary_key=True, autoincrement=False),
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("imported", SmallInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    at_least("amount", 1), at_least("epoch", 0),
    CheckConstraint("imported IN (0, 1)", name="imported_or_not"),
    CheckConstraint("source_id <> destination_id", name="two_accounts"),
    Index(None, "destination_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
