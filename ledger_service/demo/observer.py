"""What the outside can see of a running service and its chain: metrics, lag, gas."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from ledger_service.demo.http_client import Connection, Request

_BLOCKS_PER_ASK = 200


class LagDoesNotEnd(Exception):
    """The chain did not catch up in the time we gave it."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The sums of the service's metrics by name, labels added up."""

    values: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.values.get(f"alliance_{name}", 0)


def metrics_of(text: str) -> Metrics:
    """Read Prometheus' text format; fractions are cut off, nothing we count has any."""
    values: dict[str, int] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, value = line.rpartition(" ")
        whole = name.split("{", 1)[0].removesuffix("_total")
        digits = value.split(".", 1)[0]
        if digits.lstrip("-").isdigit() and "e" not in value:
            values[whole] = values.get(whole, 0) + int(digits)
    return Metrics(values)


class Observer:
    """Looks at one service and its chain; waits on nothing but them."""

    def __init__(self, host: str, port: int, chain_url: str) -> None:
        self._service = host, port
        self._chain = urlsplit(chain_url)

    async def metrics(self) -> Metrics:
        """The service's metrics now."""
        async with Connection(*self._service) as connection:
            answer = await connection.send(Request("GET", "/metrics"))
        return metrics_of(answer.text)

    async def caught_up(self, patience_seconds: int, watch: Any = None) -> int:
        """Wait until every operation is final; returns the milliseconds that took.

        Raises:
            LagDoesNotEnd: it took longer than that.
        """
        begun = time.monotonic_ns()
        while (await self.metrics())["chain_lag_operations"]:
            if time.monotonic_ns() - begun > patience_seconds * 1_000_000_000:
                raise LagDoesNotEnd(
                    f"{(await self.metrics())['chain_lag_operations']} operations are not final"
                )
            if watch is not None:
                watch()
            await asyncio.sleep(0.1)
        return (time.monotonic_ns() - begun) // 1_000_000

    async def block_number(self) -> int:
        """The chain's newest block."""
        (answer,) = await self._rpc([("eth_blockNumber", [])])
        return int(answer, 16)

    async def gas_used(self, after: int, until: int) -> int:
        """Gas of all blocks after one and up to another."""
        total = 0
        for first in range(after + 1, until + 1, _BLOCKS_PER_ASK):
            numbers = range(first, min(first + _BLOCKS_PER_ASK, until + 1))
            blocks = await self._rpc([("eth_getBlockByNumber", [hex(n), False]) for n in numbers])
            total += sum(int(block["gasUsed"], 16) for block in blocks)
        return total

    async def _rpc(self, asked: list[tuple[str, list[Any]]]) -> list[Any]:
        calls = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(asked)]
        async with Connection(self._chain.hostname or "127.0.0.1", self._chain.port or 80) as connection:
            answer = await connection.send(Request("POST", self._chain.path or "/", orjson.dumps(calls)))
        return [one["result"] for one in sorted(answer.document, key=lambda one: one["id"])]
