"""Tables of the log: words of other rooms, the tree's nodes in tiles, and its checkpoints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, SmallInteger, String, Table, Text, UniqueConstraint

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

# What other rooms put into the log: seq is the leaf's number, which no event has; ref numbers a kind's words.
log_word = append_only(Table(
    "log_word", metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("ref", BigInteger, nullable=False),
    Column("body", Bytes, nullable=False),
    UniqueConstraint("kind", "ref", name="uq_log_word_kind"),
    one_of("kind", ("share",)), at_least("seq", 0), at_least("ref", 1),
    sqlite_with_rowid=False,
))  # fmt: skip

# hashes: up to 256 neighbours of the tree's level 8 * level, from the one at 256 * place on; of level 0 the
# leaves. Only roots of whole subtrees stand here, so that no hash that is there ever changes.
log_tile = Table(
    "log_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", Bytes, nullable=False),
    sqlite_with_rowid=False,
)

# proof: that the checkpoint before is the beginning of this one (hashes of 32 bytes; none of the first).
# state: relayed where the contract has it, refused with its reason where it would not take it.
log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", Bytes(32), nullable=False),
    Column("made_at", UtcInstant, nullable=False),
    Column("proof", Bytes, nullable=False),
    Column("state", String(8), nullable=False, default="made"),
    Column("reason", Text),
    fixed_length("root", 32),
    at_least("size", 1),
    one_of("state", ("made", "relayed", "refused")),
    sqlite_with_rowid=False,
)
