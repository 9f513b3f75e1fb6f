"""How far lines are used up by the coupons chosen so far, and what each other coupon can still add.

Fixed parts cover their lines; what another coupon adds can only shrink as more is covered, so what is added
now bounds what it adds to any combination that holds the chosen ones. Amounts that were chosen cover
nothing here, since it is not settled which lines they take from: the bound is then too high, never too low.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.coupons.deciding.effects import Amount
from ledger_service.coupons.deciding.weighing import Weights, bits


@dataclass(frozen=True, slots=True)
class Covered:
    """Minor units left per line, and what each offer can still add, as a weight."""

    left: list[int]
    single: list[int]
    sorted: bool


class Coverage:
    """The lines of a basket and the offers that rest on each."""

    def __init__(self, weights: Weights) -> None:
        """Index the offers by line, greatest part first."""
        self.weights = weights
        lines = range(len(weights.amounts))
        self.fixed: list[list[tuple[int, int]]] = [[] for _ in lines]
        self.amounts = [0] * len(lines)
        for i, offer in enumerate(weights.offers):
            if isinstance(offer.effect, Amount):
                for line in offer.effect.lines:
                    self.amounts[line] |= 1 << i
            else:
                for line, part in offer.effect.parts:
                    self.fixed[line].append((part, i))
        for on_line in self.fixed:
            on_line.sort(reverse=True)

    def start(self) -> Covered:
        """Nothing is covered."""
        return Covered(list(self.weights.amounts), self.weights.single, True)

    def after(self, covered: Covered, i: int, open_: int) -> Covered:
        """What is left and can be added once offer ``i`` is chosen, kept up for ``open_`` alone."""
        effect = self.weights.offers[i].effect
        if isinstance(effect, Amount) or not effect.parts:
            return covered
        of_one = self.weights.of_one
        left, single, is_sorted, touched = list(covered.left), covered.single, covered.sorted, 0
        for line, part in effect.parts:
            touched |= self.amounts[line]
            before = left[line]
            now = left[line] = max(0, before - part)
            for other, j in self.fixed[line]:
                if other <= now:
                    break
                if not open_ >> j & 1:
                    continue
                if single is covered.single:
                    single, is_sorted = list(single), False
                single[j] -= (min(other, before) - now) * of_one
        return self._amounts_after(Covered(left, single, is_sorted), covered, bits(touched & open_))

    def _amounts_after(self, now: Covered, was: Covered, touched: list[int]) -> Covered:
        single, is_sorted, left = now.single, now.sorted, now.left
        for j in touched:
            effect = self.weights.offers[j].effect
            if not isinstance(effect, Amount):
                continue
            room = 0
            # Most often the first lines bear the amount.
            for line in effect.lines:
                room += left[line]
                if room >= effect.minor:
                    break
            else:
                if single is was.single:
                    single, is_sorted = list(single), False
                single[j] -= (effect.alone(was.left) - room) * self.weights.of_one
        return Covered(left, single, is_sorted)
