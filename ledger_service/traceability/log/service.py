"""Takes events and words into the log's tree, in bounded steps, and makes checkpoints of it; idempotent."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import Connection, func, insert, select, text, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.history_tree import HASH_BYTES, hash_leaf
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.log.models import log_checkpoint, log_tile, log_word
from ledger_service.traceability.log.queries import TileReader, last_checkpoint, log_size
from ledger_service.traceability.log.rules import TILE_HASHES, consistency_proof, parents_of, root_of, split

STEP_EVENTS = 2_048
# A checkpoint costs one transaction on the chain.
CHECKPOINT_EVERY = timedelta(minutes=1)
CHECKPOINT_EVENTS = 10_000
# What one step holds in memory: an event may have two MiB.
STEP_BYTES = 16 * 1024 * 1024
_LEAVES = ((epcis_event.c.event_seq, epcis_event.c.body), (log_word.c.seq, log_word.c.body))
_LOCK = 0x4C4F4754


def grow(conn: Connection, most: int = STEP_EVENTS) -> int:
    """Up to ``most`` further events and words are in the tree when the caller commits; returns how many.

    Idempotency: the tree's size is where it goes on. Locks: others that let it grow.
    """
    _lock(conn)
    size = log_size(conn)
    leaves = [
        hash_leaf(bytes(body))
        for place, (seq, body) in enumerate(_further(conn, size, most), start=size)
        if seq == place
    ]
    level, first, nodes = 0, size, leaves
    while nodes:
        nodes, first, level = _append(conn, level, first, nodes), first // TILE_HASHES, level + 1
    return len(leaves)


def checkpoint(conn: Connection, at: datetime, *, now: bool = False) -> bool:
    """A checkpoint stands where events were taken in since the last one, and it is due or wanted ``now``.

    Returns:
        whether one was made.
    """
    _lock(conn)
    size, last = log_size(conn), last_checkpoint(conn)
    if last is not None:
        grown = size - last.size
        due = now or grown >= CHECKPOINT_EVENTS or at - last.made_at >= CHECKPOINT_EVERY
        if grown <= 0 or not due:
            return False
    if size == 0:
        return False
    tiles = TileReader(conn)
    proof = b"" if last is None else b"".join(consistency_proof(tiles, last.size, size))
    made_at = at if last is None else max(at, last.made_at)
    row = {"size": size, "root": root_of(tiles, 0, size), "made_at": made_at, "proof": proof, "state": "made"}
    conn.execute(insert(log_checkpoint).values(row))
    return True


def settle(conn: Connection, size: int, reason: str | None) -> None:
    """The contract has the checkpoint of that size, or refused it for a reason."""
    state = "relayed" if reason is None else "refused"
    mine = log_checkpoint.c.size == size
    conn.execute(update(log_checkpoint).where(mine).values(state=state, reason=reason))


def _further(conn: Connection, size: int, most: int) -> list[tuple[int, bytes]]:
    """Number and body of events and words behind the tree, in their order."""
    last = _last_that_fits(conn, size, most)
    both = [select(seq, body).where(seq >= size, seq <= last) for seq, body in _LEAVES]
    return sorted((row[0], row[1]) for its in both for row in conn.execute(its))


def _last_that_fits(conn: Connection, size: int, most: int) -> int:
    """The number up to which a step goes: so many, and no more bytes than it may hold, but for the first."""
    lengths = (
        select(seq, func.length(body)).where(seq >= size).order_by(seq).limit(most) for seq, body in _LEAVES
    )
    waiting = sorted((int(row[0]), int(row[1])) for its in lengths for row in conn.execute(its))[:most]
    sums = accumulate(length for _, length in waiting)
    fitting = max(1, sum(1 for together in sums if together <= STEP_BYTES))
    return waiting[fitting - 1][0] if waiting else size - 1


def _append(conn: Connection, level: int, first: int, nodes: list[bytes]) -> list[bytes]:
    """Nodes stand behind those of their level; returns what they complete of the level above."""
    place, held = divmod(first, TILE_HASHES)
    t = log_tile.c
    kept = b""
    if held:
        mine = (t.level == level) & (t.place == place)
        kept = bytes(conn.execute(select(t.hashes).where(mine)).scalar_one())
        if len(kept) != held * HASH_BYTES:
            raise LookupError(f"tile {place} of level {level} has not the nodes that the tree has")
    row = split(kept) + nodes
    tiles = [row[i : i + TILE_HASHES] for i in range(0, len(row), TILE_HASHES)]
    rows = [
        {"level": level, "place": place + number, "hashes": b"".join(tile)}
        for number, tile in enumerate(tiles)
    ]
    if held:
        begun = rows.pop(0)
        mine = (t.level == level) & (t.place == place)
        conn.execute(update(log_tile).where(mine).values(hashes=begun["hashes"]))
    if rows:
        sql_of(log_tile, conn).insert(conn, rows)
    return [parents_of(tile)[0] for tile in tiles if len(tile) == TILE_HASHES]


def _lock(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
