"""The courier of subscriptions: one message of a subscription is under way at a time, each in its own thread.

What was taken and not yet written down when the process died is sent again under the same message id, as long
as no further event has joined it; an event's own eventID tells a receiver what it has.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import RowMapping
from sqlalchemy.exc import DBAPIError

from ledger_service.db.engine import Database
from ledger_service.db.errors import StorageUnavailable
from ledger_service.kernel.clock import Clock
from ledger_service.kernel.errors import DomainError
from ledger_service.webhooks.ports import Answer, Transport
from ledger_service.webhooks.subscriptions.queries import due_subscriptions
from ledger_service.webhooks.subscriptions.reports import Changes, Message, move, next_of, note, token_of
from ledger_service.webhooks.subscriptions.service import TokenSafe

_THREADS = 4
_AFTER_TROUBLE = timedelta(minutes=10)


@dataclass
class ReportCourier:
    """Runs beside the leading bridge; every step may be repeated."""

    database: Database
    transport: Transport
    clock: Clock
    safe: TokenSafe
    _pool: ThreadPoolExecutor | None = None
    _under_way: dict[bytes, tuple[Message, Future[Answer]]] = field(default_factory=dict)
    _turns: dict[bytes, int] = field(default_factory=dict)
    _turn: int = 0

    def step(self) -> bool:
        """What has come back is written down and what is due has set out; returns whether anything did."""
        back = [key for key, (_, future) in self._under_way.items() if future.done()]
        moved, set_out = self._look()
        self._write(back, moved)
        return bool(back or moved or set_out)

    def finish(self) -> None:
        """Whatever is under way has come back and is written down."""
        self._write(list(self._under_way), {})

    def close(self) -> None:
        """As ``finish``, and the threads have ended."""
        self.finish()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _look(self) -> tuple[dict[bytes, Changes], int]:
        """Rows that move on without a message, and how many messages set out: whose turn was longest ago
        goes first, so that slow receivers keep nobody waiting for more than a round."""
        at, moved, set_out = self.clock.now(), dict[bytes, Changes](), 0
        with self.database.snapshot() as conn:
            due = [row for row in due_subscriptions(conn, at)
                   if row["subscription_id"] not in self._under_way]  # fmt: skip
        for row in sorted(due, key=lambda row: self._turns.get(row["subscription_id"], 0)):
            if len(self._under_way) >= _THREADS:
                break
            found = self._next(row, at)
            if isinstance(found, Message):
                self._send(found)
                set_out += 1
            elif found:
                moved[row["subscription_id"]] = found
        return moved, set_out

    def _next(self, row: RowMapping, at: datetime) -> Message | Changes:
        """As ``next_of``, each in a snapshot of its own: one that cannot be read or takes too long waits, and
        keeps none of the others waiting."""
        try:
            with self.database.snapshot() as conn:
                return next_of(conn, row, at)
        except StorageUnavailable:
            raise
        except (DomainError, DBAPIError):
            return {"due_at": at + _AFTER_TROUBLE, "last_error": "trouble"}

    def _send(self, message: Message) -> None:
        self._turn += 1
        key = message.row["subscription_id"]
        self._turns[key] = self._turn
        self._pool = self._pool or ThreadPoolExecutor(_THREADS, "subscriptions")
        self._under_way[key] = (message, self._pool.submit(self._carry, message))

    def _carry(self, message: Message) -> Answer:
        try:
            token = token_of(self.safe, message.row)
        except InvalidTag:
            # Sealed under another secret: this one waits, and the others' messages go on.
            return Answer(None, "token")
        headers = message.headers(self.clock.now(), token)
        return self.transport.post(message.row["dest"], headers, message.body)

    def _write(self, back: list[bytes], moved: dict[bytes, Changes]) -> None:
        if not back and not moved:
            return
        came = [(message, future.result()) for message, future in map(self._under_way.pop, back)]
        at = self.clock.now()
        with self.database.begin() as conn:
            for message, answer in came:
                note(conn, message, answer, at)
            for subscription_id, changes in moved.items():
                move(conn, subscription_id, changes)
