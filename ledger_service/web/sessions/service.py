"""Sessions begun, found, refreshed and ended; each in a unit of work of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from ledger_service.kernel.ids import IdSource
from ledger_service.web.ports import Who
from ledger_service.web.sessions import rules
from ledger_service.web.sessions.models import web_session
from ledger_service.web.sessions.rules import Session

MOST_LISTED = 50
# Rows of sessions that are over, deleted by each that begins: more than come, and never long to wait for.
MOST_FORGOTTEN = 50
_S = web_session.c
Reader = Callable[[], AbstractContextManager[Connection]]
Recorder = Callable[[Callable[[Connection], Any]], Any]


@dataclass(frozen=True)
class Sessions:
    """The sessions of all workers; ``record`` runs a function in a durable unit of work of its own."""

    read: Reader
    record: Recorder
    ids: IdSource

    def begin(self, who: Who, user_agent: str, at: datetime) -> bytes:
        """A session under the key is in force; returns the cookie, which stands nowhere else."""
        cookie = self.ids.random_bytes(rules.COOKIE_BYTES)
        row = {
            "cookie_hash": rules.hash_cookie(cookie), "session_id": self.ids.random_bytes(8).hex(),
            "key_id": who.key_id, "owner": who.owner, "role": who.role,
            "device": rules.device_class(user_agent),
            "entered_at": at, "seen_at": at, "expires_at": at + rules.whole_life(who.role), "ended_at": None,
        }  # fmt: skip

        def act(conn: Connection) -> None:
            _forget_old(conn, at)
            conn.execute(insert(web_session).values(row))

        self.record(act)
        return cookie

    def find(self, cookie: bytes, at: datetime) -> Session | None:
        """The session of a cookie, if it is in force; that it was seen is noted now and then."""
        mine = _S.cookie_hash == rules.hash_cookie(cookie)
        with self.read() as conn:
            row = (
                conn.execute(select(web_session).where(mine, _S.ended_at.is_(None))).mappings().one_or_none()
            )
        session = None if row is None else _session(row)
        if session is None or rules.is_over(session, at):
            return None
        if at - session.seen_at >= rules.SEEN_EVERY:
            self.record(lambda conn: conn.execute(update(web_session).where(mine).values(seen_at=at)))
        return session

    def of_owner(self, owner: str, at: datetime) -> list[Session]:
        """Somebody's sessions in force, the latest seen first."""
        mine = select(web_session).where(_S.owner == owner, _S.ended_at.is_(None), _S.expires_at > at)
        with self.read() as conn:
            rows = conn.execute(mine.order_by(_S.seen_at.desc()).limit(MOST_LISTED)).mappings().all()
        return [one for one in map(_session, rows) if not rules.is_over(one, at)]

    def serve(self, session_id: str, cashier: str | None) -> None:
        """The session's till has this cashier from now on, or nobody."""
        mine = _S.session_id == session_id
        self.record(lambda conn: conn.execute(update(web_session).where(mine).values(cashier=cashier)))

    def end(self, owner: str, session_id: str, at: datetime) -> None:
        """One of somebody's sessions is over; nothing where there is none."""
        mine = (_S.owner == owner) & (_S.session_id == session_id) & _S.ended_at.is_(None)
        self.record(lambda conn: conn.execute(update(web_session).where(mine).values(ended_at=at)))


def _forget_old(conn: Connection, at: datetime) -> None:
    old = select(_S.cookie_hash).where(_S.expires_at < at).order_by(_S.expires_at).limit(MOST_FORGOTTEN)
    hashes = list(conn.execute(old).scalars())
    if hashes:
        conn.execute(delete(web_session).where(_S.cookie_hash.in_(hashes)))


def _session(row: RowMapping) -> Session:
    return Session(
        row["session_id"], row["key_id"], row["role"], row["device"], row["entered_at"], row["seen_at"],
        row["expires_at"], row["cashier"],
    )  # fmt: skip
