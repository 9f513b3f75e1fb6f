"""Migrations make the schema that the rooms describe, on both databases, with guards and time limits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, OperationalError

from ledger_service.db.engine import Database, open_database
from ledger_service.db.guards import guarded_tables
from ledger_service.db.revisions import MIGRATIONS, revision_of, schema_head
from ledger_service.db.schema import migrate, whole_metadata
from tests.conftest import Cluster

_numbers = count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/bare.db")
        yield database
        database.close()
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"bare_{next(_numbers)}"
    cluster.admin(f"CREATE DATABASE {name}")
    database = open_database(cluster.url(name))
    yield database
    database.close()
    cluster.admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_there_is_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema_head()]


def test_a_database_says_where_it_stands(bare: Database) -> None:
    with bare.read() as conn:
        assert revision_of(conn) is None
    migrate(bare)
    with bare.read() as conn:
        assert revision_of(conn) == schema_head()


def test_a_migrated_database_is_what_create_all_makes(bare: Database) -> None:
    migrate(bare)
    migrate(bare)  # again changes nothing
    with bare.writing.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, whole_metadata()) == []
        assert "alembic_version" in inspect(conn).get_table_names()


def test_checks_and_storage_options_are_the_same_as_those_of_create_all(
    bare: Database, request: pytest.FixtureRequest
) -> None:
    migrate(bare)
    made = request.getfixturevalue("sqlite_database" if bare.is_sqlite else "postgres_database")
    assert _constraints(bare) == _constraints(made)


def test_triggers_are_the_same_as_those_of_create_all(
    bare: Database, request: pytest.FixtureRequest
) -> None:
    migrate(bare)
    made = request.getfixturevalue("sqlite_database" if bare.is_sqlite else "postgres_database")
    migrated = _triggers(bare)
    assert migrated == _triggers(made)
    assert "webhook_note_reward" in migrated


def test_every_constraint_has_a_name() -> None:
    unnamed = [
        f"{table.name}: {constraint}" for table in whole_metadata().sorted_tables
        for constraint in table.constraints if constraint.name is None
    ]  # fmt: skip
    assert unnamed == []


def test_append_only_tables_are_guarded_after_a_migration(bare: Database) -> None:
    migrate(bare)
    assert {"entry", "posting", "hold_event"} <= set(guarded_tables())
    if not bare.is_sqlite:  # PostgreSQL fires a statement trigger even where there is no row
        for table in guarded_tables():
            with pytest.raises(DBAPIError, match=f"{table} is append-only"), bare.begin() as conn:
                conn.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    with bare.begin() as conn:
        conn.exec_driver_sql(
            f"INSERT INTO entry VALUES (1, {_bytes(bare, 16)}, 'x', 1, 1, '{{}}', {_bytes(bare, 32)})"
        )
    for act in ("UPDATE entry SET kind = 'y'", "DELETE FROM entry"):
        with pytest.raises(DBAPIError, match="entry is append-only"), bare.begin() as conn:
            conn.exec_driver_sql(act)


def test_a_migration_that_fails_leaves_nothing(bare: Database) -> None:
    with bare.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE terminal (x INTEGER)")  # in the way of the last table
    with pytest.raises(DBAPIError):
        migrate(bare)
    with bare.writing.connect() as conn:
        assert inspect(conn).get_table_names() == ["terminal"]


@pytest.mark.postgres
def test_a_migration_gives_up_on_a_lock_instead_of_stopping_every_checkout(
    postgres_database: Database,
) -> None:
    with postgres_database.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    with postgres_database.writing.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(postgres_database)


def _bytes(database: Database, count: int) -> str:
    return f"x'{'00' * count}'" if database.is_sqlite else f"decode('{'00' * count}', 'hex')"


def _constraints(database: Database) -> set[tuple[str, ...]]:
    if database.is_sqlite:
        query = "SELECT name, type, tbl_name FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
        options = "SELECT name, CAST(wr AS TEXT), '' FROM pragma_table_list WHERE name NOT LIKE '%alembic%'"
    else:
        query = ("SELECT conname, pg_get_constraintdef(oid), conrelid::regclass::text FROM pg_constraint"
                 " WHERE conrelid > 0 AND connamespace = 'public'::regnamespace"
                 " AND conrelid::regclass::text <> 'alembic_version'")  # fmt: skip
        options = ("SELECT relname, relkind::text, COALESCE(reloptions::text, '') FROM pg_class"
                   " WHERE relnamespace = 'public'::regnamespace"
                   " AND relname NOT LIKE 'alembic%%'")  # fmt: skip
    with database.read() as conn:
        return {tuple(row) for sql in (query, options) for row in conn.exec_driver_sql(sql)}


def _triggers(database: Database) -> dict[str, str]:
    """What each trigger does, by its name; blanks do not count."""
    its = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    if not database.is_sqlite:
        its = (
            "SELECT tgname, pg_get_triggerdef(t.oid) || p.prosrc FROM pg_trigger t"
            " JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT tgisinternal"
        )
    with database.read() as conn:
        return {name: "".join(sql.split()) for name, sql in conn.exec_driver_sql(its)}
