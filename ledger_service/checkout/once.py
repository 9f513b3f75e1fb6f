"""Idempotency of administrative writes: one effect and one stored answer per caller and key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ledger_service.checkout.answers import Answer, replay
from ledger_service.checkout.models import idempotency
from ledger_service.db.bulk import sql_of
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset, load_by
from ledger_service.kernel.errors import DomainError
from ledger_service.merchants.acts import Act
from ledger_service.merchants.models import act


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose key it is, the hash of the body, and the instant of the request.

    ``refusal`` is what the door found wrong with a fresh request; a repeated one gets its answer (D6).
    ``act`` is what the log of acts keeps, where it keeps this write.
    """

    subject: str
    key: str
    body_hash: bytes
    at: datetime
    refusal: DomainError | None = None
    act: Act | None = None

    def check(self) -> None:
        """Nothing was wrong.

        Raises:
            DomainError: what was.
        """
        if self.refusal is not None:
            raise self.refusal


def find_answer(conn: Connection, frame: Frame) -> Answer | None:
    """The stored answer of the key, or None for a fresh one.

    Raises:
        IdempotencyKeyReused, AnswerArchived: as ``replay``.
    """
    mine = (idempotency.c.subject == frame.subject) & (idempotency.c.key == frame.key)
    row = conn.execute(select(idempotency).where(mine)).mappings().one_or_none()
    return None if row is None else replay(dict(row), frame.body_hash)


def forget_answers(conn: Connection, subject: str) -> None:
    """What an erased caller said and was told is gone; that its keys were used stays. It calls no more."""
    mine = update(idempotency).where(idempotency.c.subject == subject)
    conn.execute(mine.values(body_hash=bytes(32), response=b""))


def run_once(conn: Connection, frame: Frame, action: Callable[[], tuple[int, bytes]]) -> Answer:
    """The action has happened exactly once for this key, and its answer is stored.

    Idempotency: a replay returns the stored bytes; a refusal of the action stores nothing.

    Locks: the key's row is claimed first, so that a second process waits here and then replays.

    Raises:
        IdempotencyKeyReused: the key has served another body.
        DomainError: what the door found wrong with a fresh request.
    """
    claim = {"subject": frame.subject, "key": frame.key, "body_hash": frame.body_hash, "status": 0,
             "response": b"", "created_at": frame.at}  # fmt: skip
    known = find_answer(conn, frame)
    if known is not None:
        return known
    frame.check()
    if not sql_of(idempotency, conn).insert(conn, [claim], or_ignore=True):
        row = find_answer(conn, frame)
        if row is not None and row.status:
            return row
    status, body = action()
    if frame.act is not None:
        conn.execute(insert(act).values(frame.act.row()))
    mine = (idempotency.c.subject == frame.subject) & (idempotency.c.key == frame.key)
    conn.execute(update(idempotency).where(mine).values(status=status, response=body))
    return Answer(status, body)


_KEY = load_by(idempotency, "subject", "key")
Render = Callable[[Any], tuple[int, bytes]]


class OnceCommand(BookCommand[Answer]):
    """Another room's command on the working set, done once for a caller's key, its answer stored with it."""

    def __init__(self, frame: Frame, inner: BookCommand[Any], render: Render) -> None:
        """Take the command; ``render`` makes status and stored bytes of what it answers."""
        self._frame, self._inner, self._render = frame, inner, render

    def probe(self) -> Iterable[Need]:
        """What the command asks for."""
        return self._inner.probe()

    def locks(self, view: Workset) -> Iterable[Need]:
        """What the command asks for."""
        return self._inner.locks(view)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The key's row, and what the command asks for."""
        return [_KEY.of(self._frame.subject, self._frame.key), *self._inner.reads_first(view)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """What the command asks for."""
        return self._inner.reads_second(view)

    def apply(self, draft: Draft) -> Answer:
        """The stored answer of the key, or the effect and its answer.

        Raises:
            IdempotencyKeyReused: the key has served another body.
        """
        frame = self._frame
        row = draft.get(idempotency, (frame.subject, frame.key))
        if row is not None:
            return replay(row, frame.body_hash)
        frame.check()
        status, body = self._render(self._inner.apply(draft))
        kept = {"subject": frame.subject, "key": frame.key, "body_hash": frame.body_hash}
        draft.add(idempotency, {**kept, "status": status, "response": body, "created_at": frame.at})
        if frame.act is not None:
            draft.add(act, frame.act.row())
        return Answer(status, body)
