"""The slots of a pool in the database: their tree, made beside the items', and the opening of one."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.traceability.prizes.models import trace_prize_part, trace_prize_pool
from ledger_service.traceability.prizes.rules import (
    Pool,
    permuted,
    pool_leaf,
    pool_of,
    salt_of_slot,
    secret_of,
    slot_leaves,
)

_P, _A = trace_prize_pool.c, trace_prize_part.c


class Opened(NamedTuple):
    """A slot with its prize (0 for none), its salt, and the way from its leaf to the root over all slots."""

    slot: int
    prize: int
    salt: bytes
    proof: tuple[bytes, ...]


def add_parts(conn: Connection, key: bytes, batch: RowMapping, parts: range, items: int) -> None:
    """The roots over these parts of the slots stand, ``items`` slots each; nothing where there is no pool."""
    pool, number = _pool(conn, batch["batch_no"]), batch["batch_no"]
    if pool is None:
        return
    secret = secret_of(key)
    leaves = list(slot_leaves(pool, secret, _slots(pool, parts, items)))
    rows = [
        {"batch_no": number, "part": part, "root": root_of(leaves[place * items : (place + 1) * items])}
        for place, part in enumerate(parts)
    ]
    sql_of(trace_prize_part, conn).insert(conn, rows)


def seal(conn: Connection, batch_no: int) -> bytes | None:
    """The root over all slots is kept; returns the pool's leaf, None where there is no pool."""
    pool = _pool(conn, batch_no)
    if pool is None:
        return None
    root = root_of(_parts(conn, batch_no))
    conn.execute(update(trace_prize_pool).where(_P.batch_no == batch_no).values(slots_root=root))
    return pool_leaf(pool.body(), root)


def body_and_root(conn: Connection, batch_no: int) -> tuple[bytes, bytes] | None:
    """A sealed pool's JSON and the root over its slots; None where there is no pool."""
    row = conn.execute(select(_P.body, _P.slots_root).where(_P.batch_no == batch_no)).one_or_none()
    return None if row is None or row.slots_root is None else (row.body.encode(), bytes(row.slots_root))


def opened(conn: Connection, key: bytes, batch: RowMapping, slot: int, items: int) -> Opened:
    """One slot of a sealed pool.

    Raises:
        LookupError: the batch has no pool.
    """
    pool, secret = _pool(conn, batch["batch_no"]), secret_of(key)
    if pool is None:
        raise LookupError("the batch has no pool")
    part, place = divmod(slot, items)
    leaves = list(slot_leaves(pool, secret, _slots(pool, range(part, part + 1), items)))
    proof = (*proof_of(leaves, place), *proof_of(_parts(conn, batch["batch_no"]), part))
    prize = pool.kind_of(permuted(secret, slot, pool.size))
    return Opened(slot, prize, salt_of_slot(secret, slot), proof)


def _slots(pool: Pool, parts: range, items: int) -> range:
    return range(parts.start * items, min(parts.stop * items, pool.size))


def _pool(conn: Connection, batch_no: int) -> Pool | None:
    body = conn.execute(select(_P.body).where(_P.batch_no == batch_no)).scalar_one_or_none()
    return None if body is None else pool_of(body.encode())


def _parts(conn: Connection, batch_no: int) -> list[bytes]:
    rows = conn.execute(select(_A.root).where(_A.batch_no == batch_no).order_by(_A.part))
    return [bytes(root) for (root,) in rows]
