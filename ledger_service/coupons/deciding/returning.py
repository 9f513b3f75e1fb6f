"""What of a coupon goes back when goods come back, such that any split gives the same total (INV-13).

A coupon rests on lines, each part on its funders. When pieces of a line come back, so does that share of
each part, rounded down and counted from the sale, never from the last return; with the last piece of a line
the part is back whole. The conditions of a coupon are judged once, at the sale: what comes back later does
not take the discount from what stays. A bundle rests on all its pieces, so whoever keeps the free piece and
brings back the one that was paid for gets only that piece's share of the bundle's price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger_service.kernel.money import share_floor


@dataclass(frozen=True, slots=True)
class RestingPart:
    """So many minor units of a coupon's discount on a line, paid for by a funder."""

    line: str
    funder: int
    minor: int


def share_returned(
    parts: tuple[RestingPart, ...], sold: Mapping[str, int], returned: Mapping[str, int]
) -> dict[tuple[str, int], int]:
    """How much of each part is back after all returns so far; keys are (line, funder).

    Args:
        parts: of one coupon.
        sold: quantity by line, as sold.
        returned: quantity by line, of all returns together; 0 <= returned <= sold.
    """
    back: dict[tuple[str, int], int] = {}
    for part in parts:
        pieces = returned.get(part.line, 0)
        if pieces:
            key = part.line, part.funder
            back[key] = back.get(key, 0) + share_floor(part.minor, pieces, sold[part.line])
    return back


def wholly_returned(
    parts: tuple[RestingPart, ...], sold: Mapping[str, int], returned: Mapping[str, int]
) -> bool:
    """Whether everything that the coupon took something off is back: only then may it be given back.

    A coupon that took nothing off a line (parking, a gift) comes back with the last piece of the basket.
    """
    lines = {part.line for part in parts} or sold.keys()
    return all(returned.get(line, 0) >= sold[line] for line in lines)
