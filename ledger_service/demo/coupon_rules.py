"""What the data set does not say of its coupons, as published in docs/run-rules.md: pure.

It names no discount, and of the sixteen coupons that a household gets from a campaign of type A only those
that it redeemed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ledger_service.demo.rules import draw

OF_TYPE_A = 16
BENEFITS: dict[str, dict[str, Any]] = {
    "Type A": {"type": "PercentOff", "bps": 2_000, "most_minor": 200},
    "Type B": {"type": "AmountOff", "minor": 50},
    "Type C": {"type": "AmountOff", "minor": 100},
}


def issued_to(
    seed: str, campaign: tuple[int, str], household: int, upcs: Sequence[int], redeemed: Iterable[int]
) -> Counter[int]:
    """How many of each coupon a household gets: one of each, in a campaign of type A sixteen kinds.

    Args:
        seed: of the run.
        campaign: its number and kind.
        household: who gets them.
        upcs: the campaign's coupons.
        redeemed: what the household redeemed in the data: it got each as often.
    """
    number, kind = campaign
    known = Counter(redeemed)
    if kind != "Type A":
        return Counter(dict.fromkeys(upcs, 1)) | known
    others = sorted(
        (upc for upc in upcs if upc not in known),
        key=lambda upc: (draw(seed, "coupon", number, household, upc), upc),
    )
    return known + Counter(others[: max(OF_TYPE_A - len(known), 0)])
