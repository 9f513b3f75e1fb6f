"""HTTP/1.1 on loopback: keep-alive, one thread per connection, bounded in number, size and patience.

Only POST with `application/json` and a loopback Host are served: a web page in the same machine's browser can
neither rebind a name to this port nor post to it without a preflight, which is refused.
"""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ledger_service.chain.node.rpc import Dispatcher

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_CONNECTIONS = 64
IDLE_SECONDS = 120.0

_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
# A contract may call 1,024 deep, and each EVM call takes several interpreter frames.
_THREAD_STACK_BYTES = 64 * 1024 * 1024


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "AllianceChain"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1
    server: NodeServer

    def do_POST(self) -> None:
        """Answers one JSON-RPC body."""
        refusal = self._refusal()
        if refusal:
            self.close_connection = True
            self._reply(*refusal)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(200, self.server.dispatcher.answer(body))

    def _refusal(self) -> tuple[int, bytes] | None:
        host = (self.headers.get("Host") or "").lower()
        name = host if host in _HOSTS else host.rpartition(":")[0]
        if name not in _HOSTS:
            return 403, b"unknown host"
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return 415, b"expected application/json"
        length = self.headers.get("Content-Length") or ""
        if not length.isascii() or not length.isdigit() or self.headers.get("Transfer-Encoding"):
            return 411, b"expected Content-Length"
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            return 413, b"request too large"
        return None

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing: requests are not logged."""


class NodeServer(ThreadingHTTPServer):
    """The listening node.

    Args:
        port: on loopback; 0 takes a free one (see `server_port`).
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, dispatcher: Dispatcher) -> None:
        threading.stack_size(_THREAD_STACK_BYTES)
        self.dispatcher = dispatcher
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((LOOPBACK, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves the connection in a thread, or answers 503 when there are too many."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.sendall(_BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, until it closes."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away is ordinary, and calls answer their own failures."""
