"""A load generator that costs little: finished request bytes, keep-alive sockets, one epoll loop, no parsing
twice.

Each connection has one request in flight and takes the next as soon as its answer is whole, so the load is
closed: ``connections`` tills that never pause.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


class LoadBroken(Exception):
    """The service closed a connection or stopped answering."""


@dataclass
class LoadResult:
    """What the load saw: answers by status, nanoseconds of each, and the first few bodies that were no
    success.
    """

    begun_ns: int = 0
    ended_ns: int = 0
    nanoseconds: list[int] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

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
    """One connection: its socket, what has been read of the answer, and when the request went out."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_ns = 0
        self.read = b""
        self.wanted = 0

    def fire(self, wire: bytes) -> None:
        self.read, self.wanted = b"", 0
        self.sent_ns = time.perf_counter_ns()
        self.socket.sendall(wire)

    def answer_is_whole(self) -> bool:
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise LoadBroken("the service closed a connection")
        self.read += chunk
        if not self.wanted:
            end = self.read.find(b"\r\n\r\n")
            if end < 0:
                return False
            self.wanted = end + 4 + _content_length(self.read[:end])
        return len(self.read) >= self.wanted


def _content_length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    return int(lower[start + 17 :].split(b"\r\n", 1)[0])


def fire(address: tuple[str, int], shots: Sequence[bytes], connections: int) -> LoadResult:
    """Send every request once over so many connections and return what was seen.

    Args:
        address: host and port.
        shots: finished HTTP/1.1 requests.
        connections: how many are in flight at most.

    Raises:
        LoadBroken: a connection was closed, or nothing came for a minute.
    """
    result = LoadResult()
    waiting = iter(shots)
    with selectors.EpollSelector() as selector:
        tills = [_Till(*address) for _ in range(min(connections, len(shots)))]
        for till in tills:
            selector.register(till.socket, selectors.EVENT_READ, till)
        result.begun_ns = time.perf_counter_ns()
        try:
            _aim(tills, waiting)
            _collect(selector, waiting, result, len(shots))
        finally:
            for till in tills:
                till.socket.close()
    return result


def _aim(tills: Sequence[_Till], waiting: Iterator[bytes]) -> None:
    for till, wire in zip(tills, waiting, strict=False):
        till.fire(wire)


def _collect(
    selector: selectors.EpollSelector, waiting: Iterator[bytes], result: LoadResult, total: int
) -> None:
    while len(result.nanoseconds) < total:
        ready = selector.select(60)
        if not ready:
            raise LoadBroken("no answer for a minute")
        for key, _ in ready:
            till: _Till = key.data
            if not till.answer_is_whole():
                continue
            _note(till, result)
            wire = next(waiting, None)
            if wire is not None:
                till.fire(wire)


def _note(till: _Till, result: LoadResult) -> None:
    result.ended_ns = time.perf_counter_ns()
    result.nanoseconds.append(result.ended_ns - till.sent_ns)
    status = int(till.read[9:12])
    result.statuses[status] += 1
    if not 200 <= status < 300 and len(result.failures) < 5:
        result.failures.append(till.read.split(b"\r\n\r\n", 1)[-1].decode(errors="replace")[:400])
