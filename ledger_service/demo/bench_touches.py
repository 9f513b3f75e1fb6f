"""People open share links, so many a second, as when a post does the rounds."""

from __future__ import annotations

import asyncio
from itertools import islice

import orjson

from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_paced import paced
from ledger_service.demo.bench_stage import BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.share_desk import BROWSER, Offices
from ledger_service.demo.share_rules import CAMPAIGNS, FRIENDS
from ledger_service.demo.stack import run_command
from ledger_service.kernel.clock import format_instant

TOUCHES_A_SECOND = 500
_LINKS, _WARM = 200, 1_000


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Touches of many links at a fixed rate, each by somebody else."""
    figures = Figures(stage.name)
    second = run_command(stage.stack.settings, "keys", "issue", "operator", "second").split()[0]
    offices = Offices(stage.service, (stage.stack.operator_key, second), stage.bench.seed)
    at = stage.bench.begins
    await offices.open(CAMPAIGNS[FRIENDS], at)
    joined = (phone for phone in stage.bench.phones.values() if phone.joined)
    links = [await offices.link(phone, FRIENDS, "line", at) for phone in islice(joined, _LINKS)]
    wires = [_touch(stage, links[n % len(links)], n) for n in range(options.requests + _WARM)]
    await stage.fired(wires[:_WARM], 4)  # every plan has been seen once
    address = stage.stack.host, stage.stack.port
    figures.rows["links"] = f"{len(links):,}"
    worked = stage.fleet.cpu_millis_by_name()
    result = await asyncio.to_thread(paced, address, wires[_WARM:], TOUCHES_A_SECOND)
    cpu = {name: spent - worked[name] for name, spent in stage.fleet.cpu_millis_by_name().items()}
    figures.add_load("opening", result)
    figures.add_work("opening", result, cpu)
    return figures


def _touch(stage: Stage, link: str, number: int) -> bytes:
    body = {"link": link, "visit": f"{number:032x}", "agent": BROWSER}
    headers = {"Alliance-Time": format_instant(stage.bench.begins)}
    return Request("POST", "/v1/share/touches", orjson.dumps(body), headers).wire(stage.bench.host)
