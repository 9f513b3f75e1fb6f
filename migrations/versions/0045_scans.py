"""Items after they were made: scans, claims and returns, links of the resolver, cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0045_scans"
down_revision = "0044_item_proofs"
_GUARDED = ("trace_scan", "trace_return", "trace_case_event", "trace_claim_terms", "trace_link_set")
_VERDICT = (
    "'malformed', 'unknown', 'mismatch', 'recalled', 'not-for-sale', 'repeat', 'risk', 'genuine-first', "
    "'genuine-again'"
)
_CLOSURE = "'confirmed', 'false-alarm', 'diverted', 'counterfeit', 'explained', 'duplicate'"


def upgrade() -> None:
    _claim_count()
    _scan()
    _scan_device()
    _scan_salt()
    _scan_sum()
    _scan_unknown()
    _case()
    _claim()
    _return()
    _case_event()
    _claim_terms()
    _link_set()
    for table in _GUARDED:
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def _claim_count() -> None:
    op.create_table(
        "trace_claim_count",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint("times >= 0", name=op.f("ck_trace_claim_count_times_at_least_0")),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_trace_claim_count")),
    )


def _scan() -> None:
    op.create_table(
        "trace_scan",
        sa.Column("scan_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("gtin", sa.String(length=14), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("latitude_tenths", sa.SmallInteger(), nullable=True),
        sa.Column("longitude_tenths", sa.SmallInteger(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.CheckConstraint(f"verdict IN ({_VERDICT})", name=op.f("ck_trace_scan_verdict_known")),
        sa.PrimaryKeyConstraint("scan_no", name=op.f("pk_trace_scan")),
    )
    op.create_index("ix_trace_scan_item_id", "trace_scan", ["item_id", "scan_no"], unique=False)


def _scan_device() -> None:
    op.create_table(
        "trace_scan_device",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(device) = 8", name=op.f("ck_trace_scan_device_device_length")),
        sa.PrimaryKeyConstraint("item_id", "device", name=op.f("pk_trace_scan_device")),
    )


def _scan_salt() -> None:
    op.create_table(
        "trace_scan_salt",
        sa.Column("period", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(salt) = 16", name=op.f("ck_trace_scan_salt_salt_length")),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_trace_scan_salt")),
    )


def _scan_sum() -> None:
    op.create_table(
        "trace_scan_sum",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("first_country", sa.String(length=2), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("latitude_tenths", sa.SmallInteger(), nullable=True),
        sa.Column("longitude_tenths", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("times >= 1", name=op.f("ck_trace_scan_sum_times_at_least_1")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_trace_scan_sum")),
    )


def _scan_unknown() -> None:
    op.create_table(
        "trace_scan_unknown",
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint("times >= 1", name=op.f("ck_trace_scan_unknown_times_at_least_1")),
        sa.PrimaryKeyConstraint("gtin", "hour", name=op.f("pk_trace_scan_unknown")),
    )


def _case() -> None:
    op.create_table(
        "trace_case",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=True),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("assigned_to", sa.Text(), nullable=True),
        sa.Column("closure", sa.String(length=12), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"closure IN ({_CLOSURE})", name=op.f("ck_trace_case_closure_known")),
        sa.CheckConstraint(
            "kind IN ('unknown-burst', 'repeat', 'impossible-travel', 'diversion')",
            name=op.f("ck_trace_case_kind_known"),
        ),
        sa.CheckConstraint("state IN ('open', 'assigned', 'closed')", name=op.f("ck_trace_case_state_known")),
        sa.CheckConstraint("length(case_id) = 16", name=op.f("ck_trace_case_case_id_length")),
        sa.CheckConstraint("seen >= 1", name=op.f("ck_trace_case_seen_at_least_1")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_trace_case_merchant_id")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_trace_case")),
    )
    op.create_index("ix_trace_case_merchant_id", "trace_case", ["merchant_id", "case_id"], unique=False)
    op.create_index(
        "uq_trace_case_open",
        "trace_case",
        ["kind", "subject"],
        unique=True,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )


def _claim() -> None:
    op.create_table(
        "trace_claim",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("net", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("voided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("channel IN ('app', 'web', 'store')", name=op.f("ck_trace_claim_channel_known")),
        sa.CheckConstraint("net >= 0", name=op.f("ck_trace_claim_net_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_trace_claim_member_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_trace_claim")),
        sa.UniqueConstraint("op_id", name="uq_trace_claim_op_id"),
    )
    op.create_index("ix_trace_claim_batch_no", "trace_claim", ["batch_no", "item_id"], unique=False)
    op.create_index("ix_trace_claim_member_id", "trace_claim", ["member_id", "item_id"], unique=False)


def _return() -> None:
    op.create_table(
        "trace_return",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("return_id", sa.LargeBinary(), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=True),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("debt", sa.Integer(), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(return_id) = 16", name=op.f("ck_trace_return_return_id_length")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_trace_return_merchant_id")
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_trace_return")),
        sa.UniqueConstraint("return_id", name="uq_trace_return_return_id"),
    )
    op.create_index("ix_trace_return_sale_id", "trace_return", ["sale_id"], unique=False)


def _case_event() -> None:
    op.create_table(
        "trace_case_event",
        sa.Column("case_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opened', 'seen', 'assigned', 'noted', 'closed')",
            name=op.f("ck_trace_case_event_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["trace_case.case_id"], name=op.f("fk_trace_case_event_case_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "position", name=op.f("pk_trace_case_event")),
    )


def _claim_terms() -> None:
    op.create_table(
        "trace_claim_terms",
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("member_day_most", sa.Integer(), nullable=False),
        sa.Column("device_day_most", sa.Integer(), nullable=False),
        sa.Column("place_day_most", sa.Integer(), nullable=False),
        sa.Column("channel_day_most", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "channel_day_most >= 0", name=op.f("ck_trace_claim_terms_channel_day_most_at_least_0")
        ),
        sa.CheckConstraint(
            "device_day_most >= 0", name=op.f("ck_trace_claim_terms_device_day_most_at_least_0")
        ),
        sa.CheckConstraint(
            "member_day_most >= 0", name=op.f("ck_trace_claim_terms_member_day_most_at_least_0")
        ),
        sa.CheckConstraint(
            "place_day_most >= 0", name=op.f("ck_trace_claim_terms_place_day_most_at_least_0")
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_trace_claim_terms_points_at_least_0")),
        sa.ForeignKeyConstraint(["gtin"], ["trace_product.gtin"], name=op.f("fk_trace_claim_terms_gtin")),
        sa.PrimaryKeyConstraint("gtin", "version", name=op.f("pk_trace_claim_terms")),
    )


def _link_set() -> None:
    op.create_table(
        "trace_link_set",
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("lot", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("links", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_trace_link_set_version_at_least_1")),
        sa.ForeignKeyConstraint(["gtin"], ["trace_product.gtin"], name=op.f("fk_trace_link_set_gtin")),
        sa.PrimaryKeyConstraint("gtin", "lot", "version", name=op.f("pk_trace_link_set")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
