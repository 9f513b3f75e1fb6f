"""Fraud rules as data: sets and their versions, staff, tallies, decisions, challenges, reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0021_risk"
down_revision = "0020_inactivity"


def upgrade() -> None:
    _rules()
    _counting()
    _challenges()
    _reviews()
    for statement in guard_statements("risk_review_event", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _rules() -> None:
    op.create_table(
        "risk_rule_set",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_risk_rule_set_version_at_least_1")),
        sa.CheckConstraint(
            "state IN ('asked', 'published', 'declined')", name=op.f("ck_risk_rule_set_state_known")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_risk_rule_set_two_people")
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL)", name=op.f("ck_risk_rule_set_decided_by_somebody")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "version", name=op.f("pk_risk_rule_set")),
    )
    op.create_table(
        "risk_change",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_risk_change_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_change")),
    )
    op.create_table(
        "risk_staff",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cashier", sa.String(32), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        _known_member("risk_staff"),
        sa.PrimaryKeyConstraint("merchant_id", "cashier", name=op.f("pk_risk_staff")),
        sqlite_with_rowid=False,
    )


def _counting() -> None:
    op.create_table(
        "risk_tally",
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("worker", sa.String(32), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "worker", name=op.f("pk_risk_tally")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_risk_tally_last_at", "risk_tally", ["last_at"])
    op.create_table(
        "risk_decision",
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("hits", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('allow', 'step_up', 'hold', 'refuse')", name=op.f("ck_risk_decision_outcome_known")
        ),
        _sixteen("risk_decision", "decision_id"),
        _known_member("risk_decision"),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_risk_decision")),
    )
    op.create_index("ix_risk_decision_decided_at", "risk_decision", ["decided_at"])
    op.create_index("ix_risk_decision_merchant_id", "risk_decision", ["merchant_id", "decided_at"])
    op.create_index("ix_risk_decision_member_id", "risk_decision", ["member_id", "decided_at"])


def _challenges() -> None:
    op.create_table(
        "risk_challenge",
        sa.Column("challenge_id", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(5), nullable=False),
        sa.CheckConstraint("state IN ('open', 'met', 'used')", name=op.f("ck_risk_challenge_state_known")),
        _sixteen("risk_challenge", "challenge_id"),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_risk_challenge_amount_minor_at_least_0")),
        _known_member("risk_challenge"),
        sa.PrimaryKeyConstraint("challenge_id", name=op.f("pk_risk_challenge")),
    )
    op.create_index("ix_risk_challenge_member_id", "risk_challenge", ["member_id", "expires_at"])


def _reviews() -> None:
    op.create_table(
        "risk_review",
        sa.Column("review_id", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'asked', 'reversing', 'appealed', 'released', 'reversed')",
            name=op.f("ck_risk_review_state_known"),
        ),
        _sixteen("risk_review", "review_id"),
        _known_member("risk_review"),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_risk_review")),
    )
    op.create_index("ix_risk_review_state", "risk_review", ["state", "until"])
    op.create_index("ix_risk_review_member_id", "risk_review", ["member_id"])
    kinds = "'opened', 'release', 'reverse', 'approve', 'decline', 'appeal', 'uphold', 'expire'"
    op.create_table(
        "risk_review_event",
        sa.Column("review_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f("ck_risk_review_event_kind_known")),
        sa.ForeignKeyConstraint(
            ["review_id"], ["risk_review.review_id"], name=op.f("fk_risk_review_event_review_id")
        ),
        sa.PrimaryKeyConstraint("review_id", "position", name=op.f("pk_risk_review_event")),
    )


def _known_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f(f"fk_{table}_member_id"))


def _sixteen(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) = 16", name=op.f(f"ck_{table}_{column}_length"))
