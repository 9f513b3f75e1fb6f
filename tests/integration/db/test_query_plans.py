"""No load of the hot path scans a table: what costs nothing at ten rows must cost nothing at ten million."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from sqlalchemy import Integer, LargeBinary
from sqlalchemy.types import TypeEngine

import ledger_service
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.db.types import Bytes
from ledger_service.db.workset import Load

ROOMS = ("ledger", "outbox", "points", "checkout", "members", "merchants")


def declared_loads() -> dict[str, Load]:
    found = {}
    for room in ROOMS:
        package = importlib.import_module(f"{ledger_service.__name__}.{room}")
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            found |= {_named(v): v for v in vars(module).values() if type(v) is Load}
    return found


def _named(load: Load) -> str:
    by = f"{load.table.name} by {', '.join(load.by)}"
    return by if load.least is None else f"{by}, least {load.least}"


LOADS = declared_loads()


def test_the_loads_of_every_room_are_found() -> None:
    assert {"idempotency by subject, key", "lot by member_id", "sale by sale_id"} <= LOADS.keys()


@pytest.mark.parametrize("name", sorted(LOADS))
def test_sqlite_answers_a_load_from_an_index(sqlite_database: Database, name: str) -> None:
    load = LOADS[name]
    with sqlite_database.begin() as conn:
        sql = sql_of(load.table, conn)
        keys = [tuple(_sample(load.table.c[column].type, i) for column in load.by) for i in (1, 2)]
        for statement in load.selects(sql, keys):
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values).all()
            steps = [row[3] for row in plan]
            scanned = [s for s in steps if s.startswith("SCAN") and s.split()[1] in ("t", load.table.name)]
            assert not scanned, steps


def _sample(kind: TypeEngine[Any], number: int) -> object:
    if isinstance(kind, (Bytes, LargeBinary)):
        return bytes([number]) * (getattr(kind, "fixed", None) or 32)
    return number if isinstance(kind, Integer) else str(number)
