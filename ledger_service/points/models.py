"""Tables of the points room; times that the chain knows are whole seconds, like there."""

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
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, Int64, UtcInstant
from ledger_service.members.models import member as _member
from ledger_service.merchants.models import merchant as _merchant


def _of_programme(*, primary_key: bool = False) -> Column[int]:
    key = ForeignKey("programme.programme_id")
    return Column("programme_id", Integer, key, primary_key=primary_key, nullable=False, autoincrement=False)


programme = Table(
    "programme",
    metadata,
    Column("programme_id", Integer, primary_key=True, autoincrement=False),
    Column("code", String(12), nullable=False, unique=True),
    Column("merchant_id", BigInteger, ForeignKey(_merchant.c.merchant_id), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("token", Bytes(20)),
    Column("currency", String(3), nullable=False),
    Column("timezone", Text, nullable=False),
    Column("cycle", String(8), nullable=False),
    Column("pending_days", Integer, nullable=False, default=0),
    # Days before an epoch's end at which members get a notice, as a JSON list; NULL for none.
    Column("notice_days", Text),
    Column("created_at", UtcInstant, nullable=False),
    Column("jurisdiction", String(8), nullable=False, default="none"),
    # The activities that keep points alive, as a JSON list; NULL where time alone ends them.
    Column("inactivity", Text),
    one_of("cycle", ("week", "month", "quarter", "year", "never")),
    one_of("jurisdiction", ("none", "CA-ON", "CA-QC")),
    CheckConstraint("pending_days BETWEEN 0 AND 3650", name="pending_days_sane"),
    CheckConstraint("programme_id BETWEEN 1 AND 2147483647", name="programme_id_sane"),
)

programme_terms = Table(
    "programme_terms",
    metadata,
    _of_programme(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("point_value_micros", BigInteger, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("issuance_cap", BigInteger, nullable=False),
    Column("validity_epochs", Integer, nullable=False),
    at_least("point_value_micros", 1),
    at_least("issuance_cap"),
    at_least("validity_epochs"),
    CheckConstraint("version BETWEEN 1 AND 65535", name="version_is_uint16"),
    CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee_is_a_share"),
)

programme_epoch = Table(
    "programme_epoch",
    metadata,
    _of_programme(primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("ends_at", BigInteger, nullable=False),
    at_least("epoch", 1),
)

earn_rule = Table(
    "earn_rule",
    metadata,
    _of_programme(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    at_least("version", 1),
)

# One row that every change of a programme raises; the catalogues of all processes poll it.
points_change = Table(
    "points_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    # Whether anything was ever adopted from the chain: then ids may stand whose requests nobody knows here.
    Column("adopted", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("id = 1", name="only_one"),
)

# D11: what all workers together have drawn of a programme's cap, and what each still may issue of its blocks.
issuance_budget = Table(
    "issuance_budget",
    metadata,
    _of_programme(primary_key=True),
    Column("drawn_total", BigInteger, nullable=False, default=0),
    at_least("drawn_total"),
)

issuance_reservation = Table(
    "issuance_reservation",
    metadata,
    _of_programme(primary_key=True),
    Column("worker", String(32), primary_key=True),
    Column("remaining", BigInteger, nullable=False),
    Column("cap", BigInteger, nullable=False),
    at_least("remaining"),
)

# Earned, but not yet the member's to spend: becomes an issue on chain only when it vests. The issue carries
# the row's op_id; leaf is the issue's leaf once vested. What lapses ends at vests_at instead of vesting,
# unless the event that it awaits comes before; left is then what the member lost. An issue that was adopted
# from the chain has a row under NO_RULE, vested and with nothing left, so that nobody promises it again.
NO_RULE = -1
pending_issue = Table(
    "pending_issue",
    metadata,
    Column("op_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False, index=True),
    _of_programme(),
    Column("epoch", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("left", BigInteger, nullable=False),
    Column("vests_at", UtcInstant, nullable=False),
    Column("sale_id", Bytes(16), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("state", String(8), nullable=False, default="waiting"),
    Column("leaf", Bytes(32)),
    Column("awaits", String(32)),
    Column("lapses", Boolean, nullable=False, default=False),
    # What they are issued for (``IssueReason``): earned, or a reward for sharing that the chain has promised.
    Column("reason", SmallInteger, nullable=False, default=0, server_default="0"),
    # 1 once the entry of the promise stands in an archive, where no audit of the database finds it.
    Column("archived", SmallInteger),
    one_of("state", ("waiting", "vested", "reversed", "lapsed")),
    at_least("amount", 1),
    CheckConstraint('"left" BETWEEN 0 AND amount', name="left_of_amount"),
    CheckConstraint("state <> 'vested' OR leaf IS NOT NULL", name="vested_has_leaf"),
    Index("ix_pending_issue_waiting", "vests_at", sqlite_where=text("state = 'waiting'"),
          postgresql_where=text("state = 'waiting'")),
)

# What a member owes a programme (D10), and whether the chain has refused something (D7).
member_programme = Table(
    "member_programme",
    metadata,
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), primary_key=True, autoincrement=False),
    _of_programme(primary_key=True),
    Column("debt", BigInteger, nullable=False, default=0),
    Column("frozen", Boolean, nullable=False, default=False),
    Column("frozen_reason", Text),
    at_least("debt"),
    sqlite_with_rowid=False,
)

# What counts against a rule's daily cap; a row for each local day, since around midnight two workers may
# book the days in any order.
earned_on_day = Table(
    "earned_on_day",
    metadata,
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), primary_key=True, autoincrement=False),
    _of_programme(primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("points", BigInteger, nullable=False),
    at_least("points"),
    sqlite_with_rowid=False,
)

# D7: what the ledger moved and the contract refused, once for each operation that was set aside. The sum of a
# member's rows of a programme and epoch is what the ledger has more there, or less, than the chain; rows that
# a retry has settled do not count until the operation is refused again.
set_aside = Table(
    "set_aside",
    metadata,
    Column("op_id", Bytes(16), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False, index=True),
    _of_programme(),
    Column("epoch", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("settled_by", Bytes(16)),
    fixed_length("op_id", 16),
    CheckConstraint("points <> 0", name="points_not_zero"),
)

# What a member was told of points that will expire, each once; never changed. Who was told of an end that
# activity has put off is told of the later one, as many days before it as that is.
expiry_notice = Table(
    "expiry_notice",
    metadata,
    Column("notice_id", Int64, primary_key=True, autoincrement=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    _of_programme(),
    Column("epoch", Integer, nullable=False),
    Column("days_before", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("last_day", String(10), nullable=False),
    Column("noticed_at", UtcInstant, nullable=False),
    UniqueConstraint("member_id", "programme_id", "epoch", "days_before"),
    fixed_length("last_day", 10),
    at_least("points", 1),
)

# How far the job has come with one notice of one epoch: members are taken in the order of their ids.
expiry_notice_run = Table(
    "expiry_notice_run",
    metadata,
    _of_programme(primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("days_before", Integer, primary_key=True, autoincrement=False),
    Column("last_member_id", BigInteger, nullable=False, default=0),
    Column("done", Boolean, nullable=False, default=False),
    sqlite_with_rowid=False,
)

# How far the job has come with looking for activity before a notice of an epoch (0: after its end).
extension_run = Table(
    "extension_run",
    metadata,
    _of_programme(primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("days_before", Integer, primary_key=True, autoincrement=False),
    Column("last_member_id", BigInteger, nullable=False, default=0),
    Column("done", Boolean, nullable=False, default=False),
    sqlite_with_rowid=False,
)

_ANSWERS = text("claim_id IS NOT NULL AND state <> 'declined'")

# D18: adjustments only add or extend, and one person asks while another approves. asked_day is the UTC day of
# asking, in which limits count; claim_id the claim that an adjustment answers.
adjustment = Table(
    "adjustment",
    metadata,
    Column("adjustment_id", Bytes(16), primary_key=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False, index=True),
    _of_programme(),
    Column("points", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("funder_merchant_id", BigInteger, ForeignKey(_merchant.c.merchant_id), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcInstant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    Column("state", String(8), nullable=False, default="asked"),
    # Of an extension: the epoch that the points are in, and the later one that they go to.
    Column("epoch", Integer),
    Column("into_epoch", Integer),
    Column("asked_day", Integer),
    Column("claim_id", Bytes(16)),
    # The sale whose earn it is; a sale that has one joins no member any more.
    Column("sale_id", Bytes(16)),
    one_of("reason", ("goodwill", "correction", "extension", "claim")),
    one_of("state", ("asked", "approved", "declined")),
    fixed_length("adjustment_id", 16),
    at_least("points", 1),
    CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_people"),
    CheckConstraint("(state = 'asked') = (decided_by IS NULL)", name="decided_by_somebody"),
    Index("ix_adjustment_funder", "funder_merchant_id", "decided_at"),
    Index("ix_adjustment_asked_day", "asked_day"),
    Index("ix_adjustment_sale_id", "sale_id"),
    Index("uq_adjustment_claim", "claim_id", unique=True, sqlite_where=_ANSWERS, postgresql_where=_ANSWERS),
    Index("ix_adjustment_requested_at", "requested_at", "adjustment_id"),
)

# A permit is used once: the primary key says so (D4, R8), and the contract's nonce bitmap says it again.
# The nonce stands as 8 bytes, since it fills all 64 bits.
permit_use = Table(
    "permit_use",
    metadata,
    Column("account", Bytes(20), primary_key=True),
    Column("nonce", Bytes(8), primary_key=True),
    Column("used_by", Bytes(16), nullable=False),
    Column("used_at", UtcInstant, nullable=False),
    sqlite_with_rowid=False,
)

# What custodial keys of an account spent on a UTC day, as the contract counts it (D1).
custodial_use = Table(
    "custodial_use",
    metadata,
    Column("account", Bytes(20), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("spent_micros", BigInteger, nullable=False),
    at_least("spent_micros"),
    sqlite_with_rowid=False,
)
