"""One table of which member a cashier is: what the fraud rules were told joins what late attach was told."""

from __future__ import annotations

from alembic import op

revision = "0053_one_staff_table"
down_revision = "0042_goods"
_MOVED = """
INSERT INTO staff_link (merchant_id, cashier, member_id, linked_by, linked_at)
SELECT merchant_id, cashier, member_id, told_by, told_at FROM risk_staff AS told
WHERE EXISTS (SELECT 1 FROM merchant WHERE merchant.merchant_id = told.merchant_id)
  AND NOT EXISTS (SELECT 1 FROM staff_link AS known
                  WHERE known.merchant_id = told.merchant_id AND known.cashier = told.cashier)
"""


def upgrade() -> None:
    op.execute(_MOVED)
    op.drop_table("risk_staff")


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
