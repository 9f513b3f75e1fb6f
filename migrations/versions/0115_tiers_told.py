"""Changes of tiers are written down, and webhooks tell of them.

SQLite changes no constraint of a table that stands: facts, deliveries and notes are made anew.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0115_tiers_told"
down_revision = "0113_promised_rewards"
_OLD_KINDS = (
    "kind IN ('sale.recorded', 'sale.refunded', 'points.changed', 'coupon.changed', 'reward.changed',"
    " 'claim.changed', 'share.followed', 'consent.changed', 'segment.changed', 'item.changed',"
    " 'case.changed', 'settlement.closed', 'member.erased')"
)
_KINDS = _OLD_KINDS.replace("'segment.changed'", "'segment.changed', 'tier.changed'").replace(
    "'member.erased'", "'member.enrolled', 'member.erased'"
)
_OLD_SOURCES = (
    "source IN ('coupon', 'reward', 'claim', 'member', 'follow', 'given', 'revoked', 'joined', 'left',"
    " 'claimed', 'returned', 'case')"
)
_SOURCES = _OLD_SOURCES.replace("'left'", "'left', 'tier'").replace("'member'", "'member', 'enrolled'")
_ENROLLED = "AFTER INSERT ON {} FOR EACH ROW WHEN (NEW.enrolled_by IS NOT NULL)"
_HEARD = "EXISTS (SELECT 1 FROM webhook_endpoint WHERE state <> 'ended')"
_EACH = "AFTER INSERT ON {} FOR EACH ROW"
_MANY = "AFTER INSERT ON {} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT"
# By trigger: the table, when it fires on SQLite and PostgreSQL, and the row that it notes on each.
_NOTES = {
    "enrolled": ("member", (_ENROLLED, _ENROLLED), *["VALUES ('enrolled', NULL, NEW.member_id)"] * 2),
    "tier": ("tier_change", (_EACH, _MANY), f"SELECT 'tier', NULL, NEW.change_id WHERE {_HEARD}",
             f"SELECT 'tier', NULL, change_id FROM fresh WHERE {_HEARD}"),
}  # fmt: skip
_TABLES = ("webhook_event", "webhook_delivery", "webhook_fresh")


def upgrade() -> None:
    _make_changes()
    op.execute("ALTER TABLE member ADD COLUMN enrolled_by BIGINT")
    if op.get_bind().dialect.name == "postgresql":
        for table, rule in (("event_kind", _KINDS), ("fresh_source", _SOURCES)):
            of, name = f"webhook_{table.split('_')[0]}", op.f(f"ck_webhook_{table}_known")
            op.drop_constraint(name, of)
            op.create_check_constraint(name, of, rule)
        _note_on_postgresql()
    else:
        _rebuild()
        for name, (table, (fires, _), row, _) in _NOTES.items():
            op.execute(
                f"CREATE TRIGGER webhook_note_{name} {fires.format(table)} BEGIN"
                f" INSERT INTO webhook_fresh (source, ref, number) {row}; END"
            )


def _make_changes() -> None:
    name = "tier_change"
    op.create_table(
        name,
        sa.Column("change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(),
                  nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.Integer(), nullable=False),
        sa.Column("ladder_version", sa.Integer(), nullable=False),
        sa.Column("was", sa.SmallInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("until_day", sa.Integer(), nullable=True),
        sa.Column("change", sa.String(length=9), nullable=False),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("change IN ('reached', 'fell', 'renewed', 'shortened', 'known')",
                           name=op.f(f"ck_{name}_change_known")),
        sa.CheckConstraint("cause IN ('purchase', 'refund', 'time', 'ladder', 'recount')",
                           name=op.f(f"ck_{name}_cause_known")),
        sa.CheckConstraint("was >= 0", name=op.f(f"ck_{name}_was_at_least_0")),
        sa.CheckConstraint("level >= 0", name=op.f(f"ck_{name}_level_at_least_0")),
        sa.ForeignKeyConstraint(["member_id"], ["member.member_id"], name=op.f(f"fk_{name}_member_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.programme_id"],
                                name=op.f(f"fk_{name}_programme_id")),
        sa.PrimaryKeyConstraint("change_id", name=op.f(f"pk_{name}")),
    )  # fmt: skip
    op.create_index(f"ix_{name}_member_id", name, ["member_id", "programme_id", "change_id"])
    # Where everybody stands today is known, so that the next count tells nobody of it.
    now = time.time_ns() // 1_000
    today = datetime.fromtimestamp(now // 1_000_000, UTC).toordinal()
    op.execute(
        f"INSERT INTO {name} (member_id, programme_id, ladder_version, was, level, until_day, change, cause,"
        " day, at) SELECT member_id, programme_id, ladder_version, level, level, until_day, 'known',"
        f" 'recount', {today}, {now} FROM member_tier WHERE level > 0 ORDER BY member_id, programme_id"
    )
    for statement in guard_statements(name, op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def _note_on_postgresql() -> None:
    for name, (table, (_, fires), _, row) in _NOTES.items():
        function = f"webhook_note_{name}()"
        op.execute(
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" INSERT INTO webhook_fresh (source, ref, number) {row}; RETURN NULL; END $$"
        )
        op.execute(f"CREATE TRIGGER webhook_note_{name} {fires.format(table)} EXECUTE FUNCTION {function}")


def _rebuild() -> None:
    """By their own text with the longer lists; triggers that note would follow the table that makes room."""
    conn = op.get_bind()
    its = (
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (tbl_name IN (?, ?, ?)"
        " OR (type = 'trigger' AND name LIKE 'webhook_note_%'))"
    )
    found = [tuple(row) for row in conn.exec_driver_sql(its, _TABLES)]
    made = {name: text.replace(_OLD_KINDS, _KINDS).replace(_OLD_SOURCES, _SOURCES) for _, name, text in found}
    for kind, name, _ in found:
        if kind != "table":
            conn.exec_driver_sql(f"DROP {kind} {name}")
    for table in reversed(_TABLES):
        conn.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_before")
    for table in _TABLES:
        conn.exec_driver_sql(made[table])
        listed = ", ".join(row[1] for row in conn.exec_driver_sql(f"PRAGMA table_info({table}_before)"))
        conn.exec_driver_sql(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {table}_before")
    for table in reversed(_TABLES):
        conn.exec_driver_sql(f"DROP TABLE {table}_before")
    for kind, name, _ in found:
        if kind != "table":
            conn.exec_driver_sql(made[name])


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
