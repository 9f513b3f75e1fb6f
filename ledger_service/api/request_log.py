"""Structured logs: one JSON line per request, without personal data, pay codes or secrets."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from ledger_service.kernel.clock import format_instant


class Sink(Protocol):
    """Where lines go; standard error in production."""

    def write(self, line: bytes, /) -> object:
        """Take one whole line."""


class RequestLog:
    """Writes one line per request, and one more with the stack of a bug."""

    def __init__(self, sink: Sink, least: str = "info") -> None:
        """Take the sink and the least level that is written (debug, info, warning, error)."""
        self._sink = sink
        self._tells_all = least in ("debug", "info")

    def request(self, facts: dict[str, Any]) -> None:
        """Write the facts of an answered request: method, declared route, status, micros, ids.

        Above the level info only answers of 500 and more are written.
        """
        failed = facts["status"] >= 500
        if not failed and not self._tells_all:
            return
        line = {"time": _wall_time(), "level": "error" if failed else "info", "event": "request"}
        self._sink.write(orjson.dumps(line | facts) + b"\n")

    def failure(self, error: BaseException, request_id: str) -> None:
        """Write where a bug happened: type and stack, not the message, which may quote a caller."""
        frames = [f"{f.filename.rsplit('/ledger_service/', 1)[-1]}:{f.lineno} {f.name}"
                  for f in traceback.extract_tb(error.__traceback__)]  # fmt: skip
        line = {
            "time": _wall_time(),
            "level": "error",
            "event": "failure",
            "request_id": request_id,
            "error": type(error).__name__,
            "stack": frames[-12:],
        }
        self._sink.write(orjson.dumps(line) + b"\n")


def _wall_time() -> str:
    return format_instant(datetime.now(UTC))
