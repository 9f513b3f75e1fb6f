"""Which block draws: the first behind a block that is not before an instant, as the chain has it now."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.chain.client import Node


class Seen(NamedTuple):
    """A block, and the second of the one before it."""

    number: int
    hash: bytes
    stamps: tuple[int, int]


def seen_block(node: Node, number: int) -> Seen | None:
    """A block by its number; None above the head."""
    before, own = node.blocks([max(0, number - 1), number])
    if before is None or own is None:
        return None
    return Seen(number, own.hash, (before.timestamp, own.timestamp))


def first_behind(node: Node, behind: int, not_before: int | None, last: int) -> Seen | None:
    """The first block behind ``behind``, not before a second, up to ``last``; None where there is none yet.

    Times of blocks never fall, so it is found by halving.
    """
    low, high = behind + 1, last
    if low > high or (not_before is not None and second_of(node, high) < not_before):
        return None
    while not_before is not None and low < high:
        middle = (low + high) >> 1
        if second_of(node, middle) < not_before:
            low = middle + 1
        else:
            high = middle
    return seen_block(node, low)


def second_of(node: Node, number: int) -> int:
    """The time of a block, in seconds; 0 above the head."""
    (block,) = node.blocks([number])
    return 0 if block is None else block.timestamp
