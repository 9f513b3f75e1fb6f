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
    shares = [divmod(total * weight, whole) for weight in weights]
    parts = [part for part, _ in shares]
    rest = total - sum(parts)
    if rest:
        remainders = [remainder for _, remainder in shares]
        # The sort is stable, also backwards: of equal remainders the earlier comes first.
        by_remainder = sorted(range(len(shares)), key=remainders.__getitem__, reverse=True)
        for i in by_remainder[:rest]:
            parts[i] += 1
    return parts


def matrix_of(rows: Sequence[int], shares_bps: Sequence[int]) -> list[list[int]]:
    """Each row split by the shares (summing to 10,000), so that every row sums exactly.

    What rounding denied a share in one row it is owed in the next, so a column is within a unit or two of
    its share of the total however many rows there are.
    """
    owed = [0] * len(shares_bps)
    matrix = []
    for row in rows:
        parts = [row * bps // WHOLE_BPS for bps in shares_bps]
        for i, bps in enumerate(shares_bps):
            owed[i] += row * bps - parts[i] * WHOLE_BPS
        for i in sorted(range(len(parts)), key=lambda i: (-owed[i], i))[: row - sum(parts)]:
            parts[i] += 1
            owed[i] -= WHOLE_BPS
        matrix.append(parts)
    return matrix
