"""Households; limits of adjustments as data; claims of missing points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0019_households"
down_revision = "0018_cards"


def upgrade() -> None:
    op.add_column("member", sa.Column("household", sa.Boolean(), nullable=True))
    make_household()
    make_mate()
    make_key()
    make_gift()
    make_due()
    make_event()
    make_adjustment_anew()
    make_limits()
    make_claim()
    make_claim_parts()


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def make_household() -> None:
    op.create_table(
        "household",
        _id("household_id"),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("parting", sa.String(length=8), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("closing_at", sa.BigInteger(), nullable=True),
        sa.Column("heir", sa.BigInteger(), nullable=True),
        sa.Column("heir_asked_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _known("household", "state", ("open", "closing", "closed")),
        _known("household", "parting", ("own-part", "stays")),
        sa.ForeignKeyConstraint(["heir"], ["member.member_id"], name=op.f("fk_household_heir")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["member.member_id"], name=op.f("fk_household_household_id")
        ),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household")),
    )


def make_mate() -> None:
    op.create_table(
        "household_mate",
        _id("household_id"),
        _id("member_id"),
        sa.Column("role", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=7), nullable=False),
        sa.Column("spends", sa.String(length=5), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("used_period", sa.String(length=10), nullable=False),
        sa.Column("sees_balances", sa.Boolean(), nullable=False),
        sa.Column("shows_baskets", sa.Boolean(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        _known("household_mate", "role", ("owner", "mate")),
        _known("household_mate", "state", ("invited", "in", "parting", "out")),
        _known("household_mate", "spends", ("none", "day", "month", "all")),
        sa.CheckConstraint("used_micros >= 0", name=op.f("ck_household_mate_used_micros_at_least_0")),
        sa.CheckConstraint(
            "(spends IN ('day', 'month')) = (limit_micros IS NOT NULL)",
            name=op.f("ck_household_mate_limited_by_something"),
        ),
        *_parents("household_mate"),
        sa.PrimaryKeyConstraint("household_id", "member_id", name=op.f("pk_household_mate")),
    )
    inside, owns = sa.text("state = 'in'"), sa.text("state = 'in' AND role = 'owner'")
    op.create_index(
        "uq_household_mate_in", "household_mate", ["member_id"], unique=True, sqlite_where=inside,
        postgresql_where=inside,
    )  # fmt: skip
    op.create_index(
        "uq_household_mate_owner", "household_mate", ["household_id"], unique=True, sqlite_where=owns,
        postgresql_where=owns,
    )  # fmt: skip
    op.create_index("ix_household_mate_member_id", "household_mate", ["member_id"], unique=False)


def make_key() -> None:
    op.create_table(
        "household_key",
        _id("device_id"),
        sa.Column("household_id", _int64(), nullable=False),
        sa.Column("member_id", _int64(), nullable=False),
        sa.Column("own_device_id", _int64(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.device_id"], name=op.f("fk_household_key_device_id")),
        sa.ForeignKeyConstraint(
            ["own_device_id"], ["device.device_id"], name=op.f("fk_household_key_own_device_id")
        ),
        *_parents("household_key"),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_household_key")),
    )
    op.create_index(op.f("ix_household_key_household_id"), "household_key", ["household_id"], unique=False)
    op.create_index(op.f("ix_household_key_own_device_id"), "household_key", ["own_device_id"], unique=False)


def make_gift() -> None:
    op.create_table(
        "household_gift",
        sa.Column("op_id", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("household_id", _int64(), nullable=False),
        sa.Column("member_id", _int64(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(op_id) = 16", name=op.f("ck_household_gift_op_id_length")),
        sa.CheckConstraint("points <> 0", name=op.f("ck_household_gift_points_not_zero")),
        *_parents("household_gift"),
        sa.PrimaryKeyConstraint("op_id", "epoch", name=op.f("pk_household_gift")),
    )
    op.create_index("ix_household_gift_mate", "household_gift", ["household_id", "member_id"], unique=False)
    _guard("household_gift")


def make_due() -> None:
    op.create_table(
        "household_due",
        _id("household_id"),
        _id("member_id"),
        sa.Column("programme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_household_due_points_at_least_0")),
        *_parents("household_due"),
        sa.PrimaryKeyConstraint(
            "household_id", "member_id", "programme_id", "epoch", name=op.f("pk_household_due")
        ),
    )
    op.create_index("ix_household_due_until", "household_due", ["until"], unique=False)


def make_event() -> None:
    op.create_table(
        "household_event",
        _id("household_id"),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.household_id"], name=op.f("fk_household_event_household_id")
        ),
        sa.PrimaryKeyConstraint("household_id", "position", name=op.f("pk_household_event")),
    )
    _guard("household_event")


def _int64() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, _int64(), autoincrement=False, nullable=False)


def _parents(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.household_id"], name=op.f(f"fk_{table}_household_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f(f"fk_{table}_member_id")),
    ]


def _known(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}_known"))


def _guard(table: str) -> None:
    for statement in guard_statements(table, op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


_COLUMNS = (
    "adjustment_id, member_id, programme_id, points, reason, note, funder_merchant_id, requested_by,"
    " requested_at, decided_by, decided_at, state"
)
_REASONS = "reason IN ('goodwill', 'correction', 'extension', 'claim')"


def make_adjustment_anew() -> None:
    """Adjustments may answer claims, and know the day in whose limits they count."""
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("adjustment", sa.Column("asked_day", sa.Integer(), nullable=True))
        op.add_column("adjustment", sa.Column("claim_id", sa.LargeBinary(), nullable=True))
        op.add_column("adjustment", sa.Column("sale_id", sa.LargeBinary(), nullable=True))
        op.drop_constraint(op.f("ck_adjustment_reason_known"), "adjustment")
        op.create_check_constraint(op.f("ck_adjustment_reason_known"), "adjustment", _REASONS)
    else:
        # SQLite changes no CHECK, so the table is written anew with the wider one.
        op.drop_index(op.f("ix_adjustment_member_id"), "adjustment")
        op.drop_index("ix_adjustment_funder", "adjustment")
        op.rename_table("adjustment", "adjustment_before")
        make_adjustment()
        op.execute(f"INSERT INTO adjustment ({_COLUMNS}) SELECT {_COLUMNS} FROM adjustment_before")
        op.drop_table("adjustment_before")
        op.create_index(op.f("ix_adjustment_member_id"), "adjustment", ["member_id"], unique=False)
        op.create_index(
            "ix_adjustment_funder", "adjustment", ["funder_merchant_id", "decided_at"], unique=False
        )
    op.execute("UPDATE adjustment SET asked_day = requested_at / 86400000000")
    op.create_index("ix_adjustment_asked_day", "adjustment", ["asked_day"], unique=False)
    op.create_index("ix_adjustment_sale_id", "adjustment", ["sale_id"], unique=False)
    answers = sa.text("claim_id IS NOT NULL AND state <> 'declined'")
    op.create_index(
        "uq_adjustment_claim", "adjustment", ["claim_id"], unique=True, sqlite_where=answers,
        postgresql_where=answers,
    )  # fmt: skip
    op.create_index(
        "ix_adjustment_requested_at", "adjustment", ["requested_at", "adjustment_id"], unique=False
    )


def make_adjustment() -> None:
    op.create_table(
        "adjustment",
        sa.Column("adjustment_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("funder_merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("asked_day", sa.Integer(), nullable=True),
        sa.Column("claim_id", sa.LargeBinary(), nullable=True),
        sa.Column("sale_id", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL)", name=op.f("ck_adjustment_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by", name=op.f("ck_adjustment_two_people")
        ),
        sa.CheckConstraint("length(adjustment_id) = 16", name=op.f("ck_adjustment_adjustment_id_length")),
        sa.CheckConstraint("points >= 1", name=op.f("ck_adjustment_points_at_least_1")),
        sa.CheckConstraint(_REASONS, name=op.f("ck_adjustment_reason_known")),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'declined')", name=op.f("ck_adjustment_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["funder_merchant_id"], ["merchant.merchant_id"], name=op.f("fk_adjustment_funder_merchant_id")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_adjustment_member_id")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_adjustment_programme_id")
        ),
        sa.PrimaryKeyConstraint("adjustment_id", name=op.f("pk_adjustment")),
    )


def make_limits() -> None:
    limits = ("per_case", "per_agent_day", "per_member_month", "per_funder_day")
    op.create_table(
        "adjustment_limit",
        sa.Column("limit_id", sa.LargeBinary(), nullable=False),
        sa.Column("funder", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in limits),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(limit_id) = 16", name=op.f("ck_adjustment_limit_limit_id_length")),
        _known("adjustment_limit", "state", ("proposed", "in-force", "past", "declined")),
        *(
            sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_adjustment_limit_{name}_at_least_0"))
            for name in limits
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_adjustment_limit_two_people")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)",
            name=op.f("ck_adjustment_limit_decided_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("limit_id", name=op.f("pk_adjustment_limit")),
    )
    in_force = sa.text("state = 'in-force'")
    op.create_index("ix_adjustment_limit_state", "adjustment_limit", ["state"])
    op.create_index(
        "uq_adjustment_limit_in_force", "adjustment_limit", ["funder"], unique=True, sqlite_where=in_force,
        postgresql_where=in_force,
    )  # fmt: skip
    op.create_table(
        "adjustment_agent",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_adjustment_agent")),
    )


def make_claim() -> None:
    op.create_table(
        "claim",
        sa.Column("claim_id", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("store_gln", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("sold_on", sa.String(length=10), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("receipt_key", sa.LargeBinary(), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=True),
        sa.Column("programme_id", sa.BigInteger(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("adjustment_id", sa.LargeBinary(), nullable=True),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("answer_due_at", sa.BigInteger(), nullable=False),
        sa.Column("try_again_at", sa.BigInteger(), nullable=False),
        sa.Column("escalated_at", sa.BigInteger(), nullable=True),
        _known("claim", "state", ("open", "matched", "asked", "refused")),
        _known("claim", "reason", _CLAIM_REASONS),
        sa.CheckConstraint("length(claim_id) = 16", name=op.f("ck_claim_claim_id_length")),
        sa.CheckConstraint("length(receipt_key) = 32", name=op.f("ck_claim_receipt_key_length")),
        sa.CheckConstraint("length(sold_on) = 10", name=op.f("ck_claim_sold_on_length")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_claim_amount_minor_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f("fk_claim_member_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_claim_merchant_id")),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_claim")),
    )
    alive = sa.text("state <> 'refused'")
    matched = sa.text("state <> 'refused' AND sale_id IS NOT NULL")
    once = (("uq_claim_receipt", "receipt_key", alive), ("uq_claim_sale", "sale_id", matched))
    for name, column, where in once:
        op.create_index(name, "claim", [column], unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_claim_member_id", "claim", ["member_id", "filed_at"], unique=False)
    op.create_index("ix_claim_merchant_id", "claim", ["merchant_id", "filed_at"], unique=False)
    op.create_index("ix_claim_answer_due_at", "claim", ["answer_due_at"], unique=False)


_CLAIM_REASONS = (
    "has-member", "not-found", "not-eligible", "returned", "amount-differs", "already-claimed", "erased",
)  # fmt: skip


def make_claim_parts() -> None:
    op.create_table(
        "claim_event",
        sa.Column("claim_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("by_whom", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.claim_id"], name=op.f("fk_claim_event_claim_id")),
        sa.PrimaryKeyConstraint("claim_id", "position", name=op.f("pk_claim_event")),
    )
    _guard("claim_event")
    op.create_table(
        "claim_policy",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("claim_days", sa.Integer(), nullable=False),
        sa.Column("answer_days", sa.Integer(), nullable=False),
        sa.Column("per_member_month", sa.Integer(), nullable=False),
        sa.CheckConstraint("claim_days >= 1", name=op.f("ck_claim_policy_claim_days_at_least_1")),
        sa.CheckConstraint("answer_days >= 1", name=op.f("ck_claim_policy_answer_days_at_least_1")),
        sa.CheckConstraint("per_member_month >= 0", name=op.f("ck_claim_policy_per_member_month_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_claim_policy_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_claim_policy")),
    )
