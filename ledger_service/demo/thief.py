"""A thief who photographs pay codes: what the service must refuse, tried at a till of another merchant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ledger_service.demo.alliance_plan import CURRENCY, MERCHANTS, Merchant
from ledger_service.demo.rules import draw
from ledger_service.demo.service_client import Frame
from ledger_service.demo.story_rules import TOO_LATE, shown_after
from ledger_service.demo.tills import acceptance
from ledger_service.demo.town import Town
from ledger_service.demo.visits import Visit

LOOT_MINOR = 500
SERVED = "thief served by a till that asked"
_SHOPS = [merchant for merchant in MERCHANTS if merchant.programme is not None]


def thiefs_shop(seed: str, checkout: str, seller: Merchant) -> Merchant:
    """Where the thief goes: another merchant of the plan in the same place."""
    others = [merchant for merchant in _SHOPS if merchant.key != seller.key]
    return others[draw(seed, "thief's shop", checkout) % len(others)]


def loot(shop: Merchant, store: int, minor: int, reference: str) -> dict[str, Any]:
    """What the thief puts on the counter: one thing, worth what the code may pay."""
    line = {
        "line": "1", "sku": "1", "category": shop.departments[0], "quantity": 1, "amount_minor": minor,
    }  # fmt: skip
    return {
        "store": shop.store_gln(store), "reference": reference, "currency": CURRENCY, "lines": [line],
        "spend": {"max_value_minor": minor},
    }  # fmt: skip


async def show_photograph(town: Town, visit: Visit, pay_code: str) -> None:
    """The code of a payment just made is shown again; that a till takes it is counted as served."""
    seed, name, at = town.seed, visit.name, visit.basket.at
    if town.alliance.ends.between(at, at + TOO_LATE):
        return
    then = at + shown_after(seed, name)
    shop, store = thiefs_shop(seed, name, visit.merchant), visit.basket.store
    body = loot(shop, store, LOOT_MINOR, f"photo {name}")
    town.counts["codes photographed"] += 1
    await attempt(town, body, (shop, store, pay_code), f"photo:{name}", then)


async def attempt(
    town: Town, body: dict[str, Any], shown: tuple[Merchant, int, str], name: str, at: datetime
) -> str:
    """Somebody shows a code that must not pay at a till that asks; the answer's code."""
    shop, store, pay_code = shown
    till = await town.alliance.till_key(shop, store, at)
    taken = acceptance(town.seed, body["store"], town.alliance.domain, pay_code, at)
    whole = body | {"member": {"pay_code": pay_code}, "acceptance": taken}
    answer = await town.service.post("/v1/sales", whole, Frame(till, f"{town.seed}:{name}", at))
    if answer.status == 201:
        town.counts[SERVED] += 1
        return "served"
    town.counts[f"thief refused: {answer.code}"] += 1
    return answer.code
