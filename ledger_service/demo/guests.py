"""Logins for whoever tries the run's pages: two members, two tills, a merchant, an auditor, the operators.

They are made once, after the replay, and kept in the state folder beside the operator's key. The members have
no part in the data, so the report of a run that goes on is not touched by what visitors do.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_service.demo.alliance_plan import MERCHANTS
from ledger_service.demo.progress import Progress
from ledger_service.demo.screen import Screen
from ledger_service.demo.service_client import Frame, Service
from ledger_service.demo.stack import Stack, run_command, second_operator
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import with_check_digit

LOGINS = "logins.json"
GROCER, OTHER = "GROC", "FUEL"
GTIN = with_check_digit("0952010000001")
_MERCHANTS = {merchant.key: merchant for merchant in MERCHANTS}
_COUPON = {
    "en": "One dollar off your next basket",
    "zh-Hans": "下次购物立减一美元",
    "zh-Hant": "下次購物立減一美元",
}
_COUPON_LIFE = timedelta(days=400)
_TEA = {"en": "Spring tea, 100 g", "zh-hans": "春茶 100 克", "zh-hant": "春茶 100 克"}
_MEMBERS = {"lin": "Lin Mei 林美", "ngozi": "Ngozi Adeyemi"}
_ITEMS, _POINTS_OF_ITEM = 3, 50
_ANCHOR_TRIES = 60
_FOR_COMMANDS = (
    "ALLIANCE_STATE_DIR", "ALLIANCE_REPLAY", "ALLIANCE_CHAIN_URL", "ALLIANCE_SIGNER_SOCKET",
    "ALLIANCE_DATABASE_URL",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class House:
    """The running product and where its replay stands."""

    stack: Stack
    service: Service
    progress: Progress
    at: datetime

    async def write(self, path: str, body: Mapping[str, Any], name: str, key: str = "") -> dict[str, Any]:
        """The document of a write that is done once; the operator's unless ``key`` is given."""
        frame = Frame(key or self.stack.operator_key, f"guests:{name}", self.at)
        return await self.service.demand(path, dict(body), frame)


async def invite(house: House) -> dict[str, Any]:
    """Whoever may log in as what, made or found again; the file lets its owner alone read it."""
    path = Path(house.stack.settings["ALLIANCE_STATE_DIR"]) / LOGINS
    if path.exists():
        return dict(json.loads(path.read_text()))
    logins = await _made(house)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(logins, file, indent=1)
    return logins


def show_logins(screen: Screen, logins: Mapping[str, Any]) -> None:
    """The table that a newcomer copies keys from."""
    rows = [(one["who"], one["opens"], one["key"]) for one in logins["logins"]]
    screen.table("Logins: paste a key at /enter", ["who", "opens", "key"], rows)
    item = logins["item"]
    words = " ".join(f"{name}={value}" for name, value in logins["environment"].items())
    screen.say(f"  for commands beside it: export {words}")
    screen.say(f"  an item to scan: {item['code']}  (PIN under its cover: {item['pin']})")


async def _made(house: House) -> dict[str, Any]:
    grocer = _MERCHANTS[GROCER]
    second = second_operator(house.stack, house.progress)
    guests = {name: await _member(house, short, name) for short, name in _MEMBERS.items()}
    numbers = [number for number, _ in guests.values()]
    await _coupon(house, numbers[0], second)
    keys = [(name, "/me", key) for name, (_, key) in guests.items()]
    keys += [_till(house, code) for code in (GROCER, OTHER)]
    keys.append((grocer.name, "/merchant", await _key(house, "merchant", grocer.gln)))
    keys.append(("Auditor", "/audit", await _key(house, "auditor", "visitor")))
    keys += [
        ("Operator", "/operator", house.stack.operator_key),
        ("Second operator", "/approvals/limits", second),
    ]
    logins = [{"who": who, "opens": opens, "key": key} for who, opens, key in keys]
    settings = house.stack.settings
    environment = {name: settings[name] for name in _FOR_COMMANDS if name in settings}
    return {"logins": logins, "numbers": numbers, "item": await _item(house), "environment": environment}


async def _member(house: House, short: str, name: str) -> tuple[str, str]:
    body = {"custody": "custodial", "display_name": name}
    number = str((await house.write("/v1/members", body, f"member:{short}"))["number"])
    return number, await _key(house, "member", number)


async def _key(house: House, role: str, subject: str) -> str:
    issued = await house.write("/v1/keys", {"role": role, "subject": subject}, f"key:{role}:{subject}")
    return str(issued["token"])


def _till(house: House, code: str) -> tuple[str, str, str]:
    """The till of the merchant's first shop that the replay has opened."""
    tills = house.progress.tills()
    store = min(store for merchant, store in tills if merchant == code)
    return f"Till of {_MERCHANTS[code].name}, store {store}", "/till", tills[code, store]


async def _coupon(house: House, number: str, second: str) -> None:
    """A coupon that may be given away lies in the member's wallet; two operators agreed to its terms."""
    gln = _MERCHANTS[GROCER].gln
    path = f"/v1/merchants/{gln}/coupon-definitions"
    made = await house.write(path, {"code": "WELCOME", "names": _COUPON}, "coupon")
    terms = {
        "benefit": {"type": "AmountOff", "minor": 100}, "funders": [{"party": gln, "bps": 10_000}],
        "window": {"starts_at": format_instant(house.at), "ends_at": format_instant(house.at + _COUPON_LIFE)},
        "gift": "once",
    }  # fmt: skip
    await house.write(f"{path}/WELCOME/versions", {"terms": terms}, "coupon-terms")
    await house.write(f"{path}/WELCOME/versions/1/approval", {}, "coupon-approval", second)
    await asyncio.sleep(1.1)  # a process looks for new definitions once a second
    grant = {"definition": made["definition"], "members": [number], "reference": "welcome"}
    await house.write("/v1/coupon-grants", grant, "coupon-grant")


async def _item(house: House) -> dict[str, str]:
    """An item with its PIN, of a batch whose root is on the chain, that gives points to whoever claims it."""
    gln = _MERCHANTS[GROCER].gln
    names = [part for language, name in _TEA.items() for part in (f"--name-{language}", name)]
    owned = ["--gtin", GTIN, "--merchant", gln]
    await asyncio.to_thread(_items, house, "product", *owned, "--brand", _MERCHANTS[GROCER].name, *names)
    batch = (
        await asyncio.to_thread(_items, house, "open", *owned, "--lot", "A1", "--size", str(_ITEMS))
    ).strip()
    await asyncio.to_thread(_items, house, "make", "--batch", batch)
    for _ in range(_ANCHOR_TRIES):
        told = await asyncio.to_thread(_items, house, "anchor", "--batch", batch)
        if told.strip().endswith(("mined", "final")):
            break
        await asyncio.sleep(1)
    terms = {"programme": GROCER, "points": _POINTS_OF_ITEM}
    frame = Frame(house.stack.operator_key, "guests:claim-terms", house.at)
    await house.service.put(f"/v1/products/{GTIN}/claim-terms", terms, frame)
    printed = await asyncio.to_thread(_items, house, "print", "--batch", batch)
    first = next(csv.DictReader(io.StringIO(printed)))
    return {"code": first["code"], "pin": first["pin"]}


def _items(house: House, *arguments: str) -> str:
    return run_command(house.stack.settings, "items", *arguments)
