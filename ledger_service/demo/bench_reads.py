"""Reads under load: members look at their balance, tills ask what a large basket would spend and earn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

import orjson

from ledger_service.demo.alliance_plan import MERCHANTS, Merchant
from ledger_service.demo.bench_figures import Figures
from ledger_service.demo.bench_floor import add_ratio, empty_requests, fire
from ledger_service.demo.bench_stage import BenchOptions, Stage
from ledger_service.demo.http_client import Request
from ledger_service.demo.load import LoadResult
from ledger_service.demo.phones import Phone
from ledger_service.demo.service_client import Frame
from ledger_service.demo.visits import Visit
from ledger_service.kernel.clock import format_instant

QUOTED_LINES = 20
_MEMBERS = 200
_MERCHANT = {merchant.key: merchant for merchant in MERCHANTS}


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Balances first, then quotes, over the same number of connections."""
    figures = Figures(stage.name)
    balances = [await _balance_wire(stage, phone) for phone in _members(stage)]
    balance = await _repeated(figures, stage, "balance", balances, options)
    quotes = [await _quote_wire(stage, visit) for visit in islice(_large_visits(stage), _MEMBERS)]
    quote = await _repeated(figures, stage, "quote", quotes, options)
    empty = await empty_requests(figures, stage, options.connections)
    add_ratio(figures, "balance", balance, empty)
    add_ratio(figures, "quote", quote, empty)
    return figures


async def _repeated(
    figures: Figures, stage: Stage, label: str, wires: list[bytes], options: BenchOptions
) -> LoadResult:
    await stage.fired(wires, options.connections)  # every key and plan has been seen once
    again = list(islice(cycle(wires), options.requests))
    return await fire(figures, stage, label, again, options.connections)


def _members(stage: Stage) -> list[Phone]:
    return [phone for phone in stage.bench.phones.values() if phone.joined][:_MEMBERS]


async def _balance_wire(stage: Stage, phone: Phone) -> bytes:
    """The member's own app asks, under a key of its own."""
    frame = Frame(
        stage.stack.operator_key, f"{stage.bench.seed}:reader:{phone.household}", stage.bench.begins
    )
    wanted = {"role": "member", "subject": phone.number, "label": "app"}
    key = (await stage.service.demand("/v1/keys", wanted, frame))["token"]
    headers = {"Authorization": f"Bearer {key}"}
    return Request("GET", f"/v1/members/{phone.number}/balance", b"", headers).wire(stage.bench.host)


def _large_visits(stage: Stage) -> Iterator[Visit]:
    for basket in stage.baskets:
        phone = stage.bench.phones.get(basket.household)
        if phone is None or not phone.joined:
            continue
        for key, lines in basket.checkouts.items():
            if len(lines) >= QUOTED_LINES:
                yield Visit(phone, basket, _merchant(key), lines[:QUOTED_LINES])


def _merchant(key: str) -> Merchant:
    return _MERCHANT[key]


async def _quote_wire(stage: Stage, visit: Visit) -> bytes:
    till = await stage.bench.till_key(visit.merchant, visit.basket.store, stage.bench.begins)
    headers = {"Authorization": f"Bearer {till}", "Alliance-Time": format_instant(stage.bench.begins)}
    return Request("POST", "/v1/quotes", orjson.dumps(visit.body()), headers).wire(stage.bench.host)
