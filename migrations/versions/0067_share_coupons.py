"""Sharing: rewards that are coupons, their budget; rotas of live codes, who looks after whom; payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0067_share_coupons"
down_revision = "0066_passkeys"
_STATES = "state IN ('held', 'due', 'granted', 'refused', 'appealed', 'void', 'clawed', 'left')"
_STANDING = "state IN ('held', 'due', 'granted', 'appealed', 'left')"
_PAYS = "pays IN ('points', 'coupon')"
_POINTS = "(pays = 'points') = (points > 0)"
_DEFINITION = "(pays = 'coupon') = (definition_id IS NOT NULL)"
_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT = (
    "reward_id, campaign_id, version, sale_id, number, role, depth, member_id, programme_id, points,"
    " vest_days, least_kept_minor, state, reasons, until, sold_at, decided_by, leaf, epoch, collected,"
    " made_at"
)
_EVENT = "reward_id, position, kind, by_whom, reason, at"


def upgrade() -> None:
    _budget()
    if op.get_bind().dialect.name == "postgresql":
        _change()
    else:
        _rebuild()
    _rota()
    _care()
    _care_event()
    _payment()
    for table in ("share_rota", "share_care_event"):
        for statement in guard_statements(table, op.get_bind().dialect.name):
            op.execute(statement)


def _budget() -> None:
    within = "CONSTRAINT ck_share_campaign_coupons_within_budget CHECK (used_coupons <= most_coupons)"
    least = "CONSTRAINT ck_share_campaign_used_coupons_at_least_0 CHECK (used_coupons >= 0)"
    add = "ALTER TABLE share_campaign ADD COLUMN"
    op.execute(f"{add} most_coupons BIGINT DEFAULT 0 NOT NULL")
    op.execute(f"{add} used_coupons BIGINT DEFAULT 0 NOT NULL {least} {within}")


def _change() -> None:
    pays = sa.Column("pays", sa.String(length=6), server_default="points", nullable=False)
    op.add_column("share_reward", pays)
    op.alter_column("share_reward", "pays", server_default=None)
    op.add_column("share_reward", sa.Column("definition_id", _INT64, nullable=True))
    op.create_foreign_key(
        op.f("fk_share_reward_definition_id"), "share_reward", "coupon_definition",
        ["definition_id"], ["definition_id"],
    )  # fmt: skip
    for old in ("state_known", "points_at_least_1"):
        op.drop_constraint(op.f(f"ck_share_reward_{old}"), "share_reward")
    for name, rule in _new_checks():
        op.create_check_constraint(op.f(f"ck_share_reward_{name}"), "share_reward", rule)
    op.drop_constraint("uq_share_reward_sale", "share_reward")
    op.create_unique_constraint(
        "uq_share_reward_sale", "share_reward", ["campaign_id", "sale_id", "role", "pays"]
    )
    op.drop_index("ix_share_reward_standing", "share_reward")
    _standing()


def _new_checks() -> list[tuple[str, str]]:
    return [
        ("state_known", _STATES), ("pays_known", _PAYS), ("points_of_points", _POINTS),
        ("definition_of_coupon", _DEFINITION), ("points_at_least_0", "points >= 0"),
    ]  # fmt: skip


def _rebuild() -> None:
    """SQLite changes no constraint of a table that stands; events follow, since they name the rewards."""
    op.execute("DROP TRIGGER webhook_note_reward")
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER share_reward_event_refuse_{act}")
    for index in ("campaign_id", "member_id", "sale_id", "standing", "until"):
        op.drop_index(f"ix_share_reward_{index}", "share_reward")
    op.rename_table("share_reward_event", "share_reward_event_before")
    op.rename_table("share_reward", "share_reward_before")
    _make_rewards()
    op.execute(
        f"INSERT INTO share_reward ({_KEPT}, pays) SELECT {_KEPT}, 'points' FROM share_reward_before"
    )
    _make_events()
    op.execute(f"INSERT INTO share_reward_event ({_EVENT}) SELECT {_EVENT} FROM share_reward_event_before")
    op.drop_table("share_reward_event_before")
    op.drop_table("share_reward_before")
    for statement in guard_statements("share_reward_event", "sqlite"):
        op.get_bind().exec_driver_sql(statement)
    # As it was: what was noted before is not noted again.
    op.execute(
        "CREATE TRIGGER webhook_note_reward AFTER INSERT ON share_reward_event FOR EACH ROW BEGIN"
        " INSERT INTO webhook_fresh (source, ref, number) VALUES ('reward', NEW.reward_id, NEW.position); END"
    )


def _make_rewards() -> None:
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
        sa.Column("pays", sa.String(length=6), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", _INT64, nullable=True),
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
        *_constraints(),
    )
    for name in ("campaign_id", "member_id"):
        op.create_index(f"ix_share_reward_{name}", "share_reward", [name, "made_at"], unique=False)
    op.create_index("ix_share_reward_sale_id", "share_reward", ["sale_id"], unique=False)
    op.create_index("ix_share_reward_until", "share_reward", ["state", "until"], unique=False)
    _standing()


def _constraints() -> list[sa.Constraint]:
    checks = [
        *_new_checks(), ("second_level", "(depth = 2) = (role = 'second')"),
        ("role_known", "role IN ('sharer', 'newcomer', 'second', 'milestone')"),
        ("collected_at_least_0", "collected >= 0"), ("depth_at_most_2", "depth BETWEEN 1 AND 2"),
        ("least_kept_minor_at_least_1", "least_kept_minor >= 1"),
        ("reward_id_length", "length(reward_id) = 16"), ("sale_id_length", "length(sale_id) = 16"),
    ]  # fmt: skip
    named = (
        ("campaign_id", "share_campaign"), ("member_id", "member"), ("number", "share_commitment"),
        ("programme_id", "programme"), ("definition_id", "coupon_definition"),
    )  # fmt: skip
    return [
        *(sa.CheckConstraint(rule, name=op.f(f"ck_share_reward_{name}")) for name, rule in checks),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.{column}"], name=op.f(f"fk_share_reward_{column}"))
            for column, table in named
        ),
        sa.PrimaryKeyConstraint("reward_id", name=op.f("pk_share_reward")),
        sa.UniqueConstraint("campaign_id", "sale_id", "role", "pays", name="uq_share_reward_sale"),
    ]


def _make_events() -> None:
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


def _standing() -> None:
    op.create_index(
        "ix_share_reward_standing", "share_reward", ["reward_id"], unique=False,
        sqlite_where=sa.text(_STANDING), postgresql_where=sa.text(_STANDING),
    )  # fmt: skip


def _rota() -> None:
    op.create_table(
        "share_rota",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("every_minutes", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("begins_at >= told_at", name=op.f("ck_share_rota_told_before")),
        sa.CheckConstraint("every_minutes >= 1", name=op.f("ck_share_rota_every_minutes_at_least_1")),
        sa.ForeignKeyConstraint(["code"], ["share_link.code"], name=op.f("fk_share_rota_code")),
        sa.PrimaryKeyConstraint("code", "position", name=op.f("pk_share_rota")),
    )


def _care() -> None:
    op.create_table(
        "share_care",
        sa.Column("merchant_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cashier", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.CheckConstraint("events >= 1", name=op.f("ck_share_care_events_at_least_1")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_share_care_member_id")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_share_care_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "member_id", name=op.f("pk_share_care")),
    )
    by_cashier = ["merchant_id", "cashier", "member_id"]
    op.create_index("ix_share_care_cashier", "share_care", by_cashier, unique=False)
    op.create_index("ix_share_care_member_id", "share_care", ["member_id"], unique=False)


def _care_event() -> None:
    op.create_table(
        "share_care_event",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("merchant_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("cashier", sa.String(length=32), nullable=False),
        sa.Column("before", sa.String(length=32), nullable=True),
        sa.Column("code", sa.String(length=12), nullable=True),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('assigned', 'handed-over', 'merged')", name=op.f("ck_share_care_event_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.member_id"], name=op.f("fk_share_care_event_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_share_care_event_merchant_id")
        ),
        sa.PrimaryKeyConstraint("member_id", "merchant_id", "position", name=op.f("pk_share_care_event")),
    )


def _payment() -> None:
    named = {
        "state_known": "state IN ('ordered', 'noticed', 'due', 'matched', 'attached', 'stranger', 'refused')",
        "provider_known": "provider IN ('wechat-pay', 'line-pay')",
        "payer_until_decided": "payer IS NULL OR state IN ('noticed', 'due')",
        "of_a_member": "state NOT IN ('matched', 'attached') OR member_id IS NOT NULL",
    }
    nullable = {
        "sale_id": sa.LargeBinary(), "cashier": sa.String(length=32), "terminal_id": sa.Text(),
        "consent": sa.Boolean(), "touch_id": sa.LargeBinary(), "ordered_by": sa.Text(),
        "ordered_at": sa.BigInteger(), "transaction_id": sa.String(length=64), "payer": sa.LargeBinary(),
        "amount_minor": sa.BigInteger(), "currency": sa.String(length=3), "paid_at": sa.BigInteger(),
        "noticed_at": sa.BigInteger(), "member_id": sa.BigInteger(),
    }  # fmt: skip
    op.create_table(
        "payment",
        sa.Column("merchant_id", _INT64, autoincrement=False, nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        *(sa.Column(name, kind, nullable=True) for name, kind in nullable.items()),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_payment_{name}")) for name, rule in named.items()
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_payment_merchant_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_payment_member_id")),
        sa.PrimaryKeyConstraint("merchant_id", "provider", "reference", name=op.f("pk_payment")),
        sa.UniqueConstraint("provider", "merchant_id", "transaction_id", name="uq_payment_transaction"),
    )
    op.create_index("ix_payment_until", "payment", ["state", "until"], unique=False)
    op.create_index("ix_payment_merchant_id", "payment", ["merchant_id", "until"], unique=False)
    op.create_index(op.f("ix_payment_member_id"), "payment", ["member_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
