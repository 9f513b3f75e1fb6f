"""Offline tills under load: fifty that were cut off for eight hours, merged in any order, and again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from ledger_service.demo.alliance_plan import MERCHANTS, PROGRAMMES, Merchant
from ledger_service.demo.bench_checkout import audit
from ledger_service.demo.bench_figures import Figures, millis
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.phones import Phone
from ledger_service.demo.rules import MICROS_PER_CENT, draw
from ledger_service.demo.service_client import Frame
from ledger_service.demo.tills import acceptance
from ledger_service.demo.visits import Visit
from ledger_service.kernel.clock import format_instant

TILLS = 50
CUT_OFF = timedelta(hours=8)
_FIRST_STORE = 9_000
_SPEND_ONE_IN = 5
_PAID_CENTS = 10
_MOST_SALES, _MOST_BYTES = 100, 60_000
_ALLOWANCE = {"allowance_micros": 1_000_000_000, "window_seconds": 7 * 86_400}


@dataclass
class Alone:
    """A till that is cut off: its API key, and what it sold."""

    store_gln: str
    api_key: str
    items: list[dict[str, Any]] = field(default_factory=list)
    with_points: int = 0


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Let the tills sell alone, merge everything shuffled, merge it again, and audit."""
    figures = Figures(stage.name)
    tills = [await _till(stage, number) for number in range(TILLS)]
    _sell(stage, tills, options.requests)
    wires = _wires(stage, tills)
    worked, own = stage.fleet.cpu_millis_by_name(), time.process_time_ns()
    begun = time.perf_counter_ns()
    result = await stage.fired(wires, options.connections)
    micros = (time.perf_counter_ns() - begun) // 1000
    client = (time.process_time_ns() - own) // 1_000_000
    cpu = {name: spent - worked[name] for name, spent in stage.fleet.cpu_millis_by_name().items()}
    again = await stage.fired(wires, options.connections)
    sales = sum(len(till.items) for till in tills)
    figures.failures += result.failures + again.failures
    figures.rows["tills, sales"] = f"{TILLS}, {sales:,}"
    figures.rows["paid in part with points"] = f"{sum(till.with_points for till in tills):,}"
    figures.rows["merged within s"] = millis(micros // 1000)
    figures.rows["merged sales/s"] = f"{sales * 1_000_000 // max(micros, 1):,}"
    figures.rows["batch p95 ms"] = millis(result.percentile_micros(95))
    figures.rows["merged again, sales/s"] = f"{again.per_second * sales // max(len(wires), 1):,}"
    figures.add_work("batch", result, cpu | {"client": client})
    await _judge(figures, stage, sales)
    return figures


async def _judge(figures: Figures, stage: Stage, sales: int) -> None:
    """Every sale is certain once, and the books agree with the chain."""
    found: Counter[str] = Counter()
    lost = 0
    async for row in _decided(stage):
        found[row["state"]] += 1
        lost += row["loss_minor"] + row["beyond_minor"]
    figures.rows["decided"] = ", ".join(f"{count:,} {state}" for state, count in sorted(found.items()))
    figures.rows["borne by merchants, cents"] = f"{lost:,}"
    if found["certain"] != sales:
        figures.failures.append(f"{found} of {sales} sales")
    figures.rows["chain caught up, s after"] = millis(await stage.observer.caught_up(PATIENCE_SECONDS))
    findings = [str(finding) for finding in audit(stage)["findings"]]
    figures.rows["audit: database = chain"] = "yes" if not findings else f"{len(findings)} differences"
    figures.failures += findings


async def _decided(stage: Stage) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = await stage.service.get(f"/v1/offline-sales?limit=200{cursor}", stage.stack.operator_key)
        for row in page["sales"]:
            yield row
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


async def _till(stage: Stage, number: int) -> Alone:
    merchant, store = MERCHANTS[number % len(MERCHANTS)], _FIRST_STORE + number
    api_key = await stage.bench.till_key(merchant, store, stage.bench.begins)
    own = await stage.service.get("/v1/offline-allowance", api_key, stage.bench.begins)
    frame = Frame(stage.stack.operator_key, f"{stage.bench.seed}:allowance:{number}", stage.bench.begins)
    await stage.service.demand(f"/v1/terminals/{own['terminal']}/offline-allowance", _ALLOWANCE, frame)
    return Alone(merchant.store_gln(store), api_key)


def _sell(stage: Stage, tills: list[Alone], count: int) -> None:
    """Real baskets of members who have joined, one till after the other, spread over the hours."""
    step = CUT_OFF / count
    visits = _visits(stage)
    for number in range(count):
        _add(stage, tills[number % len(tills)], next(visits), stage.bench.begins + number * step)


def _visits(stage: Stage) -> Iterator[Visit]:
    for basket in stage.baskets:
        phone = stage.bench.phones.get(basket.household)
        if phone is None or not phone.joined:
            continue
        for key, lines in basket.checkouts.items():
            yield Visit(phone, basket, _merchant(key), lines)


def _merchant(key: str) -> Merchant:
    return next(merchant for merchant in MERCHANTS if merchant.key == key)


def _add(stage: Stage, till: Alone, visit: Visit, at: datetime) -> None:
    body = visit.body() | {"store": till.store_gln}
    number = len(till.items)
    wants = number % _SPEND_ONE_IN == 0 and visit.total_minor >= _PAID_CENTS
    if wants and _set_aside(visit.phone, at):
        code = visit.phone.pay_code(stage.bench.domain, at, _PAID_CENTS * MICROS_PER_CENT)
        body["member"], body["spend"] = {"pay_code": code}, {"max_value_minor": _PAID_CENTS}
        body["acceptance"] = acceptance(stage.bench.seed, till.store_gln, stage.bench.domain, code, at)
        till.with_points += 1
    item = {"key": f"o{number}", "sold_at": format_instant(at), "sale": body, "allowance_version": 1}
    till.items.append(item)


def _set_aside(phone: Phone, at: datetime) -> bool:
    """The member has points of one programme worth what it pays, and plans with the rest from now on."""
    for lot in phone.spendable(at, ""):
        points = -(-_PAID_CENTS * MICROS_PER_CENT // PROGRAMMES[lot.programme].point_value_micros)
        if lot.points >= points:
            phone.set_aside(lot.programme, points, at)
            return True
    return False


def _wires(stage: Stage, tills: list[Alone]) -> list[bytes]:
    """Every till's sales in batches, shuffled inside and among the tills."""
    seed = stage.bench.seed
    at = format_instant(stage.bench.begins + CUT_OFF)
    wires = []
    for till in tills:
        headers = {"Authorization": f"Bearer {till.api_key}", "Alliance-Time": at}
        for batch in _batches(sorted(till.items, key=lambda item: draw(seed, till.store_gln, item["key"]))):
            body = orjson.dumps({"sales": batch})
            wires.append(Request("POST", "/v1/offline-sales", body, headers).wire(stage.bench.host))
    return [wires[n] for n in sorted(range(len(wires)), key=lambda n: draw(seed, "batch", str(n)))]


def _batches(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        length = len(orjson.dumps(item)) + 1
        if batch and (size + length > _MOST_BYTES or len(batch) == _MOST_SALES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch
