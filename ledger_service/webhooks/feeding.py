"""How books without own numbers are followed: a trigger notes each new row until the job has read it.

The ledger's entries are numbered without a gap in the order of commits, so a cursor follows them. Rows of
other books become visible in no order, and a cursor would miss some. A plain sale writes to none of these.

PostgreSQL notes all rows of a statement in one go where many come at once: a call for each row took half of
the time of writing it.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A book: its table, what names a row of it, and when the trigger fires; each insert unless told.

    ``heard``: rows come in masses, so they are noted only where some merchant has an endpoint.
    """

    table: str
    ref: str
    number: str
    fires: str = ""
    heard: bool = False


_ERASED = "AFTER UPDATE OF status ON {table} FOR EACH ROW WHEN (NEW.status = 'erased')"
_REVOKED = "AFTER UPDATE OF revoked_at ON {table} FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL)"
_ENROLLED = "AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.enrolled_by IS NOT NULL)"
_LEFT = "AFTER UPDATE OF until ON {table} FOR EACH ROW WHEN (NEW.until IS NOT NULL)"
_HEARD = "EXISTS (SELECT 1 FROM webhook_endpoint WHERE state <> 'ended')"
_BY_ROW = "AFTER INSERT ON {table} FOR EACH ROW"
_BY_STATEMENT = "AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT"
SOURCES = {
    "coupon": Source("coupon_event", "coupon_id", "position"),
    "reward": Source("share_reward_event", "reward_id", "position"),
    "claim": Source("claim_event", "claim_id", "position"),
    "member": Source("member", "NULL", "NEW.member_id", _ERASED),
    "enrolled": Source("member", "NULL", "NEW.member_id", _ENROLLED),
    "follow": Source("share_bind", "touch_id", "number"),
    "given": Source("member_consent", "NEW.consent_id", "1", _BY_ROW),
    "revoked": Source("member_consent", "NEW.consent_id", "2", _REVOKED),
    "joined": Source("segment_member", "segment_id", "member_id", heard=True),
    "left": Source("segment_member", "NEW.segment_id", "NEW.member_id", _LEFT, heard=True),
    "tier": Source("tier_change", "NULL", "change_id", heard=True),
    "claimed": Source("trace_claim", "NULL", "NEW.item_id", _BY_ROW),
    "returned": Source("trace_return", "NULL", "NEW.item_id", _BY_ROW),
    "case": Source("trace_case_event", "case_id", "position"),
    "ending": Source("expiry_notice", "NULL", "notice_id", heard=True),
    "card": Source("value_entry", "card_id", "position"),
    "ticket": Source("ticket_entry", "ticket_id", "position"),
}


def feeding_statements(dialect: str) -> list[str]:
    """The DDL of the triggers in a dialect, for ``create_all`` and for migrations."""
    return [sql for name, source in SOURCES.items() for sql in _statements(dialect, name, source)]


def _statements(dialect: str, name: str, source: Source) -> list[str]:
    by_row, many = source.fires or _BY_ROW, dialect != "sqlite" and not source.fires
    fires = (_BY_STATEMENT if many else by_row).format(table=source.table)
    noting = f"INSERT INTO webhook_fresh (source, ref, number) {_noted(name, source, many)}"
    if dialect == "sqlite":
        return [f"CREATE TRIGGER webhook_note_{name} {fires} BEGIN {noting}; END"]
    return [
        f"CREATE FUNCTION webhook_note_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {noting}; RETURN NULL; END $$",
        f"CREATE TRIGGER webhook_note_{name} {fires} EXECUTE FUNCTION webhook_note_{name}()",
    ]


def _noted(name: str, source: Source, many: bool) -> str:
    """The row of a trigger, or all of a statement's in their order."""
    of = "" if many or source.fires else "NEW."
    ref = source.ref if source.ref == "NULL" else f"{of}{source.ref}"
    row = f"'{name}', {ref}, {of}{source.number}"
    if many or source.heard:
        rows = f"SELECT {row}" + (" FROM fresh" if many else "")
        return f"{rows} WHERE {_HEARD}" if source.heard else rows
    return f"VALUES ({row})"
