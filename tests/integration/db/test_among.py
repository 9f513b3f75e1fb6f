"""A column among many values bound as one finds the same rows as a parameter for each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, String, Table, select

from ledger_service.db.among import among, among_ids
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.db.types import Bytes, Int64

WANTED = [3, -7, 2**62, 11, 11]


def filled(database: Database) -> Table:
    tables = MetaData()
    made = Table("one_of_many", tables, Column("number", Int64, primary_key=True, autoincrement=False),
                 Column("id", Bytes(16)), Column("word", String(4)))  # fmt: skip
    with database.begin() as conn:
        tables.create_all(conn)
        numbers = [3, 4, 11, 2**62, -7, *range(1_000, 4_000)]
        rows: list[dict[str, Any]] = [
            {"number": one, "id": id_of(one), "word": "even" if one % 2 == 0 else "odd"} for one in numbers
        ]
        sql_of(made, conn).insert(conn, rows)
    return made


def id_of(number: int) -> bytes:
    return number.to_bytes(16, "big", signed=True)


def test_what_is_among_many_values_is_found_once_whatever_their_number(database: Database) -> None:
    made = filled(database)
    c = made.c
    with database.read() as conn:
        numbers = select(c.number).order_by(c.number)
        found = conn.execute(numbers.where(among(conn, c.number, WANTED)))
        assert list(found.scalars()) == [-7, 3, 11, 2**62]
        many = range(6_000)
        assert len(conn.execute(numbers.where(among(conn, c.number, many), c.word == "odd")).all()) == 1_502
        assert conn.execute(numbers.where(among(conn, c.number, []))).all() == []


def test_ids_are_found_among_many_by_their_bytes(database: Database) -> None:
    made = filled(database)
    c = made.c
    with database.read() as conn:
        numbers = select(c.number).order_by(c.number)
        ids = [id_of(one) for one in (3, 11, -7, 2**62, 5)]
        assert list(conn.execute(numbers.where(among_ids(conn, c.id, ids))).scalars()) == [-7, 3, 11, 2**62]
        assert conn.execute(numbers.where(among_ids(conn, c.id, []))).all() == []
