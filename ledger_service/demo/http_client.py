"""A lean HTTP/1.1 client on asyncio streams: keep-alive, one request in flight a connection, honest retries.

A write is sent again with the same idempotency key after a broken connection, a 409 that says "in progress",
a 429 or a 503, so an answer that was lost on the way costs time and nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import orjson

_RETRY_STATUS = {429, 503}
MOST_TRIES = 40


class NoAnswer(Exception):
    """The service could not be reached for longer than we wait."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, the JSON document (``None`` where the body is none) and the headers in lower
    case.
    """

    status: int
    document: Any
    headers: dict[str, str]
    text: str = ""

    @property
    def code(self) -> str:
        """A problem's stable code, or the status as text."""
        document = self.document if isinstance(self.document, dict) else {}
        return str(document.get("code") or document.get("type") or self.status)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; ``body`` is already JSON, because a signed body must not be written twice."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def wire(self, host: str) -> bytes:
        """The bytes on the connection."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append("Content-Type: application/json")
        if self.body or self.method != "GET":
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Connection:
    """One keep-alive connection; use from one task at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.retries = 0

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, request: Request) -> Answer:
        """The final answer of a request, after as many honest retries as it takes.

        Raises:
            NoAnswer: no final answer within the tries.
        """
        for attempt in range(MOST_TRIES):
            try:
                answer = await self._once(request)
            except (OSError, asyncio.IncompleteReadError):
                await self.close()
                await self._pause(attempt, "")
                continue
            if not _worth_a_retry(answer):
                return answer
            await self._pause(attempt, answer.headers.get("retry-after", ""))
        raise NoAnswer(f"{request.method} {request.path}")

    async def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _pause(self, attempt: int, retry_after: str) -> None:
        self.retries += 1
        await asyncio.sleep(min(int(retry_after), 5) if retry_after.isdigit() else min(0.05 * 2**attempt, 2))

    async def _once(self, request: Request) -> Answer:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        self._writer.write(request.wire(f"{self._host}:{self._port}"))
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, headers = _parse_head(head)
        raw = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            await self.close()
        is_json = raw and "json" in headers.get("content-type", "")
        if not is_json:
            return Answer(status, None, headers, raw.decode(errors="replace"))
        return Answer(status, orjson.loads(raw), headers)


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, value in pairs}


def _worth_a_retry(answer: Answer) -> bool:
    return answer.status in _RETRY_STATUS or (answer.status == 409 and "retry-after" in answer.headers)
