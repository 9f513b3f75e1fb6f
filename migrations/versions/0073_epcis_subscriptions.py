"""Named queries of EPCIS, subscriptions to them, and GS1 company prefixes that are allotted to merchants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0073_epcis_subscriptions"
down_revision = "0071_notices_of_cases"


def upgrade() -> None:
    _query()
    _subscription()
    _prefix()
    for statement in guard_statements("trace_prefix_act", op.get_bind().dialect.name):
        op.execute(statement)


def _query() -> None:
    op.create_table(
        "epcis_query",
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.BigInteger()),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_epcis_query_merchant_id")
        ),
        sa.PrimaryKeyConstraint("holder", "name", name=op.f("pk_epcis_query")),
    )


def _subscription() -> None:
    op.create_table(
        "epcis_subscription",
        sa.Column("subscription_id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("dest", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary()),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("report_if_empty", sa.Boolean(), nullable=False),
        sa.Column("initial_time", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(6), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger()),
        sa.Column("run_to", sa.BigInteger()),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
        sa.Column("notified_at", sa.BigInteger()),
        sa.CheckConstraint(
            "length(subscription_id) = 16", name=op.f("ck_epcis_subscription_subscription_id_length")
        ),
        sa.CheckConstraint(
            "token IS NULL OR length(token) > 28", name=op.f("ck_epcis_subscription_token_sealed")
        ),
        sa.CheckConstraint("state IN ('active', 'gone')", name=op.f("ck_epcis_subscription_state_known")),
        sa.CheckConstraint("most >= 1", name=op.f("ck_epcis_subscription_most_at_least_1")),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_epcis_subscription_failures_at_least_0")),
        sa.ForeignKeyConstraint(
            ["holder", "name"],
            ["epcis_query.holder", "epcis_query.name"],
            name="fk_epcis_subscription_query",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_epcis_subscription")),
        sa.UniqueConstraint("holder", "name", "dest", "schedule", name="uq_epcis_subscription_dest"),
    )
    op.create_index("ix_epcis_subscription_due_at", "epcis_subscription", ["state", "due_at"])


def _prefix() -> None:
    op.create_table(
        "trace_prefix",
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("allotted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_trace_prefix_merchant_id")
        ),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_trace_prefix")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_trace_prefix_merchant_id", "trace_prefix", ["merchant_id", "prefix"])
    op.create_table(
        "trace_prefix_act",
        sa.Column("act_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.String(9), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("act IN ('allotted', 'withdrawn')", name=op.f("ck_trace_prefix_act_act_known")),
        sa.PrimaryKeyConstraint("act_no", name=op.f("pk_trace_prefix_act")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
