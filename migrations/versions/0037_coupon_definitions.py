"""Coupon definitions, campaigns, counters of budgets and limits, goods lists and facts of goods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0037_coupon_definitions"
down_revision = "0036_coupons_on_chain"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _coupon_change()
    _coupon_definition()
    _coupon_version()
    _coupon_consent()
    _coupon_campaign()
    _coupon_campaign_arm()
    _coupon_campaign_offer()
    _coupon_source()
    _coupon_use()
    _coupon_goods_list()
    _coupon_goods_item()
    _coupon_product()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _coupon_change() -> None:
    op.create_table(
        "coupon_change",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", _INT64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_change")),
    )


def _coupon_definition() -> None:
    op.create_table(
        "coupon_definition",
        sa.Column("definition_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("merchant_id", _INT64, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("gcn_type", sa.BigInteger(), nullable=True),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("guarantee", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(withdrawn_by IS NULL) = (withdrawn_at IS NULL)",
            name=op.f("ck_coupon_definition_withdrawn_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_coupon_definition_merchant_id")
        ),
        sa.PrimaryKeyConstraint("definition_id", name=op.f("pk_coupon_definition")),
        sa.UniqueConstraint("gcn_type", name=op.f("uq_coupon_definition_gcn_type")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("uq_coupon_definition_merchant_id_code")),
    )


def _coupon_version() -> None:
    op.create_table(
        "coupon_version",
        sa.Column("definition_id", _INT64, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("terms_hash", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("live_from", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)",
            name=op.f("ck_coupon_version_approved_by_somebody"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> written_by",
            name=op.f("ck_coupon_version_approved_by_another"),
        ),
        sa.CheckConstraint("length(terms_hash) = 32", name=op.f("ck_coupon_version_terms_hash_length")),
        sa.CheckConstraint(
            "live_from IS NULL OR approved_by IS NOT NULL", name=op.f("ck_coupon_version_live_once_approved")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_coupon_version_version_at_least_1")),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["coupon_definition.definition_id"],
            name=op.f("fk_coupon_version_definition_id"),
        ),
        sa.PrimaryKeyConstraint("definition_id", "version", name=op.f("pk_coupon_version")),
    )


def _coupon_consent() -> None:
    op.create_table(
        "coupon_consent",
        sa.Column("definition_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("merchant_id", _INT64, nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_coupon_consent_merchant_id")
        ),
        sa.PrimaryKeyConstraint("definition_id", "version", "merchant_id", name=op.f("pk_coupon_consent")),
    )
    for statement in guard_statements("coupon_consent", op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def _coupon_campaign() -> None:
    op.create_table(
        "coupon_campaign",
        sa.Column("campaign_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("merchant_id", _INT64, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)",
            name=op.f("ck_coupon_campaign_approved_by_somebody"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> proposed_by",
            name=op.f("ck_coupon_campaign_approved_by_another"),
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_coupon_campaign_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_coupon_campaign_merchant_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_coupon_campaign")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("uq_coupon_campaign_merchant_id_code")),
    )


def _coupon_campaign_arm() -> None:
    op.create_table(
        "coupon_campaign_arm",
        sa.Column("campaign_id", _INT64, nullable=False),
        sa.Column("arm", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.CheckConstraint("arm >= 0", name=op.f("ck_coupon_campaign_arm_arm_at_least_0")),
        sa.CheckConstraint("weight >= 1", name=op.f("ck_coupon_campaign_arm_weight_at_least_1")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["coupon_campaign.campaign_id"], name=op.f("fk_coupon_campaign_arm_campaign_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "arm", name=op.f("pk_coupon_campaign_arm")),
    )


def _coupon_campaign_offer() -> None:
    op.create_table(
        "coupon_campaign_offer",
        sa.Column("campaign_id", _INT64, nullable=False),
        sa.Column("definition_id", _INT64, nullable=False),
        sa.Column("arm", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("arm >= 0", name=op.f("ck_coupon_campaign_offer_arm_at_least_0")),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["coupon_campaign.campaign_id"],
            name=op.f("fk_coupon_campaign_offer_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["coupon_definition.definition_id"],
            name=op.f("fk_coupon_campaign_offer_definition_id"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", "definition_id", name=op.f("pk_coupon_campaign_offer")),
    )


def _coupon_source() -> None:
    op.create_table(
        "coupon_source",
        sa.Column("campaign_id", _INT64, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("arm", sa.SmallInteger(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('app', 'cashier', 'mail', 'poster', 'receipt', 'share', 'web', 'other')",
            name=op.f("ck_coupon_source_channel_known"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["coupon_campaign.campaign_id"], name=op.f("fk_coupon_source_campaign_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "source", name=op.f("pk_coupon_source")),
        sa.UniqueConstraint("source", name=op.f("uq_coupon_source_source")),
    )


def _coupon_use() -> None:
    op.create_table(
        "coupon_use",
        sa.Column("use_key", sa.String(length=96), nullable=False),
        sa.Column("definition_id", _INT64, nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "scope IN ('budget', 'member', 'member-day', 'member-week', 'member-month', 'store-day')",
            name=op.f("ck_coupon_use_scope_known"),
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_coupon_use_count_at_least_0")),
        sa.CheckConstraint("value_minor >= 0", name=op.f("ck_coupon_use_value_minor_at_least_0")),
        sa.PrimaryKeyConstraint("use_key", name=op.f("pk_coupon_use")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_coupon_use_definition_id", "coupon_use", ["definition_id", "scope"], unique=False)


def _coupon_goods_list() -> None:
    op.create_table(
        "coupon_goods_list",
        sa.Column("list_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("merchant_id", _INT64, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_coupon_goods_list_merchant_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_coupon_goods_list")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("uq_coupon_goods_list_merchant_id_code")),
    )


def _coupon_goods_item() -> None:
    op.create_table(
        "coupon_goods_item",
        sa.Column("article", sa.String(length=64), nullable=False),
        sa.Column("list_id", _INT64, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["coupon_goods_list.list_id"], name=op.f("fk_coupon_goods_item_list_id")
        ),
        sa.PrimaryKeyConstraint("article", "list_id", name=op.f("pk_coupon_goods_item")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_coupon_goods_item_list_id", "coupon_goods_item", ["list_id"], unique=False)


def _coupon_product() -> None:
    op.create_table(
        "coupon_product",
        sa.Column("merchant_id", _INT64, nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("brand", sa.String(length=64), nullable=False),
        sa.Column("manufacturer", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_coupon_product_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "sku", name=op.f("pk_coupon_product")),
        sqlite_with_rowid=False,
    )
