"""Tables that only grow: the database itself refuses UPDATE, DELETE and (PostgreSQL) TRUNCATE on them.

Of an archivable table it lets go of what a chapter of an archive holds, and of nothing else.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""
_ARCHIVED = "(SELECT COALESCE(MAX(last_sequence), 0) FROM archive_chapter WHERE kind = 'entries')"
_ARCHIVED_FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_unarchived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
 IF TG_OP = 'DELETE' THEN IF OLD.sequence <= {_ARCHIVED} THEN RETURN OLD; END IF; END IF;
 RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def guard_statements(table: str, dialect: str, *, archivable: bool = False) -> list[str]:
    """The DDL that makes a table append-only in a dialect, for ``create_all`` and for migrations."""
    if dialect == "sqlite":
        kept = f" WHEN OLD.sequence > {_ARCHIVED}" if archivable else ""
        return [
            f"CREATE TRIGGER {table}_refuse_{act} BEFORE {act.upper()} ON {table}{when}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for act, when in (("update", ""), ("delete", kept))
        ]
    refuse = "refuse_unarchived" if archivable else "refuse_rewrite"
    return [
        _FUNCTION,
        *([_ARCHIVED_FUNCTION] if archivable else []),
        f"CREATE TRIGGER {table}_refuse_rewrite BEFORE UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {refuse}()",
        f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()",
    ]


_guarded: set[str] = set()


def guarded_tables() -> list[str]:
    """The names of all append-only tables that have been imported, sorted."""
    return sorted(_guarded)


def append_only(table: Table) -> Table:
    """The table refuses update and delete wherever ``create_all`` makes it."""
    return _guard(table, archivable=False)


def archivable(table: Table) -> Table:
    """As ``append_only``, but rows whose ``sequence`` a chapter of an archive covers may be deleted."""
    return _guard(table, archivable=True)


def _guard(table: Table, *, archivable: bool) -> Table:
    for dialect in ("sqlite", "postgresql"):
        for statement in guard_statements(table.name, dialect, archivable=archivable):
            ddl = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]  # theirs
            event.listen(table, "after_create", ddl)
    _guarded.add(table.name)
    return table
