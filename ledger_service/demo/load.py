"""A load generator that costs little: finished request bytes, keep-alive sockets, one epoll loop, no parsing
twice.

Each connection has one request in flight and takes the next as soon as its answer is whole, so the load is
closed: ``connections`` tills that never pause. A server may close a connection that it kept alive at any time
(RFC 9112, 9.5), and the request that crosses the close on its way is lost: as an honest till does, the same
bytes go out again, under the same idempotency key, and the time goes on from the first sending.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_MOST_TRIES = 10
_REST_SECONDS = 1.0
_SILENCE_SECONDS = 60
_LATER = frozenset({409, 429, 503})


class LoadBroken(Exception):
    """The service closed connection after connection on one request, or stopped answering."""


@dataclass
class LoadResult:
    """What the load saw: answers by status, nanoseconds of each, the first few bodies that were no success.

    ``repeated`` counts what was sent again, after a close on the way or an answer that said "later".
    """

    begun_ns: int = 0
    ended_ns: int = 0
    nanoseconds: list[int] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    repeated: int = 0

    @property
    def good(self) -> int:
        """Successful answers."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def per_second(self) -> int:
        """Successful answers a second, rounded down."""
        return self.good * 1_000_000_000 // max(self.ended_ns - self.begun_ns, 1)

    def percentile_micros(self, percent: int) -> int:
        """The time in microseconds that ``percent`` of the requests did not exceed."""
        ordered = sorted(self.nanoseconds)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] // 1000


class _Till:
    """One connection: its socket, the request in flight, and what has been read of the answer."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.socket = self._opened()
        self.wire, self.tries = b"", 0
        self.sent_ns = 0
        self.read = b""
        self.wanted = 0

    def _opened(self) -> socket.socket:
        made = socket.create_connection(self._address)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def fire(self, wire: bytes) -> None:
        """Send a request for the first time."""
        self.wire, self.tries, self.sent_ns = wire, 0, time.perf_counter_ns()
        self.send()

    def send(self) -> None:
        """Send the request in flight; a connection that is closed already shows when it is read."""
        self.read, self.wanted = b"", 0
        self.tries += 1
        if self.tries > _MOST_TRIES:
            raise LoadBroken(f"a request found no answer in {_MOST_TRIES} tries")
        with suppress(ConnectionError):
            self.socket.sendall(self.wire)

    def reopen(self) -> None:
        """A fresh connection in the place of one that was closed."""
        self.socket.close()
        self.socket = self._opened()

    def answer_is_whole(self) -> bool | None:
        """Whether the whole answer is there; None where the connection was closed before."""
        try:
            chunk = self.socket.recv(65_536)
        except ConnectionError:
            return None
        if not chunk:
            return None
        self.read += chunk
        if not self.wanted:
            end = self.read.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.wanted = end + 4 + _content_length(self.read[:end])
        return len(self.read) >= self.wanted

    @property
    def status(self) -> int:
        """Of an answer that is whole."""
        return int(self.read[9:12])

    @property
    def is_put_off(self) -> bool:
        """Whether the answer asks for the same request again in a while."""
        return self.status in _LATER and b"retry-after" in self.read[:2_000].lower()


def _content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    return int(lower[start + 17 :].split(b"\r\n", 1)[0])


def fire(address: tuple[str, int], shots: Sequence[bytes], connections: int) -> LoadResult:
    """Send every request until it is answered, over so many connections, and return what was seen.

    Args:
        address: host and port.
        shots: finished HTTP/1.1 requests, each safe to be sent again.
        connections: how many are in flight at most.

    Raises:
        LoadBroken: one request found no answer in ten tries, or nothing came for a minute.
    """
    result = LoadResult()
    with selectors.EpollSelector() as selector:
        tills = [_Till(address) for _ in range(min(connections, len(shots)))]
        for till in tills:
            selector.register(till.socket, selectors.EVENT_READ, till)
        result.begun_ns = time.perf_counter_ns()
        try:
            _Round(selector, iter(shots), result).run(tills, len(shots))
        finally:
            for till in tills:
                till.socket.close()
    return result


class _Round:
    """The requests of one load: which wait, which rest before they go out again."""

    def __init__(
        self, selector: selectors.BaseSelector, waiting: Iterator[bytes], result: LoadResult
    ) -> None:
        self._selector, self._waiting, self._result = selector, waiting, result
        self._resting: list[tuple[float, _Till]] = []

    def run(self, tills: Sequence[_Till], total: int) -> None:
        """Until every request is answered."""
        for till in tills:
            self._next(till)
        heard = time.monotonic()
        while len(self._result.nanoseconds) < total:
            ready = self._selector.select(_REST_SECONDS if self._resting else _SILENCE_SECONDS)
            now = time.monotonic()
            if ready:
                heard = now
            elif now - heard > _SILENCE_SECONDS:
                raise LoadBroken("no answer for a minute")
            for key, _ in ready:
                self._hear(key.data)
            if self._resting:
                self._wake(now)

    def _next(self, till: _Till) -> None:
        wire = next(self._waiting, None)
        if wire is not None:
            till.fire(wire)

    def _hear(self, till: _Till) -> None:
        whole = till.answer_is_whole()
        if whole is None:
            self._selector.unregister(till.socket)
            till.reopen()
            self._selector.register(till.socket, selectors.EVENT_READ, till)
            self._repeat(till)
        elif whole and till.is_put_off:
            self._resting.append((time.monotonic() + _REST_SECONDS, till))
        elif whole:
            _note(till, self._result)
            self._next(till)

    def _wake(self, now: float) -> None:
        due = [till for at, till in self._resting if at <= now]
        self._resting = [(at, till) for at, till in self._resting if at > now]
        for till in due:
            self._repeat(till)

    def _repeat(self, till: _Till) -> None:
        self._result.repeated += 1
        till.send()


def _note(till: _Till, result: LoadResult) -> None:
    result.ended_ns = time.perf_counter_ns()
    result.nanoseconds.append(result.ended_ns - till.sent_ns)
    result.statuses[till.status] += 1
    if not 200 <= till.status < 300 and len(result.failures) < 5:
        result.failures.append(till.read.split(b"\r\n\r\n", 1)[-1].decode(errors="replace")[:400])
