"""PostgreSQL notes what webhooks tell of once for each statement, not once for each row.

The notes are the same; SQLite knows no such triggers and stays as it is.
"""

from __future__ import annotations

from alembic import op

revision = "0107_notes_by_statement"
down_revision = "0106_claims_of_sales"
_BOOKS = {"coupon": "coupon_event", "reward": "share_reward_event", "claim": "claim_event"}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for name, table in _BOOKS.items():
        function = f"webhook_note_{name}()"
        op.execute(f"DROP TRIGGER webhook_note_{name} ON {table}")
        op.execute(
            f"CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO webhook_fresh (source, ref, number)"
            f" SELECT '{name}', {name}_id, position FROM fresh; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER webhook_note_{name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}"
        )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
