"""Goods that come back under load: refunds of one line, then exchanges of one line for another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from ledger_service.demo.bench_checkout import audit
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_floor import add_ratio, empty_requests, fire
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.service_client import Frame
from ledger_service.demo.visits import MERCHANT_OF, Visit
from ledger_service.kernel.clock import format_instant


@dataclass(frozen=True, slots=True)
class _Sold:
    """A sale to take back from: what was rung up, where, and its number."""

    visit: Visit
    till: str
    sale_id: str


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Sell twice as many baskets as are measured; one half is refunded in part, the other exchanged."""
    visits = islice(_visits(stage), 2 * options.requests)
    # One group after another: the service's clock goes with the baskets and refuses what is days behind it.
    sold: list[_Sold] = []
    while group := list(islice(visits, options.connections)):
        sold += await asyncio.gather(*[_sell(stage, visit) for visit in group])
    await stage.observer.caught_up(PATIENCE_SECONDS, stage.fleet.watch)
    figures = Figures(stage.name)
    half, back_at = len(sold) // 2, max(one.visit.basket.at for one in sold)
    refunds = [_refund(stage, one, back_at) for one in sold[:half]]
    refund = await fire(figures, stage, "refund", refunds, options.connections)
    exchanges = [_exchange(stage, one, back_at) for one in sold[half:]]
    exchange = await fire(figures, stage, "exchange", exchanges, options.connections)
    await stage.observer.caught_up(PATIENCE_SECONDS, stage.fleet.watch)
    empty = await empty_requests(figures, stage, options.connections)
    add_ratio(figures, "refund", refund, empty)
    add_ratio(figures, "exchange", exchange, empty)
    findings = [str(finding) for finding in audit(stage)["findings"]]
    figures.rows["audit: database = chain"] = "yes" if not findings else f"{len(findings)} differences"
    figures.failures += findings
    return figures


def _visits(stage: Stage) -> Iterator[Visit]:
    for basket in stage.baskets:
        phone = stage.bench.phones.get(basket.household)
        if phone is None or not phone.joined:
            continue
        for key, lines in basket.checkouts.items():
            if lines[0].paid_minor > 0:
                yield Visit(phone, basket, MERCHANT_OF[key], lines)


async def _sell(stage: Stage, visit: Visit) -> _Sold:
    till = await stage.bench.till_key(visit.merchant, visit.basket.store, visit.basket.at)
    frame = Frame(till, f"{stage.bench.seed}:returned:{visit.name}", visit.basket.at)
    sale = await stage.service.demand("/v1/sales", visit.body(), frame)
    return _Sold(visit, till, sale["sale_id"])


def _refund(stage: Stage, sold: _Sold, back_at: datetime) -> bytes:
    body = {"reference": f"back {sold.visit.name}", "lines": [_back(sold)]}
    return _wire(stage, sold, f"/v1/sales/{sold.sale_id}/refunds", body, back_at)


def _exchange(stage: Stage, sold: _Sold, back_at: datetime) -> bytes:
    other = {"line": "other", "category": "GROCERY", "quantity": 1, "amount_minor": 499}
    sale = sold.visit.body()
    body = {name: sale[name] for name in ("store", "currency")} | {"reference": f"other {sold.visit.name}"}
    body |= {"sale": sold.sale_id, "returned": [_back(sold)], "lines": [other]}
    return _wire(stage, sold, "/v1/exchanges", body, back_at)


def _back(sold: _Sold) -> dict[str, Any]:
    """The first line of the sale, whole."""
    return {"line": "1", "quantity": sold.visit.lines[0].quantity}


def _wire(stage: Stage, sold: _Sold, path: str, body: dict[str, Any], back_at: datetime) -> bytes:
    headers = {
        "Authorization": f"Bearer {sold.till}",
        "Idempotency-Key": f"{stage.bench.seed}:back:{sold.visit.name}",
        "Alliance-Time": format_instant(back_at),
    }
    return Request("POST", path, orjson.dumps(body), headers).wire(stage.bench.host)
