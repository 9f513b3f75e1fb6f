"""Splitting whole minor units so that the parts sum to the whole."""

from __future__ import annotations

from collections.abc import Sequence

WHOLE_BPS = 10_000


def parts_of(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` split in proportion to ``weights`` by largest remainder; of equal ones the earlier gets more.

    A part is never above its weight where ``total`` is at most the sum of the weights.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    rest = total - sum(parts)
    if rest:
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
        for i in by_remainder[:rest]:
            parts[i] += 1
    return parts
