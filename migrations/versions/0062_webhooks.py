"""Webhooks: endpoints, facts, deliveries, and the triggers that note what no cursor can follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0062_webhooks"
down_revision = "0061_consent"
_GUARDED = ("webhook_event",)


def upgrade() -> None:
    _webhook_cursor()
    _webhook_event()
    _webhook_fresh()
    _webhook_endpoint()
    _webhook_delivery()
    dialect = op.get_bind().dialect.name
    for table in _GUARDED:
        for statement in guard_statements(table, dialect):
            op.execute(statement)
    for statement in _further(dialect):
        op.execute(statement)


def _webhook_cursor() -> None:
    op.create_table(
        "webhook_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_webhook_cursor_only_one")),
        sa.CheckConstraint("period >= 0", name=op.f("ck_webhook_cursor_period_at_least_0")),
        sa.CheckConstraint("sequence >= 0", name=op.f("ck_webhook_cursor_sequence_at_least_0")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_cursor")),
    )


def _webhook_event() -> None:
    op.create_table(
        "webhook_event",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("event_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('sale.recorded', 'sale.refunded', 'points.changed',"
            " 'coupon.changed', 'reward.changed', 'claim.changed', 'settlement.closed', 'member.erased')",
            name=op.f("ck_webhook_event_kind_known"),
        ),
        sa.CheckConstraint("length(event_id) = 16", name=op.f("ck_webhook_event_event_id_length")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_webhook_event_number_at_least_1")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_webhook_event_event_id")),
    )
    op.create_index("ix_webhook_event_member_id", "webhook_event", ["member_id", "merchant_id"], unique=False)
    op.create_index("ix_webhook_event_merchant_id", "webhook_event", ["merchant_id", "number"], unique=False)


def _webhook_fresh() -> None:
    op.create_table(
        "webhook_fresh",
        sa.Column(
            "fresh_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "source IN ('coupon', 'reward', 'claim', 'member')", name=op.f("ck_webhook_fresh_source_known")
        ),
        sa.PrimaryKeyConstraint("fresh_id", name=op.f("pk_webhook_fresh")),
    )


def _webhook_endpoint() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("endpoint_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.BigInteger(), nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('active', 'paused', 'gone', 'ended')", name=op.f("ck_webhook_endpoint_state_known")
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhook_endpoint_failures_at_least_0")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_webhook_endpoint_generation_at_least_1")),
        sa.CheckConstraint("length(endpoint_id) = 16", name=op.f("ck_webhook_endpoint_endpoint_id_length")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_webhook_endpoint_merchant_id")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_index(
        op.f("ix_webhook_endpoint_merchant_id"), "webhook_endpoint", ["merchant_id"], unique=False
    )


def _webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("endpoint_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("first_tried_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (done_at IS NULL)", name=op.f("ck_webhook_delivery_done_when_not_pending")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'dead')", name=op.f("ck_webhook_delivery_state_known")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_delivery_attempts_at_least_0")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.endpoint_id"], name=op.f("fk_webhook_delivery_endpoint_id")
        ),
        sa.ForeignKeyConstraint(
            ["number"], ["webhook_event.number"], name=op.f("fk_webhook_delivery_number")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "number", name=op.f("pk_webhook_delivery")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_webhook_delivery_lane",
        "webhook_delivery",
        ["endpoint_id", "lane", "number"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_webhook_delivery_pending",
        "webhook_delivery",
        ["endpoint_id", "number"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )


_NOTES = {
    "coupon": ("coupon_event", "NEW.coupon_id", "NEW.position", "AFTER INSERT ON {} FOR EACH ROW"),
    "reward": ("share_reward_event", "NEW.reward_id", "NEW.position", "AFTER INSERT ON {} FOR EACH ROW"),
    "claim": ("claim_event", "NEW.claim_id", "NEW.position", "AFTER INSERT ON {} FOR EACH ROW"),
    "member": ("member", "NULL", "NEW.member_id",
               "AFTER UPDATE OF status ON {} FOR EACH ROW WHEN (NEW.status = 'erased')"),
}  # fmt: skip


def _further(dialect: str) -> list[str]:
    statements = []
    for name, (table, ref, number, when) in _NOTES.items():
        note = f"INSERT INTO webhook_fresh (source, ref, number) VALUES ('{name}', {ref}, {number})"
        trigger = f"CREATE TRIGGER webhook_note_{name} {when.format(table)}"
        if dialect == "sqlite":
            statements.append(f"{trigger} BEGIN {note}; END")
            continue
        function = f"webhook_note_{name}()"
        body = f"BEGIN {note}; RETURN NULL; END"
        statements.append(f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        statements.append(f"{trigger} EXECUTE FUNCTION {function}")
    return statements


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
