"""The requests of the checkout benchmark: real baskets, prepared and signed before the clock starts.

One in three checkouts pays in part with points, where the member holds any of another merchant that are
worth a cent. A member's points are planned here
against what was held before the measurement, so the requests may be answered in any order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from ledger_service.demo.alliance_plan import MERCHANTS, PROGRAMMES, Merchant
from ledger_service.demo.dataset import Basket
from ledger_service.demo.http_client import Request
from ledger_service.demo.phones import Phone
from ledger_service.demo.rules import MICROS_PER_CENT, SPEND_SHARE_BPS, draw, spend_for_checkout
from ledger_service.demo.visits import Visit
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain

SPEND_ONE_IN = 3
_MERCHANT = {merchant.key: merchant for merchant in MERCHANTS}
_VALUES = {code: programme.point_value_micros for code, programme in PROGRAMMES.items()}


@dataclass(frozen=True)
class Bench:
    """What the requests are made with."""

    seed: str
    host: str
    domain: Domain
    phones: dict[int, Phone]
    till_key: Callable[[Merchant, int, datetime], Awaitable[str]]
    begins: datetime
    spend_until: datetime
    label: str = "bench"


@dataclass
class Shots:
    """Finished requests, and how many of them pay with points."""

    wires: list[bytes]
    with_points: int = 0


async def prepare(bench: Bench, baskets: Iterable[Basket], count: int) -> Shots:
    """The next ``count`` checkouts of members who have joined, as finished requests."""
    shots = Shots([])
    for basket in baskets:
        phone = bench.phones.get(basket.household)
        if phone is None or not phone.joined:
            continue
        for key, lines in basket.checkouts.items():
            visit = Visit(phone, basket, _MERCHANT[key], lines)
            body, paid = _body(bench, visit)
            shots.with_points += paid
            # As of where the replay stands: a later instant would move the clock past the sales.
            till = await bench.till_key(visit.merchant, basket.store, bench.begins)
            shots.wires.append(_wire(bench, visit, body, till))
            if len(shots.wires) == count:
                return shots
    return shots


def _body(bench: Bench, visit: Visit) -> tuple[bytes, bool]:
    body = visit.body()
    wants = draw(bench.seed, "bench", visit.name) % SPEND_ONE_IN == 0
    at = visit.basket.at
    held = visit.phone.spendable(at, visit.merchant.key) if wants else []
    # An epoch's end divides requests, and a load that never pauses has no such pauses.
    lots = [lot for lot in held if lot.expires_at > seconds_floor(bench.spend_until)]
    spend = spend_for_checkout(0, visit.total_minor, lots, _VALUES, MICROS_PER_CENT)
    if spend:
        most = visit.total_minor * MICROS_PER_CENT * SPEND_SHARE_BPS // 10_000
        visit.show_pay_code(body, bench.seed, bench.domain, most)
        body["spend"] = [{"programme": code, "points": points} for code, points in spend]
        for code, points in spend:
            visit.phone.set_aside(code, points, at)
    return orjson.dumps(body), bool(spend)


def _wire(bench: Bench, visit: Visit, body: bytes, till: str) -> bytes:
    headers = {
        "Authorization": f"Bearer {till}",
        "Idempotency-Key": f"{bench.seed}:{bench.label}:{visit.name}",
        "Alliance-Time": format_instant(visit.basket.at),
    }
    return Request("POST", "/v1/sales", body, headers).wire(bench.host)
