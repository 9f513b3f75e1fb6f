"""What the data set does not say of its coupons, as published in docs/run-rules.md: pure.

It names no discount, and of the sixteen coupons that a household gets from a campaign of type A only those
that it redeemed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ledger_service.demo.dataset import Line
from ledger_service.demo.rules import draw

OF_TYPE_A = 16
BENEFITS: dict[str, dict[str, Any]] = {
    "Type A": {"type": "PercentOff", "bps": 2_000, "most_minor": 200},
    "Type B": {"type": "AmountOff", "minor": 50},
    "Type C": {"type": "AmountOff", "minor": 100},
}


def taken_alone(kinds: Sequence[tuple[str, Collection[int]]], lines: Sequence[Line], most_minor: int) -> int:
    """The cents that a cut-off till takes off by its own arithmetic: each coupon from what others left.

    Args:
        kinds: of each coupon that was shown, the kind of its campaign and its products.
        lines: of the checkout.
        most_minor: what points leave to pay.
    """
    left = [line.paid_minor for line in lines]
    for kind, products in kinds:
        on = [i for i, line in enumerate(lines) if line.product in products]
        off = _off(BENEFITS[kind], sum(left[i] for i in on))
        for i in on:
            part = min(off, left[i])
            left[i] -= part
            off -= part
    return min(sum(line.paid_minor for line in lines) - sum(left), most_minor)


def _off(benefit: dict[str, Any], goods_minor: int) -> int:
    if benefit["type"] == "AmountOff":
        return int(benefit["minor"])
    return min(goods_minor * int(benefit["bps"]) // 10_000, int(benefit["most_minor"]))


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
