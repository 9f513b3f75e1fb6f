"""What receipts adjustments stand for, by which a sale that comes or joins later is known."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0102_claimed_receipts"
down_revision = "0100_prizes_left"
_CLAIMS = sa.text(
    "SELECT a.adjustment_id, a.sale_id, a.state, c.merchant_id, c.store_gln, c.sold_on, c.reference, c.code,"
    " c.amount_minor FROM claim c JOIN adjustment a ON a.adjustment_id = c.adjustment_id"
    " WHERE a.state <> 'declined' AND (c.reference <> '' OR c.code IS NOT NULL)"
)


def upgrade() -> None:
    receipts = op.create_table(
        "claimed_receipt",
        sa.Column("adjustment_id", sa.LargeBinary(), primary_key=True),
        sa.Column("mark", sa.LargeBinary(), primary_key=True),
        sa.Column("store_gln", sa.BigInteger(), nullable=False),
        sa.Column("sold_on", sa.String(10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("sale_id", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["adjustment_id"], ["adjustment.adjustment_id"],
                                name=op.f("fk_claimed_receipt_adjustment_id")),
        sa.CheckConstraint("length(mark) = 32", name=op.f("ck_claimed_receipt_mark_length")),
        sa.CheckConstraint("state IN ('asked', 'approved', 'declined')",
                           name=op.f("ck_claimed_receipt_state_known")),
        sa.PrimaryKeyConstraint("adjustment_id", "mark", name=op.f("pk_claimed_receipt")),
    )  # fmt: skip
    op.create_index("ix_claimed_receipt_mark", "claimed_receipt", ["mark"])
    op.create_index("ix_imported_sale_merchant_id", "imported_sale", ["merchant_id", "occurred_at"])
    rows = [row for claim in op.get_bind().execute(_CLAIMS).mappings() for row in _rows(claim)]
    if rows:
        op.bulk_insert(receipts, rows)


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")


def _rows(claim: sa.RowMapping) -> list[dict[str, object]]:
    """As the service writes them from this revision on."""
    place = f"reference\n{claim['merchant_id']}\n{claim['store_gln']}"
    texts = [f"{place}\n{_bare(claim['reference'])}"] if claim["reference"] else []
    texts += [f"code\n{claim['merchant_id']}\n{_bare(claim['code'])}"] if claim["code"] else []
    names = ("adjustment_id", "store_gln", "sold_on", "amount_minor", "state", "sale_id")
    facts = {name: claim[name] for name in names}
    return [{**facts, "mark": sha256(text.encode()).digest()} for text in texts]


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    signs = "".join(sign for sign in folded if sign.isalnum())
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", signs) or folded.strip()
