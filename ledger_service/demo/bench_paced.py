"""A load at a fixed rate: each request has its instant, and its time counts from that instant on.

So an answer that comes late does not put off the requests behind it, and what they would have waited is
counted, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from ledger_service.demo.load import LoadResult

_CONNECTIONS = 64
_FAILURES_KEPT = 5
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def paced(address: tuple[str, int], wires: Sequence[bytes], per_second: int) -> LoadResult:
    """Send finished HTTP/1.1 requests at so many a second and return what was seen."""
    return asyncio.run(_paced(address, wires, per_second))


async def _paced(address: tuple[str, int], wires: Sequence[bytes], per_second: int) -> LoadResult:
    idle: asyncio.Queue[Streams] = asyncio.Queue()
    opened = [await asyncio.open_connection(*address) for _ in range(_CONNECTIONS)]
    for streams in opened:
        idle.put_nowait(streams)
    result = LoadResult(begun_ns=time.perf_counter_ns())
    asked = []
    for number, wire in enumerate(wires):
        due = result.begun_ns + number * 1_000_000_000 // per_second
        await asyncio.sleep(max(0, due - time.perf_counter_ns()) / 1_000_000_000)
        asked.append(asyncio.create_task(_asked(idle, wire, due, result)))
    await asyncio.gather(*asked)
    for _, writer in opened:
        writer.close()
    return result


async def _asked(idle: asyncio.Queue[Streams], wire: bytes, due: int, result: LoadResult) -> None:
    streams = await idle.get()
    reader, writer = streams
    writer.write(wire)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
    body = await reader.readexactly(int(length))
    idle.put_nowait(streams)
    result.ended_ns = time.perf_counter_ns()
    result.nanoseconds.append(result.ended_ns - due)
    status = int(head[9:12])
    result.statuses[status] += 1
    if not 200 <= status < 300 and len(result.failures) < _FAILURES_KEPT:
        result.failures.append(body.decode(errors="replace")[:400])
