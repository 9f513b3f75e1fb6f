"""Reads of the log: its size, its tiles, its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from ledger_service.kernel.history_tree import HASH_BYTES
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.log.models import log_checkpoint, log_tile, log_word
from ledger_service.traceability.log.rules import TILE_HASHES

_C, _T = log_checkpoint.c, log_tile.c


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log was at an instant; ``state`` tells whether the chain has it."""

    size: int
    root: bytes
    made_at: datetime
    state: str
    reason: str | None = None


@dataclass(slots=True)
class TileReader:
    """The tiles of the log, each read once."""

    conn: Connection
    kept: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def __call__(self, level: int, place: int) -> bytes:
        """The hashes of a tile; none where there is no such tile."""
        if (level, place) not in self.kept:
            wanted = select(_T.hashes).where((_T.level == level) & (_T.place == place))
            found = self.conn.execute(wanted).scalar_one_or_none()
            self.kept[level, place] = b"" if found is None else bytes(found)
        return self.kept[level, place]


def log_size(conn: Connection) -> int:
    """How many events and words are in the tree."""
    wanted = select(_T.place, _T.hashes).where(_T.level == 0).order_by(_T.place.desc()).limit(1)
    row = conn.execute(wanted).one_or_none()
    return 0 if row is None else row.place * TILE_HASHES + len(row.hashes) // HASH_BYTES


def last_checkpoint(conn: Connection, state: str | None = None) -> Checkpoint | None:
    """The greatest checkpoint, or the greatest in a state."""
    wanted = _CHECKPOINT.order_by(_C.size.desc()).limit(1)
    return _one(conn, wanted if state is None else wanted.where(_C.state == state))


def taken_in(conn: Connection) -> tuple[int, int]:
    """How many events and words are in the log, and how many there are of both, which are numbered as one."""
    size, newest = log_size(conn), -1
    for number in (epcis_event.c.event_seq, log_word.c.seq):
        found = conn.execute(select(func.max(number))).scalar_one_or_none()
        newest = newest if found is None else max(newest, int(found))
    return size, max(size, newest + 1)


def has_work(conn: Connection, at: datetime, every: timedelta) -> bool:
    """Whether events or words wait to be taken in, or what was taken in for a checkpoint that is due."""
    size, last = log_size(conn), last_checkpoint(conn)
    for number in (epcis_event.c.event_seq, log_word.c.seq):
        if conn.execute(select(number).where(number >= size).limit(1)).first() is not None:
            return True
    return size > 0 if last is None else size > last.size and at - last.made_at >= every


def first_checkpoint_over(conn: Connection, event_seq: int) -> Checkpoint | None:
    """The least checkpoint on the chain that covers an event."""
    covers = (_C.size > event_seq) & (_C.state == "relayed")
    return _one(conn, _CHECKPOINT.where(covers).order_by(_C.size).limit(1))


def checkpoints_after(conn: Connection, size: int, most: int) -> list[Checkpoint]:
    """The checkpoints above a size, in their order."""
    rows = conn.execute(_CHECKPOINT.where(_C.size > size).order_by(_C.size).limit(most))
    return [Checkpoint(*row) for row in rows]


def _one(conn: Connection, wanted: Any) -> Checkpoint | None:
    row = conn.execute(wanted).one_or_none()
    return None if row is None else Checkpoint(row.size, bytes(row.root), row.made_at, row.state, row.reason)


_CHECKPOINT = select(_C.size, _C.root, _C.made_at, _C.state, _C.reason)
