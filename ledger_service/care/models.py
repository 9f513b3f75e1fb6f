"""Tables of the care room: one row for each case, and what happened to it, row by row."""

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
    text,
)

from ledger_service.care.rules import CHANNELS, EVENTS, KINDS, MERGE, STATES, UNDER_WAY
from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant

_UNDER_WAY = text(f"state IN ({', '.join(repr(state) for state in UNDER_WAY)})")

# account moves to successor, which was made for it and has one signer; of a merge it is that of the member
# who stays and has signers of its own, and the signer here is nobody. number is the announcement's at the
# recovery desk, ripe_at the end of its notice; both are None until the desk has it.
care_case = Table(
    "care_case", metadata,
    Column("case_id", Bytes(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("member_id", BigInteger, ForeignKey("member.member_id"), nullable=False),
    Column("account", Bytes(20), nullable=False),
    Column("successor", Bytes(20), nullable=False),
    Column("salt", Bytes(32)),
    Column("signer", Bytes(20), nullable=False),
    Column("flags", Integer, nullable=False),
    Column("label", Text),
    Column("evidence", Bytes(32), nullable=False),
    Column("state", String(8), nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("approved_by", Text),
    Column("number", BigInteger),
    Column("ripe_at", UtcInstant),
    Column("stays_id", BigInteger, ForeignKey("member.member_id")),
    one_of("kind", (*KINDS, MERGE)), one_of("state", STATES),
    fixed_length("case_id", 16), fixed_length("account", 20), fixed_length("successor", 20),
    fixed_length("evidence", 32),
    Index("uq_care_case_under_way", "member_id", unique=True, sqlite_where=_UNDER_WAY,
          postgresql_where=_UNDER_WAY),
    Index("ix_care_case_member_id", "member_id", "case_id"),
    Index("ix_care_case_stays_id", "stays_id", "case_id"),
    CheckConstraint("(kind = 'merge') = (stays_id IS NOT NULL)", name="merge_names_who_stays"),
    Index("ix_care_case_state", "state"),
)  # fmt: skip

# A member to be told of a case over one of its ways: send_at is when it is tried next, ends_at the last
# moment at which it helps, sends how often it was tried. The address is looked up when it is sent.
care_notice = Table(
    "care_notice", metadata,
    Column("member_id", BigInteger, ForeignKey("member.member_id"), primary_key=True, autoincrement=False),
    Column("case_id", Bytes(16), ForeignKey("care_case.case_id"), primary_key=True),
    Column("channel", String(5), primary_key=True),
    Column("ends_at", UtcInstant, nullable=False),
    Column("send_at", UtcInstant),
    Column("sends", Integer, nullable=False),
    Column("taken_at", UtcInstant),
    one_of("channel", CHANNELS), at_least("sends"),
    Index("ix_care_notice_send_at", "send_at"),
)  # fmt: skip

care_event = append_only(Table(
    "care_event", metadata,
    Column("case_id", Bytes(16), ForeignKey("care_case.case_id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", String(9), nullable=False),
    Column("by_whom", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
    one_of("kind", EVENTS),
))  # fmt: skip
