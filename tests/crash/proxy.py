"""A TCP proxy on a free port that can be told to cut, stall, reset, halve or swallow while it works."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

MODES = ("pass", "refuse", "cut", "stall", "swallow", "half", "error")
_TICK_SECONDS = 0.02
_RESET = struct.pack("ii", 1, 0)
_ERROR = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Fault:
    """What happens to whom: the mode, the bytes that a request must hold, and how often it has struck.

    ``cut`` resets before the request is forwarded, ``swallow`` after it was answered, ``half`` in the middle
    of the answer; ``stall`` forwards nothing more either way; ``error`` answers HTTP 503 in its place;
    ``refuse`` resets whatever connects.
    """

    mode: str = "pass"
    holding: bytes = b""
    most: int = 1 << 30
    struck: int = 0

    @property
    def active(self) -> bool:
        return self.mode != "pass" and self.struck < self.most


@dataclass
class _Pair:
    client: socket.socket
    server: socket.socket
    struck: bool = False
    stalled: bool = False


@dataclass
class Proxy:
    """Between somebody and the port of a server on the loopback; ``fault`` may be replaced at any time."""

    to_port: int
    fault: Fault = field(default_factory=Fault)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_TICK_SECONDS * 5)
        self.port = int(self._listener.getsockname()[1])
        self._open = True
        self._threads: list[threading.Thread] = []
        self._spawn(self._listen)

    def strike(self, mode: str, holding: bytes = b"", most: int = 1 << 30) -> Fault:
        """From now on the proxy does this to requests that hold these bytes."""
        self.fault = Fault(mode, holding, most)
        return self.fault

    def heal(self) -> None:
        """Everything passes; connections that stall are reset."""
        self.fault = Fault()

    def close(self) -> None:
        """Every thread has ended and every connection is closed."""
        self._open = False
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _spawn(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.fault.mode == "refuse" and self.fault.active:
                self.fault.struck += 1
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.to_port), timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            self._spawn(self._carry, _Pair(client, server))

    def _carry(self, pair: _Pair) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(pair.client, selectors.EVENT_READ)
            ready.register(pair.server, selectors.EVENT_READ)
            try:
                while self._open and self._step(pair, ready):
                    pass
            except OSError:
                pass  # either side is gone; so is the other
        _reset(pair.client)
        _reset(pair.server)

    def _step(self, pair: _Pair, ready: selectors.BaseSelector) -> bool:
        if pair.stalled:
            time.sleep(_TICK_SECONDS)
            return self.fault.active
        for key, _ in ready.select(_TICK_SECONDS):
            data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # only sockets are registered
            if not data:
                return False
            if not (self._up(pair, data) if key.fileobj is pair.client else self._down(pair, data)):
                return False
        return not (self.fault.active and self.fault.mode == "refuse")

    def _up(self, pair: _Pair, data: bytes) -> bool:
        fault = self.fault
        if fault.active and fault.holding in data:
            fault.struck += 1
            pair.struck = True
            if fault.mode == "cut":
                return False
            if fault.mode == "stall":
                pair.stalled = True
                return True
        pair.server.sendall(data)
        return True

    def _down(self, pair: _Pair, data: bytes) -> bool:
        if not pair.struck:
            pair.client.sendall(data)
            return True
        if self.fault.mode == "half":
            pair.client.sendall(data[: len(data) // 2])
        elif self.fault.mode == "error":
            pair.client.sendall(_ERROR)
            pair.client.shutdown(socket.SHUT_WR)
            time.sleep(_TICK_SECONDS)
        return False


def _reset(connection: socket.socket) -> None:
    """Close without a word: the other side reads ECONNRESET."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
