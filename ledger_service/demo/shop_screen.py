"""What the counter's day and its thefts came to, and whether they ended as they must."""

from __future__ import annotations

from collections import Counter

from ledger_service.demo.counter_story import BALANCED, FOUND, NEVER_POSTED
from ledger_service.demo.fraud_story import CAUGHT, REFUSALS, SEEDED, WORKED
from ledger_service.demo.screen import Screen, dollars

_COUNTED = (
    "sales of the closed day", "differences at the first close", FOUND, BALANCED,
    "receipts that joined later", "claims granted", "adjustments by two people", "exchanges",
    "sales in training", SEEDED, CAUGHT, WORKED, "cashiers reported for attaching to one card",
)  # fmt: skip
_TOLD = (
    "goods without a receipt: ", "beyond a mate's right: ", "goodwill by one person alone: ",
    "caught by the rules: ", "thief's act: ",
)  # fmt: skip
_SHOPPERS = tuple(f"refused {what}: {code}" for what in ("points", "sale", "refund") for code in REFUSALS)


def show_shop_day(screen: Screen, counts: Counter[str]) -> bool:
    """The figures; returns whether every theft was caught, the day balanced, and training posted nothing."""
    rows = [(name, f"{counts[name]:,}") for name in _COUNTED]
    rows.append(("paid out of a household's pool", dollars(counts["cents paid out of a household's pool"])))
    rows += [(name, f"{counts[name]:,}") for name in sorted(counts) if name.startswith(_TOLD)]
    rows.append(("honest acts that the rules refused", f"{honest_refused(counts):,}"))
    screen.table("At one counter: the desk, and who steals there", ["", "so far"], rows)
    closed = bool(counts["sales of the closed day"])
    return counts[CAUGHT] == counts[SEEDED] and not counts[NEVER_POSTED] and counts[BALANCED] == closed


def honest_refused(counts: Counter[str]) -> int:
    """How often the rules refused, or asked, somebody of the data."""
    return sum(counts[name] for name in _SHOPPERS)
