"""Webhooks tell of links that were followed, consents, segments, coded items and their cases, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger_service.db.guards import guard_statements

revision = "0108_more_is_told"
down_revision = "0107_notes_by_statement"
_KINDS = (
    "kind IN ('sale.recorded', 'sale.refunded', 'points.changed', 'coupon.changed', 'reward.changed',"
    " 'claim.changed', 'share.followed', 'consent.changed', 'segment.changed', 'item.changed',"
    " 'case.changed', 'settlement.closed', 'member.erased')"
)
_SOURCES = (
    "source IN ('coupon', 'reward', 'claim', 'member', 'follow', 'given', 'revoked', 'joined', 'left',"
    " 'claimed', 'returned', 'case')"
)
_HEARD = "EXISTS (SELECT 1 FROM webhook_endpoint WHERE state <> 'ended')"
_EACH = "AFTER INSERT ON {} FOR EACH ROW"
_MANY = "AFTER INSERT ON {} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT"
_REVOKED = "AFTER UPDATE OF revoked_at ON {} FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL)"
_LEFT = "AFTER UPDATE OF until ON {} FOR EACH ROW WHEN (NEW.until IS NOT NULL)"
_ERASED = "AFTER UPDATE OF status ON {} FOR EACH ROW WHEN (NEW.status = 'erased')"
# By trigger: the table, when it fires on SQLite and PostgreSQL, and the row that it notes on each.
_NOTES = {
    "follow": ("share_bind", (_EACH, _MANY), "VALUES ('follow', NEW.touch_id, NEW.number)",
               "SELECT 'follow', touch_id, number FROM fresh"),
    "given": ("member_consent", (_EACH, _EACH), *["VALUES ('given', NEW.consent_id, 1)"] * 2),
    "revoked": ("member_consent", (_REVOKED, _REVOKED), *["VALUES ('revoked', NEW.consent_id, 2)"] * 2),
    "joined": ("segment_member", (_EACH, _MANY),
               f"SELECT 'joined', NEW.segment_id, NEW.member_id WHERE {_HEARD}",
               f"SELECT 'joined', segment_id, member_id FROM fresh WHERE {_HEARD}"),
    "left": ("segment_member", (_LEFT, _LEFT),
             *[f"SELECT 'left', NEW.segment_id, NEW.member_id WHERE {_HEARD}"] * 2),
    "claimed": ("trace_claim", (_EACH, _EACH), *["VALUES ('claimed', NULL, NEW.item_id)"] * 2),
    "returned": ("trace_return", (_EACH, _EACH), *["VALUES ('returned', NULL, NEW.item_id)"] * 2),
    "case": ("trace_case_event", (_EACH, _MANY), "VALUES ('case', NEW.case_id, NEW.position)",
             "SELECT 'case', case_id, position FROM fresh"),
}  # fmt: skip
# What was noted before; SQLite's triggers would follow the table that makes room.
_BEFORE = {
    "coupon": ("coupon_event", (_EACH, _MANY), "VALUES ('coupon', NEW.coupon_id, NEW.position)", ""),
    "reward": ("share_reward_event", (_EACH, _MANY), "VALUES ('reward', NEW.reward_id, NEW.position)", ""),
    "claim": ("claim_event", (_EACH, _MANY), "VALUES ('claim', NEW.claim_id, NEW.position)", ""),
    "member": ("member", (_ERASED, _ERASED), "VALUES ('member', NULL, NEW.member_id)", ""),
}
_EVENT = "number, event_id, merchant_id, kind, member_id, body, occurred_at, recorded_at"
_DELIVERY = "endpoint_id, number, lane, state, attempts, due_at, first_tried_at, done_at, last_status"
_NOTE = "fresh_id, source, ref, number"
_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, rule in (("event_kind", _KINDS), ("fresh_source", _SOURCES)):
            of, name = f"webhook_{table.split('_')[0]}", op.f(f"ck_webhook_{table}_known")
            op.drop_constraint(name, of)
            op.create_check_constraint(name, of, rule)
        _note_on_postgresql()
    else:
        _rebuild()
        for name, (table, (fires, _), row, _) in {**_BEFORE, **_NOTES}.items():
            op.execute(
                f"CREATE TRIGGER webhook_note_{name} {fires.format(table)} BEGIN"
                f" INSERT INTO webhook_fresh (source, ref, number) {row}; END"
            )


def _note_on_postgresql() -> None:
    for name, (table, (_, fires), _, row) in _NOTES.items():
        function = f"webhook_note_{name}()"
        op.execute(
            f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" INSERT INTO webhook_fresh (source, ref, number) {row}; RETURN NULL; END $$"
        )
        op.execute(f"CREATE TRIGGER webhook_note_{name} {fires.format(table)} EXECUTE FUNCTION {function}")


def _rebuild() -> None:
    """SQLite changes no constraint of a table that stands; deliveries follow, since they name the facts."""
    for name in _BEFORE:
        op.execute(f"DROP TRIGGER webhook_note_{name}")
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER webhook_event_refuse_{act}")
    for index in ("member_id", "merchant_id"):
        op.drop_index(f"ix_webhook_event_{index}", "webhook_event")
    for index in ("lane", "pending", "dead"):
        op.drop_index(f"ix_webhook_delivery_{index}", "webhook_delivery")
    for table in ("delivery", "event", "fresh"):
        op.rename_table(f"webhook_{table}", f"webhook_{table}_before")
    _make_events()
    _make_deliveries()
    _make_notes()
    for table, columns in (("event", _EVENT), ("delivery", _DELIVERY), ("fresh", _NOTE)):
        op.execute(f"INSERT INTO webhook_{table} ({columns}) SELECT {columns} FROM webhook_{table}_before")
    for table in ("delivery", "event", "fresh"):
        op.drop_table(f"webhook_{table}_before")
    for statement in guard_statements("webhook_event", "sqlite"):
        op.get_bind().exec_driver_sql(statement)


def _make_events() -> None:
    op.create_table(
        "webhook_event",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.LargeBinary(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_KINDS, name=op.f("ck_webhook_event_kind_known")),
        sa.CheckConstraint("length(event_id) = 16", name=op.f("ck_webhook_event_event_id_length")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_webhook_event_number_at_least_1")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_webhook_event_event_id")),
    )
    op.create_index("ix_webhook_event_member_id", "webhook_event", ["member_id", "merchant_id"])
    op.create_index("ix_webhook_event_merchant_id", "webhook_event", ["merchant_id", "number"])


def _make_deliveries() -> None:
    name = "webhook_delivery"
    op.create_table(
        name,
        sa.Column("endpoint_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("first_tried_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'pending') = (done_at IS NULL)", name=op.f(f"ck_{name}_done_when_not_pending")
        ),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'dead')", name=op.f(f"ck_{name}_state_known")),
        sa.CheckConstraint("attempts >= 0", name=op.f(f"ck_{name}_attempts_at_least_0")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.endpoint_id"], name=op.f(f"fk_{name}_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["number"], ["webhook_event.number"], name=op.f(f"fk_{name}_number")),
        sa.PrimaryKeyConstraint("endpoint_id", "number", name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{name}_lane", name, ["endpoint_id", "lane", "number"], sqlite_where=_PENDING)
    op.create_index(f"ix_{name}_pending", name, ["endpoint_id", "number"], sqlite_where=_PENDING)
    dead = sa.text("state = 'dead'")
    op.create_index(f"ix_{name}_dead", name, ["endpoint_id", "number"], sqlite_where=dead)


def _make_notes() -> None:
    op.create_table(
        "webhook_fresh",
        sa.Column("fresh_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(_SOURCES, name=op.f("ck_webhook_fresh_source_known")),
        sa.PrimaryKeyConstraint("fresh_id", name=op.f("pk_webhook_fresh")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")
