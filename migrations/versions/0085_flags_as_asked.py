"""Partial indexes over flags say on SQLite what queries ask there; transactions are found by their step.

SQLAlchemy asks SQLite whether a flag is 1, and SQLite takes no index of `live` for `live = 1`: it read all.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0085_flags_as_asked"
down_revision = "0084_acts"
# Index, table, columns, whether it is unique, and the flag.
_FLAGGED = (
    ("uq_chain_batch_item_live_op_id", "chain_batch_item", ["op_id"], True, "live"),
    ("uq_chain_beside_item_live_op_id", "chain_beside_item", ["op_id"], True, "live"),
    ("ix_coupon_telling_waits", "coupon_telling", ["coupon_id", "position"], False, "waits"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, table, columns, unique, flag in _FLAGGED:
            op.drop_index(name, table)
            op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(f"{flag} = 1"))
    op.create_index("ix_chain_tx_step", "chain_tx", ["step"])
    op.create_index("ix_chain_beside_item_op_id", "chain_beside_item", ["op_id"])
