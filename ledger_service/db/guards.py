"""Tables that only grow: the database itself refuses UPDATE, DELETE and (PostgreSQL) TRUNCATE on them."""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def guard_statements(table: str, dialect: str) -> list[str]:
    """The DDL that makes a table append-only in a dialect, for ``create_all`` and for migrations."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_refuse_{act} BEFORE {act.upper()} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for act in ("update", "delete")
        ]
    return [
        _FUNCTION,
        f"CREATE TRIGGER {table}_refuse_rewrite BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()",
        f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()",
    ]


_guarded: set[str] = set()


def guarded_tables() -> list[str]:
    """The names of all append-only tables that have been imported, sorted."""
    return sorted(_guarded)


def append_only(table: Table) -> Table:
    """The table refuses update and delete wherever ``create_all`` makes it."""
    for dialect in ("sqlite", "postgresql"):
        for statement in guard_statements(table.name, dialect):
            ddl = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]  # theirs
            event.listen(table, "after_create", ddl)
    _guarded.add(table.name)
    return table
