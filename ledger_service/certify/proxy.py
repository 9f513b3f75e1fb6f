"""The wire between till and service: passes requests on, notes each, and does to it what a case wants."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ledger_service.certify.wire import Reply, Request, exchange

SLOW_SECONDS = 3.5
_MISFORTUNE = b'{"type":"about:blank","title":"away","status":%d,"code":"service-busy"}'


class Fault(StrEnum):
    """What can happen to one request."""

    NONE = "none"
    LOSE_REQUEST = "the request is lost"
    LOSE_ANSWER = "the answer is lost"
    CUT_ANSWER = "half the answer"
    SLOW = "the answer is late"
    UNAVAILABLE = "503"
    BROKEN = "500 without a body"
    BUSY = "429"
    IN_FLIGHT = "409 request-in-flight"
    GARBAGE = "the answer is no JSON"
    TWICE = "the request arrives twice"
    HELD = "the request arrives later"


_REFUSALS = {Fault.UNAVAILABLE: 503, Fault.BUSY: 429, Fault.IN_FLIGHT: 409}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request of the till, what was done to it, and the service's answer where it was asked."""

    request: Request
    fault: Fault
    reply: Reply | None


@dataclass
class Wire:
    """The state of the line: up or down, and faults that wait for requests."""

    host: str
    port: int
    up: bool = True
    seen: list[Seen] = field(default_factory=list)
    held: list[Request] = field(default_factory=list)
    _faults: list[tuple[str, Fault, Callable[[], None] | None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, path: str, *faults: Fault, then: Callable[[], None] | None = None) -> None:
        """The next requests whose path begins so meet these faults, in order; ``then`` runs in the last one,
        after the service was asked and before the till hears anything."""
        for fault in faults:
            self._faults.append((path, fault, then if fault is faults[-1] else None))

    def calm(self) -> None:
        """No fault waits any more and the line is up; what was seen is forgotten."""
        self.up = True
        self._faults.clear()
        self.seen.clear()
        self.held.clear()

    def deliver_held(self) -> list[Reply]:
        """What was held on its way arrives now."""
        arrived = [exchange(self.host, self.port, request) for request in self.held]
        self.held.clear()
        return arrived

    def pass_on(self, request: Request) -> tuple[Fault, Reply | None]:
        """What the till gets: the service's answer or none, after whatever happens to the request."""
        with self._lock:
            fault, then = self._take(request.path) if self.up else (Fault.LOSE_REQUEST, None)
        reply: Reply | None = None
        if fault is Fault.HELD:
            self.held.append(request)
        elif fault in _REFUSALS:
            status = _REFUSALS[fault]
            named = _MISFORTUNE if fault is not Fault.IN_FLIGHT else _MISFORTUNE.replace(
                b"service-busy", b"request-in-flight"
            )  # fmt: skip
            reply = Reply(
                status, (("Content-Type", "application/problem+json"), ("Retry-After", "1")), named % status
            )
        elif fault is Fault.BROKEN:
            reply = Reply(500, (), b"")
        elif fault is not Fault.LOSE_REQUEST:
            reply = self._asked(request, twice=fault is Fault.TWICE)
        self.seen.append(Seen(request, fault, reply))
        if then is not None:
            then()
        if fault is Fault.SLOW:
            time.sleep(SLOW_SECONDS)
        return fault, reply

    def _take(self, path: str) -> tuple[Fault, Callable[[], None] | None]:
        for place, (prefix, fault, then) in enumerate(self._faults):
            if path.startswith(prefix):
                del self._faults[place]
                return fault, then
        return Fault.NONE, None

    def _asked(self, request: Request, *, twice: bool) -> Reply | None:
        try:
            reply = exchange(self.host, self.port, request)
            return exchange(self.host, self.port, request) if twice else reply
        except (OSError, http.client.HTTPException):
            return None


@contextmanager
def listening(wire: Wire) -> Iterator[str]:
    """The address at which a till finds the service through the wire."""

    class Handler(_Handler):
        line = wire

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    line: Wire
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "alliance", ""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None:
        """Nothing: what was asked stands in the wire's own notes."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, tuple(self.headers.items()), body)
        fault, reply = self.line.pass_on(request)
        self.close_connection = True
        if reply is None or fault in (Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.HELD):
            self._reset()
            return
        body = b"<html>gateway</html>" if fault is Fault.GARBAGE else reply.body
        try:
            self.send_response_only(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault is Fault.CUT_ANSWER else body)
            self.wfile.flush()
        except OSError:
            return  # the till has hung up, as one does that has waited long enough

    def _reset(self) -> None:
        """The connection breaks, as with a pulled cable; no polite end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile.close()
