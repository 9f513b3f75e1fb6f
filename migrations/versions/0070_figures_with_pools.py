"""Figures of closed periods hold the lines of pools: those without are made anew by the bridge."""

from __future__ import annotations

from alembic import op

revision = "0070_figures_with_pools"
down_revision = "0068_stored_value"


def upgrade() -> None:
    op.execute("DELETE FROM settlement_figures")


def downgrade() -> None:
    """What is made anew either way needs nothing."""
