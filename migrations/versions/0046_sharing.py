"""Sharing: campaigns, links, touches, commitments, what a purchase pays and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0046_sharing"
down_revision = "0045_scans"
_GUARDED = ("share_holder", "share_touch", "share_commitment", "share_purchase", "share_reward_event")


def upgrade() -> None:
    _campaign()
    _campaign_version()
    _link()
    _holder()
    _touch()
    _head()
    _commitment()
    _bind()
    _tie()
    _signal()
    _purchase()
    _reward()
    _reward_event()
    _cursor()
    dialect = op.get_bind().dialect.name
    for table in _GUARDED:
        for statement in guard_statements(table, dialect):
            op.execute(statement)


def _campaign() -> None:
    op.create_table(
        "share_campaign",
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("most_points", sa.BigInteger(), nullable=False),
        sa.Column("most_rewards", sa.BigInteger(), nullable=False),
        sa.Column("used_points", sa.BigInteger(), nullable=False),
        sa.Column("used_rewards", sa.BigInteger(), nullable=False),
        sa.Column("live_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_share_campaign_ended_since")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'approved') OR live_at IS NOT NULL", name=op.f("ck_share_campaign_live_since")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'live', 'ended')", name=op.f("ck_share_campaign_state_known")
        ),
        sa.CheckConstraint("length(campaign_id) = 16", name=op.f("ck_share_campaign_campaign_id_length")),
        sa.CheckConstraint("used_points <= most_points", name=op.f("ck_share_campaign_points_within_budget")),
        sa.CheckConstraint("used_points >= 0", name=op.f("ck_share_campaign_used_points_at_least_0")),
        sa.CheckConstraint(
            "used_rewards <= most_rewards", name=op.f("ck_share_campaign_rewards_within_budget")
        ),
        sa.CheckConstraint("used_rewards >= 0", name=op.f("ck_share_campaign_used_rewards_at_least_0")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_share_campaign_version_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_share_campaign_merchant_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_share_campaign_programme_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_share_campaign")),
        sa.UniqueConstraint("code", name=op.f("uq_share_campaign_code")),
    )
    op.create_index(
        "ix_share_campaign_merchant_id", "share_campaign", ["merchant_id", "created_at"], unique=False
    )


def _campaign_version() -> None:
    op.create_table(
        "share_campaign_version",
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("trigger_kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'draft') = (decided_by IS NULL)",
            name=op.f("ck_share_campaign_version_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'declined')", name=op.f("ck_share_campaign_version_state_known")
        ),
        sa.CheckConstraint(
            "trigger_kind IN ('first-purchase', 'nth-purchase', 'basket', 'item-scan')",
            name=op.f("ck_share_campaign_version_trigger_kind_known"),
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> asked_by", name=op.f("ck_share_campaign_version_two_people")
        ),
        sa.CheckConstraint("depth BETWEEN 1 AND 2", name=op.f("ck_share_campaign_version_depth_at_most_2")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_share_campaign_version_version_at_least_1")),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["share_campaign.campaign_id"],
            name=op.f("fk_share_campaign_version_campaign_id"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", "version", name=op.f("pk_share_campaign_version")),
    )


def _link() -> None:
    op.create_table(
        "share_link",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("cashier", sa.String(length=32), nullable=True),
        sa.Column("place", sa.String(length=32), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('wechat-group', 'wechat-moments', 'weibo', 'line', 'whatsapp', 'sms', 'paper',"
            " 'cashier')",
            name=op.f("ck_share_link_channel_known"),
        ),
        sa.CheckConstraint(
            "(member_id IS NULL) = (place IS NOT NULL)", name=op.f("ck_share_link_a_member_or_a_place")
        ),
        sa.CheckConstraint("length(code) = 12", name=op.f("ck_share_link_code_length")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["share_campaign.campaign_id"], name=op.f("fk_share_link_campaign_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_link_member_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_share_link")),
        sa.UniqueConstraint(
            "campaign_id", "member_id", "channel", name=op.f("uq_share_link_campaign_id_member_id_channel")
        ),
        sa.UniqueConstraint("campaign_id", "place", name=op.f("uq_share_link_campaign_id_place")),
    )
    op.create_index("ix_share_link_member_id", "share_link", ["member_id", "made_at"], unique=False)


def _holder() -> None:
    op.create_table(
        "share_holder",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cashier", sa.String(length=32), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["share_link.code"], name=op.f("fk_share_holder_code")),
        sa.PrimaryKeyConstraint("code", "position", name=op.f("pk_share_holder")),
    )


def _touch() -> None:
    op.create_table(
        "share_touch",
        sa.Column("touch_id", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("machine", sa.Boolean(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(touch_id) = 16", name=op.f("ck_share_touch_touch_id_length")),
        sa.ForeignKeyConstraint(["code"], ["share_link.code"], name=op.f("fk_share_touch_code")),
        sa.PrimaryKeyConstraint("touch_id", name=op.f("pk_share_touch")),
    )
    op.create_index("ix_share_touch_code", "share_touch", ["code", "touched_at"], unique=False)


def _head() -> None:
    op.create_table(
        "share_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_share_head_only_one")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_share_head_number_at_least_0")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_head")),
    )


def _commitment() -> None:
    op.create_table(
        "share_commitment",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(commitment) = 32", name=op.f("ck_share_commitment_commitment_length")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_share_commitment_hash_length")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_share_commitment_number_at_least_1")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_share_commitment")),
        sqlite_with_rowid=False,
    )


def _bind() -> None:
    op.create_table(
        "share_bind",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("touch_id", sa.LargeBinary(), nullable=False),
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("sharer_id", sa.BigInteger(), nullable=True),
        sa.Column("newcomer", sa.Boolean(), nullable=False),
        sa.Column("customer", sa.Boolean(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("bound_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("member_salt", sa.LargeBinary(), nullable=True),
        sa.Column("sharer_salt", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "sharer_id IS NULL OR sharer_id <> member_id", name=op.f("ck_share_bind_nobody_brings_itself")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["share_campaign.campaign_id"], name=op.f("fk_share_bind_campaign_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_bind_member_id")),
        sa.ForeignKeyConstraint(["number"], ["share_commitment.number"], name=op.f("fk_share_bind_number")),
        sa.ForeignKeyConstraint(["sharer_id"], ["member.member_id"], name=op.f("fk_share_bind_sharer_id")),
        sa.ForeignKeyConstraint(["touch_id"], ["share_touch.touch_id"], name=op.f("fk_share_bind_touch_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_share_bind")),
        sa.UniqueConstraint("touch_id", name=op.f("uq_share_bind_touch_id")),
    )
    op.create_index("ix_share_bind_campaign_id", "share_bind", ["campaign_id", "bound_at"], unique=False)
    op.create_index(
        "ix_share_bind_member_id", "share_bind", ["member_id", "campaign_id", "touched_at"], unique=False
    )
    op.create_index("ix_share_bind_sharer_id", "share_bind", ["sharer_id", "bound_at"], unique=False)


def _tie() -> None:
    op.create_table(
        "share_tie",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sharer_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("tied_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("sharer_id <> member_id", name=op.f("ck_share_tie_nobody_brings_itself")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_tie_member_id")),
        sa.ForeignKeyConstraint(["sharer_id"], ["member.member_id"], name=op.f("fk_share_tie_sharer_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_share_tie")),
    )
    op.create_index(op.f("ix_share_tie_sharer_id"), "share_tie", ["sharer_id"], unique=False)


def _signal() -> None:
    op.create_table(
        "share_signal",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('device', 'payment', 'phone', 'address')", name=op.f("ck_share_signal_kind_known")
        ),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_share_signal_digest_length")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_signal_member_id")),
        sa.PrimaryKeyConstraint("member_id", "kind", "digest", name=op.f("pk_share_signal")),
    )
    op.create_index("ix_share_signal_digest", "share_signal", ["digest"], unique=False)


def _purchase() -> None:
    op.create_table(
        "share_purchase",
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("sharer_id", sa.BigInteger(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('rewarded', 'held', 'trigger-not-met', 'no-points', 'circle', 'sharer-limit',"
            " 'budget-exhausted', 'campaign-over')",
            name=op.f("ck_share_purchase_outcome_known"),
        ),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_share_purchase_sale_id_length")),
        sa.CheckConstraint("ordinal >= 1", name=op.f("ck_share_purchase_ordinal_at_least_1")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["share_campaign.campaign_id"], name=op.f("fk_share_purchase_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["number"], ["share_commitment.number"], name=op.f("fk_share_purchase_number")
        ),
        sa.PrimaryKeyConstraint("sale_id", "campaign_id", name=op.f("pk_share_purchase")),
    )
    op.create_index(
        "ix_share_purchase_campaign_id", "share_purchase", ["campaign_id", "sold_at"], unique=False
    )
    op.create_index("ix_share_purchase_member_id", "share_purchase", ["member_id", "sharer_id"], unique=False)
    op.create_index("ix_share_purchase_number", "share_purchase", ["number"], unique=False)
    op.create_index("ix_share_purchase_sharer_id", "share_purchase", ["sharer_id", "sold_at"], unique=False)


def _reward() -> None:
    op.create_table(
        "share_reward",
        sa.Column("reward_id", sa.LargeBinary(), nullable=False),
        sa.Column("campaign_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("vest_days", sa.Integer(), nullable=False),
        sa.Column("least_kept_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("collected", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(depth = 2) = (role = 'second')", name=op.f("ck_share_reward_second_level")),
        sa.CheckConstraint(
            "role IN ('sharer', 'newcomer', 'second', 'milestone')", name=op.f("ck_share_reward_role_known")
        ),
        sa.CheckConstraint(
            "state IN ('held', 'due', 'granted', 'refused', 'appealed', 'void', 'clawed')",
            name=op.f("ck_share_reward_state_known"),
        ),
        sa.CheckConstraint("collected >= 0", name=op.f("ck_share_reward_collected_at_least_0")),
        sa.CheckConstraint("depth BETWEEN 1 AND 2", name=op.f("ck_share_reward_depth_at_most_2")),
        sa.CheckConstraint("least_kept_minor >= 1", name=op.f("ck_share_reward_least_kept_minor_at_least_1")),
        sa.CheckConstraint("length(reward_id) = 16", name=op.f("ck_share_reward_reward_id_length")),
        sa.CheckConstraint("length(sale_id) = 16", name=op.f("ck_share_reward_sale_id_length")),
        sa.CheckConstraint("points >= 1", name=op.f("ck_share_reward_points_at_least_1")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["share_campaign.campaign_id"], name=op.f("fk_share_reward_campaign_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_reward_member_id")),
        sa.ForeignKeyConstraint(["number"], ["share_commitment.number"], name=op.f("fk_share_reward_number")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_share_reward_programme_id")
        ),
        sa.PrimaryKeyConstraint("reward_id", name=op.f("pk_share_reward")),
        sa.UniqueConstraint("campaign_id", "sale_id", "role", name="uq_share_reward_sale"),
    )
    op.create_index("ix_share_reward_campaign_id", "share_reward", ["campaign_id", "made_at"], unique=False)
    op.create_index("ix_share_reward_member_id", "share_reward", ["member_id", "made_at"], unique=False)
    op.create_index("ix_share_reward_sale_id", "share_reward", ["sale_id"], unique=False)
    op.create_index(
        "ix_share_reward_standing",
        "share_reward",
        ["reward_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('held', 'due', 'granted', 'appealed')"),
        postgresql_where=sa.text("state IN ('held', 'due', 'granted', 'appealed')"),
    )
    op.create_index("ix_share_reward_until", "share_reward", ["state", "until"], unique=False)


def _reward_event() -> None:
    op.create_table(
        "share_reward_event",
        sa.Column("reward_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reward_id"], ["share_reward.reward_id"], name=op.f("fk_share_reward_event_reward_id")
        ),
        sa.PrimaryKeyConstraint("reward_id", "position", name=op.f("pk_share_reward_event")),
    )


def _cursor() -> None:
    op.create_table(
        "share_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_share_cursor_only_one")),
        sa.CheckConstraint("sequence >= 0", name=op.f("ck_share_cursor_sequence_at_least_0")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_cursor")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
