"""What the story of a run came to: sold alone, returned elsewhere, the thief, the lost phone, the tiers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ledger_service.demo.alliance_plan import LADDERS
from ledger_service.demo.phones import Phone
from ledger_service.demo.screen import Screen, dollars
from ledger_service.demo.service_client import Service
from ledger_service.demo.thief import SERVED

_COUNTED = (
    "sold alone", "uploads", "returns at another store", "returns at a partner", "codes photographed",
    "codes photographed at cut-off tills", "photographs unmasked when the line was back",
    "thief paid with a member's points", SERVED, "points that came over from the other card",
)  # fmt: skip
_NEVER = (SERVED, "thief paid with a member's points")


def show_story(screen: Screen, counts: Counter[str], told: dict[str, Any]) -> bool:
    """The figures of the story; returns whether the thief got nothing that should have been refused."""
    rows = [(name, f"{counts[name]:,}") for name in _COUNTED]
    rows.append(("paid with points alone", dollars(counts["cents paid with points alone"])))
    for name in sorted(counts):
        if name.startswith("cents lost alone"):
            rows.append((name.removeprefix("cents "), dollars(counts[name])))
        elif name.startswith("thief refused"):
            rows.append((name, f"{counts[name]:,}"))
    screen.table("What went wrong, and what became of it", ["", "so far"], rows)
    for who, code in told.get("tried", []):
        screen.say(f"  {who}: {code}")
    for act in told.get("done", []):
        screen.say(f"  done: {act}")
    return not any(counts[name] for name in _NEVER)


async def show_tiers(
    screen: Screen, service: Service, operator_key: str, phones: Sequence[Phone], at: Any
) -> None:
    """How many members stand in which tier, as the service answers of each."""
    paths = [f"/v1/members/{phone.number}/tiers" for phone in phones]
    answers = await asyncio.gather(*(service.get(path, operator_key, at) for path in paths))
    standing = Counter((one["programme"], one["tier"]) for told in answers for one in told["tiers"])
    rows = [
        (code, tier["name"], dollars(tier["at_least_minor"]), standing[code, tier["code"]])
        for code, ladder in LADDERS.items()
        for tier in ladder["tiers"]
    ]
    screen.table("Tiers", ["programme", "tier", "from", "members"], rows)
