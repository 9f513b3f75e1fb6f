"""What one request costs beside the floor of the same run: the same tills asking the service for nothing.
The machine's speed is in both, so their ratio is the product's own."""

from __future__ import annotations

import time

from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_stage import Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.load import LoadResult

_EMPTY_REQUESTS = 6_000


async def fire(
    figures: Figures, stage: Stage, label: str, wires: list[bytes], connections: int
) -> LoadResult:
    """Send the requests; their rate, percentiles and each process's work per request join the figures."""
    worked, own = stage.fleet.cpu_millis_by_name(), time.process_time_ns()
    result = await stage.fired(wires, connections)
    client = (time.process_time_ns() - own) // 1_000_000
    cpu = {name: spent - worked[name] for name, spent in stage.fleet.cpu_millis_by_name().items()}
    figures.add_load(label, result)
    figures.add_work(label, result, cpu | {"client": client})
    return result


async def empty_requests(figures: Figures, stage: Stage, connections: int) -> LoadResult:
    """The floor: how many requests for nothing are answered."""
    wire = Request("GET", "/healthz").wire(stage.bench.host)
    empty = await stage.fired([wire] * _EMPTY_REQUESTS, connections)
    figures.rows["floor: empty requests/s"] = f"{empty.per_second:,}"
    return empty


def add_ratio(figures: Figures, label: str, result: LoadResult, empty: LoadResult) -> None:
    """How many empty requests one of these costs; ``label`` names one request, as in ``sale``."""
    figures.rows[f"a {label} in empty requests"] = hundredths(empty.per_second, result.per_second)
