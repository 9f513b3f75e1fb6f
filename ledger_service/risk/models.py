"""Tables of the risk room; times that rules count in are whole seconds."""

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
)

from ledger_service.db.guards import append_only
from ledger_service.db.tables import at_least, fixed_length, metadata, one_of
from ledger_service.db.types import Bytes, UtcInstant
from ledger_service.members.models import member as _member
from ledger_service.risk.review_rules import EVENTS, STATES


def _of_member(*, nullable: bool = False) -> Column[int]:
    return Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=nullable)


# Versions are only added; merchant_id is 0 for the alliance's own. body is JSON of risk.documents.
risk_rule_set = Table(
    "risk_rule_set",
    metadata,
    Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UtcInstant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcInstant),
    at_least("version", 1),
    one_of("state", ("asked", "published", "declined")),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="two_people"),
    CheckConstraint("(state = 'asked') = (decided_by IS NULL)", name="decided_by_somebody"),
)

# One row that every change of rules or staff raises; the books of all processes poll it.
risk_change = Table(
    "risk_change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
)

# Which member a cashier is, where the merchant knows; erasure of the member ends it.
staff_link = Table(
    "staff_link",
    metadata,
    Column("merchant_id", BigInteger, ForeignKey("merchant.merchant_id"), primary_key=True),
    Column("cashier", String(32), primary_key=True),
    Column("member_id", BigInteger, ForeignKey(_member.c.member_id), nullable=False),
    Column("linked_by", Text, nullable=False),
    Column("linked_at", UtcInstant, nullable=False),
    Index("ix_staff_link_member_id", "member_id", "merchant_id"),
    sqlite_with_rowid=False,
)

# What one worker has counted of a subject; only that worker writes its rows, and all of them are the tally.
risk_tally = Table(
    "risk_tally",
    metadata,
    Column("subject", String(128), primary_key=True),
    Column("worker", String(32), primary_key=True),
    Column("last_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_risk_tally_last_at", "last_at"),
    sqlite_with_rowid=False,
)

# Every act that was judged: the facts, the versions of the sets, and what hit. What was allowed goes after
# some months (pruning), everything else stays.
risk_decision = Table(
    "risk_decision",
    metadata,
    Column("decision_id", Bytes(16), primary_key=True),
    Column("merchant_id", BigInteger, nullable=False),
    _of_member(),
    Column("outcome", String(8), nullable=False),
    Column("versions", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("hits", Text, nullable=False),
    Column("decided_at", UtcInstant, nullable=False),
    one_of("outcome", ("allow", "step_up", "hold", "refuse")),
    fixed_length("decision_id", 16),
    Index("ix_risk_decision_decided_at", "decided_at"),
    Index("ix_risk_decision_merchant_id", "merchant_id", "decided_at"),
    Index("ix_risk_decision_member_id", "member_id", "decided_at"),
)

# What a phone is asked to confirm: the pay code that answers has this nonce and at least this value.
risk_challenge = Table(
    "risk_challenge",
    metadata,
    Column("challenge_id", Bytes(16), primary_key=True),
    Column("decision_id", Bytes(16), nullable=False),
    _of_member(),
    Column("merchant_id", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("nonce", Bytes(8), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("state", String(5), nullable=False, default="open"),
    Column("declined_at", UtcInstant),
    one_of("state", ("open", "met", "used")),
    fixed_length("challenge_id", 16),
    at_least("amount_minor"),
    Index("ix_risk_challenge_member_id", "member_id", "expires_at"),
)

# What a member says against a refusal that booked nothing, and what a person answers before ``until``.
risk_appeal = Table(
    "risk_appeal",
    metadata,
    Column("decision_id", Bytes(16), ForeignKey("risk_decision.decision_id"), primary_key=True),
    _of_member(),
    Column("said", Text, nullable=False),
    Column("appealed_at", UtcInstant, nullable=False),
    Column("until", UtcInstant, nullable=False),
    Column("answer", String(6)),
    Column("words", Text),
    Column("by_whom", Text),
    Column("answered_at", UtcInstant),
    one_of("answer", ("stands", "lifted")),
    Index("ix_risk_appeal_answer", "answer", "until", "decision_id"),
    Index("ix_risk_appeal_member_id", "member_id"),
)

# Booked acts that somebody must look at. until is the deadline of the present state (review_rules).
risk_review = Table(
    "risk_review",
    metadata,
    Column("review_id", Bytes(16), primary_key=True),
    Column("decision_id", Bytes(16), nullable=False),
    _of_member(),
    Column("merchant_id", BigInteger, nullable=False),
    Column("sale_id", Bytes(16)),
    Column("reason", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("until", UtcInstant, nullable=False),
    Column("asked_by", Text),
    Column("opened_at", UtcInstant, nullable=False),
    one_of("state", STATES),
    fixed_length("review_id", 16),
    Index("ix_risk_review_state", "state", "until"),
    Index("ix_risk_review_member_id", "member_id"),
)

risk_review_event = append_only(
    Table(
        "risk_review_event",
        metadata,
        Column("review_id", Bytes(16), ForeignKey("risk_review.review_id"), primary_key=True),
        Column("position", SmallInteger, primary_key=True, autoincrement=False),
        Column("kind", String(8), nullable=False),
        Column("by_whom", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("at", UtcInstant, nullable=False),
        one_of("kind", EVENTS),
    )
)
