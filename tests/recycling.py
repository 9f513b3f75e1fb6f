"""Databases of a PostgreSQL cluster that serve one test after the other: emptying one takes a twentieth of
making one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import count

import psycopg

# What a test may have bent: then the database is thrown away. Rows are no matter.
_SCHEMA = """
WITH named(what) AS (
    SELECT concat_ws(' ', relname, relkind, relnatts)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, attnotnull, atttypid, attisdropped)
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled)
        FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, convalidated)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', proname, md5(prosrc))
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting
)
SELECT md5(string_agg(what, ',' ORDER BY what)) FROM named
"""
_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Triggers that guard the books do not fire for a replica, nor do foreign keys. A table without a page was
# never written to, and nor was a sequence without a last value.
_EMPTY = """
DO $$
DECLARE it record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR it IN SELECT oid::regclass AS name, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND CASE relkind
            WHEN 'r' THEN pg_relation_size(oid) > 0
            WHEN 'S' THEN pg_sequence_last_value(oid) IS NOT NULL
            ELSE FALSE END
    LOOP
        IF it.relkind = 'r' THEN
            EXECUTE format('DELETE FROM %s', it.name);
        ELSE
            EXECUTE format('ALTER SEQUENCE %s RESTART', it.name);
        END IF;
    END LOOP;
END $$
"""
# Deleted rows stay in their files, and every later test would read past them.
_LARGEST = """
SELECT coalesce(max(pg_relation_size(oid)), 0) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
_MOST_BYTES = 1_000_000


class Recycled:
    """Empty databases with every table, made from a template when none is free."""

    def __init__(self, admin: Callable[[str], None], url: Callable[[str], str], template: str) -> None:
        """Take what sends statements to the cluster, what tells a database's URL, and the template's name."""
        self._admin = admin
        self._url = url
        self._template = template
        self._numbers = count(1)
        self._free: list[str] = []
        with closing(self._connect(template)) as conn:
            self._schema = _one(conn, _SCHEMA)

    def take(self) -> str:
        """The name of a database with every table and no row."""
        if self._free:
            return self._free.pop()
        name = f"alliance_{next(self._numbers)}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def give_back(self, name: str) -> None:
        """The database serves the next test; one that a test has bent or made large is dropped."""
        with closing(self._connect(name)) as conn:
            _one(conn, _OTHERS)
            sound = _one(conn, _SCHEMA) == self._schema and int(_one(conn, _LARGEST)) <= _MOST_BYTES
            if sound:
                conn.execute(_EMPTY)
        if sound:
            self._free.append(name)
        else:
            self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self._url(name), autocommit=True)


def _one(conn: psycopg.Connection[tuple[object, ...]], query: str) -> str:
    row = conn.execute(query).fetchone()
    assert row is not None
    return str(row[0])
