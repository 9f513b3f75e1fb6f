"""What other rooms put into the log beside the events: words, each a leaf of its own, told once.

A word has the next number of all leaves, as an event has: both stand in one tree under one checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ledger_service.db.bulk import sql_of
from ledger_service.traceability.log.models import log_word
from ledger_service.traceability.log.numbering import next_number
from ledger_service.traceability.log.queries import Checkpoint, TileReader, first_checkpoint_over
from ledger_service.traceability.log.rules import inclusion_proof

_W = log_word.c


class Word(NamedTuple):
    """What is told: ``ref`` numbers the words of a kind, from 1 on; ``body`` is hashed."""

    ref: int
    body: bytes


class Logged(NamedTuple):
    """A word's leaf; the checkpoint on the chain that covers it and the way there, once there is one."""

    leaf: int
    body: bytes
    checkpoint: Checkpoint | None
    proof: Sequence[bytes]


def last_told(conn: Connection, kind: str) -> int:
    """The number of the last word of a kind; 0 where there is none."""
    its = select(func.coalesce(func.max(_W.ref), 0)).where(_W.kind == kind)
    return int(conn.execute(its).scalar_one())


def tell(conn: Connection, kind: str, words: Sequence[Word]) -> None:
    """The words stand in the log's order when the caller commits.

    Idempotency: a word of a kind stands there once, or the commit fails. Locks: captures of events.
    """
    if not words:
        return
    first = next_number(conn)
    sql_of(log_word, conn).insert(conn, [
        {"seq": number, "kind": kind, "ref": word.ref, "body": word.body}
        for number, word in enumerate(words, start=first)
    ])  # fmt: skip


def logged(conn: Connection, kind: str, ref: int) -> Logged | None:
    """Where a word stands in the log, and the proof; None where it was not told yet."""
    row = conn.execute(select(_W.seq, _W.body).where(_W.kind == kind, _W.ref == ref)).one_or_none()
    if row is None:
        return None
    found = first_checkpoint_over(conn, row.seq)
    proof = () if found is None else inclusion_proof(TileReader(conn), row.seq, found.size)
    return Logged(row.seq, bytes(row.body), found, proof)
