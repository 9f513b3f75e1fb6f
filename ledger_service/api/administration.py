"""Administrative writes and reads: one unit of work each, idempotent, rendered as JSON.

Answers that hold a secret (an API key, a device's one-time secret) are stored sealed, so that an honest
retry gets them again and a stolen database does not give them away.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from ledger_service.api.routes import Call, Reply
from ledger_service.checkout.once import Frame, OnceCommand, find_answer, run_once
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.merchants.acts import act_of

Json = dict[str, Any]
Action = Callable[[Connection], Json]
_NONCE_BYTES = 12
_NOBODY = "nobody"


class Administration:
    """Runs the commands of the front door that are not checkouts."""

    def __init__(self, writer: Writer, database: Database, secret: bytes) -> None:
        self._writer = writer
        self._database = database
        self._seal = _Seal(sha256(b"sealed answers" + secret).digest())

    def write(self, call: Call, action: Action, *, status: int = 201, secret: bool = False) -> Reply:
        """The action has happened once for the call's idempotency key; returns its first answer.

        Args:
            call: the request.
            action: what to do in the unit of work; returns the answer's fields.
            status: of a good answer.
            secret: whether the answer must not be stored in clear.
        """
        frame = _frame(call)

        def act(conn: Connection) -> tuple[int, bytes]:
            body = orjson.dumps(action(conn))
            return status, self._seal.close(body, frame) if secret else body

        answer = self._writer.run(lambda conn: run_once(conn, frame, lambda: act(conn)))
        body = self._seal.open(answer.body, frame) if secret else answer.body
        return Reply(body, answer.status, answer.replayed)

    def keyed(
        self, call: Call, status: int, show: Callable[[Any], Json]
    ) -> Callable[[BookCommand[Any]], BookCommand[Any]]:
        """What wraps a command on the working set so that it is done once for the call's key."""
        return lambda command: OnceCommand(
            _frame(call), command, lambda answer: (status, orjson.dumps(show(answer)))
        )

    def replay(self, call: Call, *, secret: bool = False) -> Reply | None:
        """The first answer of the call's key, or None; for commands that act outside before they write."""
        frame = _frame(call)
        with self._database.read() as conn:
            answer = find_answer(conn, frame)
        if answer is None:
            frame.check()
            return None
        body = self._seal.open(answer.body, frame) if secret else answer.body
        return Reply(body, answer.status, answer.replayed)

    def apply(self, action: Action) -> None:
        """The action has happened, outside any idempotency key; for acts that may be repeated at will."""
        self._writer.run(action)

    def noted(self, query: Action) -> Reply:
        """The answer of a query that leaves a record of itself: neither is there without the other."""
        return Reply(self._writer.run(query))

    def look(self, query: Action) -> Reply:
        """The answer of a query whose numbers all come from one statement, so it needs no snapshot."""
        with self._database.read() as conn:
            return Reply(query(conn))

    def read(self, query: Action) -> Reply:
        """The answer of a query whose statements all see one state of the database."""
        with self._database.snapshot() as conn:
            return Reply(query(conn))


def _frame(call: Call) -> Frame:
    # Whoever logs in is nobody yet; without the secrets in its body a key of such a write shows nothing.
    subject = _NOBODY if call.principal is None else call.principal.subject
    noted = act_of(call.act, "/".join(call.path.values()), call.principal, call.key, call.at)
    return Frame(subject, call.key, call.body.digest, call.at, call.refusal, noted)


@dataclass(frozen=True, slots=True)
class _Seal:
    key: bytes

    def close(self, body: bytes, frame: Frame) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, body, _bound(frame))

    def open(self, stored: bytes, frame: Frame) -> bytes:
        return AESGCM(self.key).decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], _bound(frame))


def _bound(frame: Frame) -> bytes:
    return f"{frame.subject}\n{frame.key}".encode()
