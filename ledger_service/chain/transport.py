"""JSON-RPC over one kept-alive HTTP connection per thread: single calls, raw batches, read retries."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from ledger_service.chain.errors import ChainUnavailable, NodeRefusal

Call = tuple[str, list[Any]]
_PAUSES = (0.0, 0.05, 0.25)


class Transport:
    """Sends JSON-RPC to one node.

    A read may be asked again after a broken connection, since pooled connections die of idling; a
    write never is: whoever sends a transaction decides by the facts on the chain (R5).
    """

    def __init__(self, url: str, timeout_seconds: float = 30.0, most_per_batch: int = 1000) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https URL")
        parts.hostname.encode("idna")  # raises a ValueError now, not when somebody connects
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout = timeout_seconds
        self._most = most_per_batch
        self._local = threading.local()

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """The results of calls that change nothing, in their order.

        Returns:
            one result per call; a call that the node refused yields its ``NodeRefusal`` as value.

        Raises:
            ChainUnavailable: no usable answer after three tries.
        """
        results: list[Any] = []
        for start in range(0, len(calls), self._most):
            results += self._read_some(calls[start : start + self._most])
        return results

    def _read_some(self, calls: Sequence[Call]) -> list[Any]:
        last = ChainUnavailable(calls[0][0], "not asked")
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                return self.write(calls)
            except ChainUnavailable as failure:
                last = failure
        raise last

    def write(self, calls: Sequence[Call]) -> list[Any]:
        """As ``read``, but asked exactly once; after ``ChainUnavailable`` nobody knows what arrived."""
        if not calls:
            return []
        body = orjson.dumps(
            [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)],
            option=orjson.OPT_PASSTHROUGH_SUBCLASS,
        )
        return _results(calls, self._exchange(calls[0][0], body))

    def _exchange(self, method: str, body: bytes) -> bytes:
        connection = self._connection()
        try:
            connection.request("POST", self._path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            raise ChainUnavailable(method, type(failure).__name__) from failure
        # A node may put a JSON-RPC error under another status; anything without JSON fails in _results.
        if response.status >= 500:
            raise ChainUnavailable(method, f"HTTP {response.status}")
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        held: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if held is not None:
            return held
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        fresh = kind(self._host, self._port, timeout=self._timeout)
        try:
            fresh.connect()
        except OSError as failure:
            raise ChainUnavailable("connect", type(failure).__name__) from failure
        fresh.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local.connection = fresh
        return fresh

    def close(self) -> None:
        """Drop this thread's connection; the next call opens another."""
        held = getattr(self._local, "connection", None)
        if held is not None:
            held.close()
            self._local.connection = None


def _results(calls: Sequence[Call], answer: bytes) -> list[Any]:
    try:
        parsed = orjson.loads(answer)
    except orjson.JSONDecodeError as failure:
        raise ChainUnavailable(calls[0][0], "answer is not JSON") from failure
    if not isinstance(parsed, list):
        raise ChainUnavailable(calls[0][0], "a batch was answered with one object")
    by_id = {item["id"]: item for item in parsed if isinstance(item, dict) and type(item.get("id")) is int}
    return [_result(method, by_id.get(i)) for i, (method, _) in enumerate(calls)]


def _result(method: str, item: dict[str, Any] | None) -> Any:
    if item is None:
        raise ChainUnavailable(method, "a call of the batch was not answered")
    error = item.get("error")
    if error is None:
        if "result" not in item:
            raise ChainUnavailable(method, "neither result nor error")
        return item["result"]
    if not isinstance(error, dict):
        raise ChainUnavailable(method, "malformed error")
    data = error.get("data")
    reason = data.get("reason") if isinstance(data, dict) else None
    if isinstance(data, dict):
        data = data.get("data")
    number = error.get("code")
    return NodeRefusal(
        method, number if isinstance(number, int) else 0, str(error.get("message", ""))[:400],
        data if isinstance(data, str) else None, reason if isinstance(reason, str) else None,
    )  # fmt: skip
