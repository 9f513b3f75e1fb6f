"""An answer to a claim names the sale that came home for it: with the goods its points go back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0106_claims_of_sales"
down_revision = "0105_events_by_details"
# All marks of an answer name one sale.
_KNOWN = (
    "SELECT r.sale_id FROM claimed_receipt r WHERE r.adjustment_id = adjustment.adjustment_id"
    " AND r.sale_id IS NOT NULL LIMIT 1"
)


def upgrade() -> None:
    mine = "sale_id IS NULL AND claim_id IS NOT NULL"
    op.execute(sa.text(f"UPDATE adjustment SET sale_id = ({_KNOWN}) WHERE {mine}"))


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
