"""Idempotency of administrative writes: one effect and one stored answer per caller and key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import IdempotencyKeyReused
from ledger_service.checkout.models import idempotency
from ledger_service.db.bulk import sql_of


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose key it is, the hash of the body, and the instant of the request."""

    subject: str
    key: str
    body_hash: bytes
    at: datetime


def find_answer(conn: Connection, frame: Frame) -> Answer | None:
    """The stored answer of the key, or None for a fresh one.

    Raises:
        IdempotencyKeyReused: the key has served another body.
    """
    mine = (idempotency.c.subject == frame.subject) & (idempotency.c.key == frame.key)
    row = conn.execute(select(idempotency).where(mine)).one_or_none()
    if row is None:
        return None
    if row.body_hash != frame.body_hash:
        raise IdempotencyKeyReused(frame.key)
    return Answer(row.status, row.response, replayed=True)


def run_once(conn: Connection, frame: Frame, action: Callable[[], tuple[int, bytes]]) -> Answer:
    """The action has happened exactly once for this key, and its answer is stored.

    Idempotency: a replay returns the stored bytes; a refusal of the action stores nothing.

    Locks: the key's row is claimed first, so that a second process waits here and then replays.

    Raises:
        IdempotencyKeyReused: the key has served another body.
    """
    claim = {"subject": frame.subject, "key": frame.key, "body_hash": frame.body_hash, "status": 0,
             "response": b"", "created_at": frame.at}  # fmt: skip
    known = find_answer(conn, frame)
    if known is not None:
        return known
    sql_of(idempotency, conn).insert(conn, [claim], or_ignore=True)
    row = find_answer(conn, frame)
    if row is not None and row.status:
        return row
    status, body = action()
    mine = (idempotency.c.subject == frame.subject) & (idempotency.c.key == frame.key)
    conn.execute(update(idempotency).where(mine).values(status=status, response=body))
    return Answer(status, body)
