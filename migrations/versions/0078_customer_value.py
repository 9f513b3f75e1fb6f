"""Models of what customers will buy; quiet hours; dead deliveries of webhooks are found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0078_customer_value"
down_revision = "0077_answers_and_appeals"
_DEAD = sa.text("state = 'dead'")


def upgrade() -> None:
    op.create_table(
        "value_model",
        sa.Column("merchant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fitted_at", sa.BigInteger(), nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("came_back", sa.BigInteger(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("tested", sa.Text(), nullable=True),
        sa.CheckConstraint("came_back >= 0", name=op.f("ck_value_model_came_back_at_least_0")),
        sa.CheckConstraint("customers >= 0", name=op.f("ck_value_model_customers_at_least_0")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchant.merchant_id"], name=op.f("fk_value_model_merchant_id")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "fitted_at", name=op.f("pk_value_model")),
    )
    for statement in guard_statements("value_model", op.get_bind().dialect.name):
        op.execute(statement)
    for name, kind in (("from", sa.Integer()), ("until", sa.Integer()), ("zone", sa.Text())):
        op.add_column("member_preference", sa.Column(f"quiet_{name}", kind, nullable=True))
    op.add_column("member_preference", sa.Column("most_a_day", sa.Integer(), nullable=True))
    op.create_index(
        "ix_webhook_delivery_dead", "webhook_delivery", ["endpoint_id", "number"], unique=False,
        sqlite_where=_DEAD, postgresql_where=_DEAD,
    )  # fmt: skip


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
