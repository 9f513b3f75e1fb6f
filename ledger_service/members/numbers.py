"""Fresh member and device ids: gapless is not promised, reuse never happens."""

from __future__ import annotations

from sqlalchemy import Column, Connection, func, select


def take_ids(conn: Connection, column: Column[int], count: int) -> list[int]:
    """``count`` ids of an identity column that no row has or will get otherwise, ascending.

    Locks: none on PostgreSQL (a sequence); on SQLite the db transaction holds the write lock anyway.
    """
    if count == 0:
        return []
    if conn.dialect.name == "sqlite":
        last = conn.execute(select(func.max(column))).scalar_one_or_none() or 0
        return list(range(last + 1, last + 1 + count))
    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
    series = func.generate_series(1, count).table_valued("n")
    return sorted(conn.execute(select(func.nextval(sequence)).select_from(series)).scalars())
