"""Rewards for sharing are promised on the chain before they are issued; what stands goes on as earns.

SQLite changes no constraint of a table that stands: rewards, and their events, which name them, are made anew
from their own text.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0113_promised_rewards"
down_revision = "0112_campaign_desk"
_OLD = "'held', 'due', 'granted', 'refused', 'appealed', 'void', 'clawed', 'left'"
_NEW = "'held', 'due', 'promised', 'granted', 'refused', 'appealed', 'void', 'clawed', 'left'"
_OLD_STANDING = "state IN ('held', 'due', 'granted', 'appealed', 'left')"
_STANDING = "state IN ('held', 'due', 'promised', 'granted', 'appealed', 'left')"
_LEAVING = "promise IN ('going', 'gone')"
_KNOWN = "promise IN ('unsaid', 'said', 'going', 'gone', 'back')"
_TOLD = (
    "told INTEGER", "told_points BIGINT", "told_depth SMALLINT", "told_ends BIGINT", "open_points BIGINT",
)  # fmt: skip
_TABLES = ("share_reward", "share_reward_event")


def upgrade() -> None:
    op.execute("ALTER TABLE pending_issue ADD COLUMN reason SMALLINT DEFAULT 0 NOT NULL")
    _campaigns()
    if op.get_bind().dialect.name == "postgresql":
        _change()
    else:
        _rebuild()
    _columns()
    where = sa.text(_LEAVING)
    op.create_index(
        "ix_share_reward_leaving", "share_reward", ["reward_id"], unique=False, sqlite_where=where,
        postgresql_where=where,
    )  # fmt: skip


def _campaigns() -> None:
    add, zero = "ALTER TABLE share_campaign ADD COLUMN", "DEFAULT 0 NOT NULL"
    for column in _TOLD:
        op.execute(f"{add} {column} {zero}")
    answered = "CONSTRAINT ck_share_campaign_answered_what_was_told CHECK (answered <= told)"
    op.execute(f"{add} answered INTEGER {zero} {answered}")
    least = "CONSTRAINT ck_share_campaign_stands_points_at_least_0 CHECK (stands_points >= 0)"
    op.execute(f"{add} stands_points BIGINT {zero} {least}")


def _columns() -> None:
    add, name = "ALTER TABLE share_reward ADD COLUMN", "CONSTRAINT ck_share_reward"
    kind = "BYTEA" if op.get_bind().dialect.name == "postgresql" else "BLOB"
    known = f"{name}_promise_known CHECK ({_KNOWN})"
    points = f"{name}_promise_of_points CHECK (promise IS NULL OR pays = 'points')"
    said = f"{name}_promised_is_said CHECK (state <> 'promised' OR promise = 'said')"
    op.execute(f"{add} promise VARCHAR(6) {known} {points} {said}")
    op.execute(f"{add} promise_id {kind}")
    least = f"{name}_returns_at_least_0 CHECK (returns >= 0)"
    op.execute(f"{add} returns SMALLINT DEFAULT 0 NOT NULL {least}")


def _change() -> None:
    op.drop_constraint(op.f("ck_share_reward_state_known"), "share_reward")
    op.create_check_constraint(op.f("ck_share_reward_state_known"), "share_reward", f"state IN ({_NEW})")
    op.drop_index("ix_share_reward_standing", "share_reward")
    where = sa.text(_STANDING)
    op.create_index("ix_share_reward_standing", "share_reward", ["reward_id"], postgresql_where=where)


def _rebuild() -> None:
    conn = op.get_bind()
    its = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN (?, ?) AND sql IS NOT NULL"
    found = [tuple(row) for row in conn.exec_driver_sql(its, _TABLES)]
    made = {name: text.replace(_OLD, _NEW).replace(_OLD_STANDING, _STANDING) for _, name, text in found}
    for kind, name, _ in found:
        if kind != "table":
            conn.exec_driver_sql(f"DROP {kind} {name}")
    for table in reversed(_TABLES):
        conn.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_before")
    for table in _TABLES:
        conn.exec_driver_sql(made[table])
        columns = [row[1] for row in conn.exec_driver_sql(f"PRAGMA table_info({table}_before)")]
        listed = ", ".join(columns)
        conn.exec_driver_sql(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {table}_before")
    for table in reversed(_TABLES):
        conn.exec_driver_sql(f"DROP TABLE {table}_before")
    # Behind the copy: what was noted for webhooks before is not noted again.
    for kind, name, _ in found:
        if kind != "table":
            conn.exec_driver_sql(made[name])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
