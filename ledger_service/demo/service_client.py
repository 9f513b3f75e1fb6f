"""The service as the replay sees it: its routes with their bodies, over a pool of keep-alive connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ledger_service.demo.http_client import Answer, Connection, Request
from ledger_service.kernel.clock import format_instant


class Refused(Exception):
    """The service refused what the run cannot do without."""

    def __init__(self, request: Request, answer: Answer) -> None:
        super().__init__(f"{request.method} {request.path}: {answer.status} {answer.document}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Frame:
    """What goes with a write: whose key signs it, the idempotency key, and the replay's instant."""

    api_key: str
    key: str
    at: datetime


class Service:
    """A pool of connections; every call takes one for as long as its answer needs."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self.size = connections
        self._all = [Connection(host, port) for _ in range(connections)]
        self._idle: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in self._all:
            self._idle.put_nowait(connection)

    @property
    def retries(self) -> int:
        """How often a request had to be sent again."""
        return sum(connection.retries for connection in self._all)

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            await connection.close()

    async def post(self, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        """Send a write; an honest refusal is an answer, not an exception."""
        return await self._write("POST", path, body, frame)

    async def put(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        """Set a resource and return its document.

        Raises:
            Refused: any status but 2xx.
        """
        answer = await self._write("PUT", path, body, frame)
        if answer.status >= 300:
            raise Refused(Request("PUT", path), answer)
        return dict(answer.document)

    async def _write(self, method: str, path: str, body: dict[str, Any], frame: Frame) -> Answer:
        headers = {
            "Authorization": f"Bearer {frame.api_key}",
            "Idempotency-Key": frame.key,
            "Alliance-Time": format_instant(frame.at),
        }
        return await self.send(Request(method, path, orjson.dumps(body), headers))

    async def demand(self, path: str, body: dict[str, Any], frame: Frame) -> dict[str, Any]:
        """Send a write that must succeed and return its document.

        Raises:
            Refused: any status but 2xx.
        """
        answer = await self.post(path, body, frame)
        if answer.status >= 300:
            raise Refused(Request("POST", path), answer)
        return dict(answer.document)

    async def get(self, path: str, api_key: str, at: datetime | None = None) -> dict[str, Any]:
        """Read a resource.

        Raises:
            Refused: any status but 200.
        """
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        if at is not None:
            headers["Alliance-Time"] = format_instant(at)
        request = Request("GET", path, b"", headers)
        answer = await self.send(request)
        if answer.status != 200:
            raise Refused(request, answer)
        return dict(answer.document)

    async def send(self, request: Request) -> Answer:
        """Send a finished request on an idle connection."""
        async with self._connection() as connection:
            return await connection.send(request)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put_nowait(connection)
