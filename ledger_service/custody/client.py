"""The signing process as seen by the service and the bridge: pooled connections, retries, clear refusals."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ledger_service.custody.asking import Asking
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.custody.requests import Request
from ledger_service.custody.wire import (
    MOST_REQUESTS,
    WireBroken,
    answers_of,
    question,
    receive_message,
    send_message,
)
from ledger_service.kernel.errors import DomainError

_PATIENCE_MS = 3_000
_ANSWER_TIMEOUT_SECONDS = 10
_PAUSE_MS = 50
_RETRY_AFTER_SECONDS = 2
_MOST_IDLE = 16


class SignerClient(Asking):
    """Asks the signing process; safe for any number of threads.

    Every request may be repeated, so after a broken connection it is sent again until patience ends.
    """

    def __init__(self, path: Path, patience_ms: int = _PATIENCE_MS) -> None:
        self._path = path
        self._patience_ms = patience_ms
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._number = 0
        self._closed = False

    def ask(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        """One answer per request in their order; long lists go in several messages.

        Raises:
            SignerUnavailable: the process did not answer before patience ended.
        """
        answers: list[bytes | DomainError] = []
        for start in range(0, len(requests), MOST_REQUESTS):
            answers += self._ask(requests[start : start + MOST_REQUESTS])
        return answers

    def close(self) -> None:
        """Every idle connection is closed, and none is kept any more."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        deadline = time.monotonic_ns() + self._patience_ms * 1_000_000
        while True:
            try:
                return self._once(requests)
            except WireBroken:
                if time.monotonic_ns() >= deadline:
                    raise SignerUnavailable(_RETRY_AFTER_SECONDS) from None
                time.sleep(_PAUSE_MS / 1000)

    def _once(self, requests: Sequence[Request]) -> list[bytes | DomainError]:
        connection, number = self._take()
        try:
            send_message(connection, question(number, requests))
            answers = answers_of(receive_message(connection), number, len(requests))
        except BaseException:
            # Whatever interrupted us, this connection may hold half a message.
            connection.close()
            raise
        self._give_back(connection)
        return answers

    def _take(self) -> tuple[socket.socket, int]:
        with self._lock:
            self._number += 1
            number = self._number
            if self._idle:
                return self._idle.pop(), number
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_ANSWER_TIMEOUT_SECONDS)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise WireBroken(str(error)) from None
        return connection, number

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()
