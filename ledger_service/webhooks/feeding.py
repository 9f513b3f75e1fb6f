"""How books without own numbers are followed: a trigger notes each new row until the job has read it.

The ledger's entries are numbered without a gap in the order of commits, so a cursor follows them. Rows of
other books become visible in no order, and a cursor would miss some. A plain sale writes to none of these.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A book: its table, what names a row of it, and when the trigger fires."""

    table: str
    ref: str
    number: str
    fires: str = "AFTER INSERT ON {table} FOR EACH ROW"


_ERASED = "AFTER UPDATE OF status ON {table} FOR EACH ROW WHEN (NEW.status = 'erased')"
SOURCES = {
    "coupon": Source("coupon_event", "NEW.coupon_id", "NEW.position"),
    "reward": Source("share_reward_event", "NEW.reward_id", "NEW.position"),
    "claim": Source("claim_event", "NEW.claim_id", "NEW.position"),
    "member": Source("member", "NULL", "NEW.member_id", _ERASED),
}


def feeding_statements(dialect: str) -> list[str]:
    """The DDL of the triggers in a dialect, for ``create_all`` and for migrations."""
    return [sql for name, source in SOURCES.items() for sql in _statements(dialect, name, source)]


def _statements(dialect: str, name: str, source: Source) -> list[str]:
    noting = (
        "INSERT INTO webhook_fresh (source, ref, number)"
        f" VALUES ('{name}', {source.ref}, {source.number})"
    )  # fmt: skip
    fires = source.fires.format(table=source.table)
    if dialect == "sqlite":
        return [f"CREATE TRIGGER webhook_note_{name} {fires} BEGIN {noting}; END"]
    return [
        f"CREATE FUNCTION webhook_note_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {noting}; RETURN NULL; END $$",
        f"CREATE TRIGGER webhook_note_{name} {fires} EXECUTE FUNCTION webhook_note_{name}()",
    ]
