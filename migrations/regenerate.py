#!/usr/bin/env python3
"""Write the first migration anew from every room's tables; only until a first version has been released.

Later changes get a migration of their own: it must not touch what a released one has made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from alembic.autogenerate import render_python_code  # noqa: E402 - after the path above
from alembic.migration import MigrationContext  # noqa: E402
from alembic.operations import ops  # noqa: E402
from sqlalchemy import MetaData, create_engine  # noqa: E402

from ledger_service.db.guards import guarded_tables  # noqa: E402
from ledger_service.db.schema import whole_metadata  # noqa: E402
from ledger_service.db.types import Bytes, UtcInstant  # noqa: E402

TARGET = ROOT / "migrations" / "versions" / "0001_spine.py"
HEAD = '''"""Every table of the spine, and the guards of those that only grow. By migrations/regenerate.py."""

# ruff: noqa: E501 - the lines of tables are written by Alembic

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = {guarded}
FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def upgrade() -> None:
    make_tables()
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql(FUNCTION.replace("%", "%%"))
    for table in APPEND_ONLY:
        guard(table, op.get_bind().dialect.name)


def guard(table: str, dialect: str) -> None:
    if dialect == "postgresql":
        op.execute(f"CREATE TRIGGER {{table}}_refuse_rewrite BEFORE UPDATE OR DELETE ON {{table}}"
                   " FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()")
        op.execute(f"CREATE TRIGGER {{table}}_refuse_truncate BEFORE TRUNCATE ON {{table}}"
                   " FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()")
        return
    for act in ("update", "delete"):
        op.execute(f"CREATE TRIGGER {{table}}_refuse_{{act}} BEFORE {{act.upper()}} ON {{table}}"
                   f" BEGIN SELECT RAISE(ABORT, '{{table}} is append-only'); END")


def downgrade() -> None:
    raise RuntimeError("a ledger is not migrated backwards: restore a backup")

'''


def main() -> None:
    """Write the file, or with ``--check`` fail where it is not what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where the file is out of date"
    )
    check = parser.parse_args().check
    text = render(whole_metadata())
    if check:
        sys.exit(
            0
            if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
            else f"{TARGET} is out of date"
        )
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {text.count('op.create_table')} tables")


def render(metadata: MetaData) -> str:
    """The whole text of the first migration."""
    context = MigrationContext.configure(
        create_engine("sqlite://").connect(), opts={"render_item": _render_type}
    )
    parts, calls = [], []
    for table in metadata.sorted_tables:
        operations = [ops.CreateTableOp.from_table(table), *_indexes(table)]
        code = render_python_code(
            ops.UpgradeOps(operations), migration_context=context, render_item=_render_type
        )
        body = "\n".join(line for line in code.splitlines() if not line.strip().startswith("# ###"))
        parts.append(f"\ndef make_{table.name}() -> None:\n    {body.strip()}\n")
        calls.append(f"    make_{table.name}()\n")
    guarded = "(\n" + "".join(f'    "{name}",\n' for name in guarded_tables()) + ")"
    tables = "\ndef make_tables() -> None:\n" + "".join(calls)
    return HEAD.format(guarded=guarded) + tables + "\n" + "\n".join(parts)


def _indexes(table: object) -> Iterator[ops.CreateIndexOp]:
    for index in sorted(table.indexes, key=lambda i: i.name):  # type: ignore[attr-defined]  # alembic's own type
        yield ops.CreateIndexOp.from_index(index)


def _render_type(kind: str, item: object, _context: object) -> str | bool:
    if kind == "type" and isinstance(item, UtcInstant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Bytes):
        return "sa.LargeBinary()"
    return False


if __name__ == "__main__":
    main()
