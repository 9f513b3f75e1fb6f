"""What a coupon takes off a basket, given what other coupons have left of it.

A ``Fixed`` effect is settled by the basket alone; an ``Amount`` takes from what is left. So combinations
differ from the sum of their coupons only where a line is used up, and never take more than that sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.coupons.deciding.rounding import parts_of

# (line's index, minor units taken off it)
Parts = list[tuple[int, int]]


class Tally:
    """What coupons have left of each line, in minor units."""

    __slots__ = ("left",)

    def __init__(self, amounts: Sequence[int]) -> None:
        """A basket that no coupon has touched."""
        self.left = list(amounts)

    def take(self, parts: Iterable[tuple[int, int]]) -> Parts:
        """Take each part, as far as its line reaches; gives what was taken and is not zero."""
        left, taken = self.left, []
        for line, part in parts:
            part = min(part, left[line])
            if part:
                left[line] -= part
                taken.append((line, part))
        return taken


@dataclass(frozen=True, slots=True)
class Fixed:
    """Fixed parts of lines; what a line cannot bear goes nowhere else.

    ``uses`` are pieces (line, how many) that no other coupon may use: those of a bundle or a free item.
    """

    parts: tuple[tuple[int, int], ...]
    uses: tuple[tuple[int, int], ...] = ()

    def apply(self, tally: Tally) -> Parts:
        """Take the parts."""
        return tally.take(self.parts)

    def take_from(self, left: list[int]) -> int:
        """Take the parts off what is left of the lines; gives their sum alone, which a search asks for."""
        taken = 0
        for line, part in self.parts:
            there = left[line]
            if part > there:
                part = there
            left[line] = there - part
            taken += part
        return taken

    def alone(self, amounts: Sequence[int]) -> int:
        """Minor units that it takes off lines that no coupon has touched."""
        return sum([min(part, amounts[line]) for line, part in self.parts])


@dataclass(frozen=True, slots=True)
class Amount:
    """So many minor units off what is left of the lines, in proportion to it."""

    lines: tuple[int, ...]
    minor: int
    uses: tuple[tuple[int, int], ...] = ()

    def apply(self, tally: Tally) -> Parts:
        """Take it, as far as the lines reach."""
        left = [tally.left[i] for i in self.lines]
        return tally.take(zip(self.lines, parts_of(min(self.minor, sum(left)), left), strict=True))

    def take_from(self, left: list[int]) -> int:
        """Take it off what is left of the lines; gives the sum alone, which a search asks for."""
        there = [left[i] for i in self.lines]
        total = min(self.minor, sum(there))
        for line, part in zip(self.lines, parts_of(total, there), strict=True):
            left[line] -= part
        return total

    def alone(self, amounts: Sequence[int]) -> int:
        """Minor units that it takes off lines that no coupon has touched."""
        return min(self.minor, sum([amounts[line] for line in self.lines]))


# Something beside the goods: hours of parking, a gift from the stock.
NOTHING_OFF = Fixed(())

Effect = Fixed | Amount
