"""Webhooks tell of points that end soon, of money on stored-value cards and of tickets, too.

SQLite changes no constraint of a table that stands: facts, deliveries and notes are made anew.
"""

from __future__ import annotations

from alembic import op

revision = "0116_paid_things_told"
down_revision = "0115_tiers_told"
_OLD_KINDS = (
    "kind IN ('sale.recorded', 'sale.refunded', 'points.changed', 'coupon.changed', 'reward.changed',"
    " 'claim.changed', 'share.followed', 'consent.changed', 'segment.changed', 'tier.changed',"
    " 'item.changed', 'case.changed', 'settlement.closed', 'member.enrolled', 'member.erased')"
)
_KINDS = _OLD_KINDS.replace(
    "'points.changed'", "'points.changed', 'points.ending', 'value_card.changed', 'ticket.changed'"
)
_OLD_SOURCES = (
    "source IN ('coupon', 'reward', 'claim', 'member', 'enrolled', 'follow', 'given', 'revoked', 'joined',"
    " 'left', 'tier', 'claimed', 'returned', 'case')"
)
_SOURCES = _OLD_SOURCES.replace("'case'", "'case', 'ending', 'card', 'ticket'")
_HEARD = "EXISTS (SELECT 1 FROM webhook_endpoint WHERE state <> 'ended')"
# By trigger: the table, and the row that it notes on SQLite and on PostgreSQL.
_NOTES = {
    "ending": ("expiry_notice", f"SELECT 'ending', NULL, NEW.notice_id WHERE {_HEARD}",
               f"SELECT 'ending', NULL, notice_id FROM fresh WHERE {_HEARD}"),
    "card": ("value_entry", "VALUES ('card', NEW.card_id, NEW.position)",
             "SELECT 'card', card_id, position FROM fresh"),
    "ticket": ("ticket_entry", "VALUES ('ticket', NEW.ticket_id, NEW.position)",
               "SELECT 'ticket', ticket_id, position FROM fresh"),
}  # fmt: skip
_TABLES = ("webhook_event", "webhook_delivery", "webhook_fresh")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, rule in (("event_kind", _KINDS), ("fresh_source", _SOURCES)):
            of, name = f"webhook_{table.split('_')[0]}", op.f(f"ck_webhook_{table}_known")
            op.drop_constraint(name, of)
            op.create_check_constraint(name, of, rule)
        _note_on_postgresql()
    else:
        _rebuild()
        for name, (table, row, _) in _NOTES.items():
            op.execute(
                f"CREATE TRIGGER webhook_note_{name} AFTER INSERT ON {table} FOR EACH ROW BEGIN"
                f" INSERT INTO webhook_fresh (source, ref, number) {row}; END"
            )


def _note_on_postgresql() -> None:
    for name, (table, _, row) in _NOTES.items():
        function = f"webhook_note_{name}()"
        op.execute(
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" INSERT INTO webhook_fresh (source, ref, number) {row}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER webhook_note_{name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}"
        )


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
