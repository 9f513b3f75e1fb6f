"""What a coupon takes off a basket, given what other coupons have left of it.

Each effect has ``apply``, which takes its part out of a ``Tally``, and ``most``, which no combination with
other coupons can exceed; the search prunes by it, so ``most`` may be too high and never too low.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.coupons.deciding.rounding import WHOLE_BPS, parts_of
from ledger_service.kernel.money import share_floor

# (line's index, minor units taken off it)
Parts = list[tuple[int, int]]


class Tally:
    """What is left of a basket: minor units per line, and pieces that no benefit on pieces has used."""

    __slots__ = ("amounts", "free", "left", "pieces")

    def __init__(self, amounts: Sequence[int], pieces: Sequence[int]) -> None:
        """A basket that no coupon has touched."""
        self.amounts = amounts
        self.pieces = pieces
        self.left = list(amounts)
        self.free = list(pieces)

    def take(self, lines: Sequence[int], parts: Iterable[int]) -> Parts:
        """Take so much off each line; gives what is not zero."""
        taken = []
        for line, part in zip(lines, parts, strict=True):
            if part:
                self.left[line] -= part
                taken.append((line, part))
        return taken

    def use(self, line: int, pieces: int) -> int:
        """Use pieces of a line; gives their value, such that all pieces of a line are worth its amount."""
        amount, whole = self.amounts[line], self.pieces[line]
        before = whole - self.free[line]
        self.free[line] -= pieces
        return share_floor(amount, before + pieces, whole) - share_floor(amount, before, whole)

    def unit_ceil(self, line: int) -> int:
        """What one piece of a line is worth at most."""
        return -(-self.amounts[line] // self.pieces[line])


@dataclass(frozen=True, slots=True)
class Priced:
    """Each piece of the lines costs ``price_minor`` at most."""

    lines: tuple[int, ...]
    price_minor: int
    on_pieces = True

    def apply(self, tally: Tally) -> Parts:
        """Take the difference off the pieces that no other benefit used."""
        parts = []
        for line in self.lines:
            pieces = tally.free[line]
            amount, whole = tally.amounts[line], tally.pieces[line]
            if pieces * amount <= pieces * whole * self.price_minor:
                parts.append(0)
                continue
            value = tally.use(line, pieces)
            parts.append(min(max(0, value - pieces * self.price_minor), tally.left[line]))
        return tally.take(self.lines, parts)

    def most(self, tally: Tally) -> int:
        """As if every piece were dearest and free."""
        return sum(tally.pieces[i] * max(0, tally.unit_ceil(i) - self.price_minor) for i in self.lines)


@dataclass(frozen=True, slots=True)
class Free:
    """The dearest ``pieces`` of ``dearest`` (lines, dearest piece first) cost nothing.

    With a condition on other goods the discount rests on ``with_lines`` too, in proportion to value, so
    that who brings the triggering goods back gets back what they cost in the bundle.
    """

    dearest: tuple[int, ...]
    pieces: int
    with_lines: tuple[int, ...] = ()
    on_pieces = True

    def apply(self, tally: Tally) -> Parts:
        """Use the pieces and take off their value."""
        wanted, values = self.pieces, dict.fromkeys(self.with_lines, 0)
        total = 0
        for line in self.dearest:
            pieces = min(wanted, tally.free[line])
            if pieces:
                value = tally.use(line, pieces)
                total, wanted = total + value, wanted - pieces
                values[line] = values.get(line, 0) + value
        if not total:
            return []
        for line in self.with_lines:
            values[line] = tally.amounts[line]
        return _rest_on(tally, total, values)

    def most(self, tally: Tally) -> int:
        """The dearest pieces of the whole basket, each rounded up."""
        return _dearest(tally, self.dearest, self.pieces)


@dataclass(frozen=True, slots=True)
class Bundle:
    """For every ``buy`` pieces of the triggering goods ``get`` pieces of the others are ``get_bps`` off.

    ``cheapest`` are the lines that get the benefit, cheapest piece first; ``of`` those that trigger. A piece
    is a trigger or gets the benefit, never both. The discount rests on all pieces of the bundle.
    """

    of: tuple[int, ...]
    cheapest: tuple[int, ...]
    buy: int
    get: int
    get_bps: int
    on_pieces = True

    def _groups(self, free: Sequence[int]) -> tuple[int, int]:
        """How many times the bundle is in the basket, and how many pieces of lines that are both may get."""
        on = set(self.cheapest)
        both = sum(free[i] for i in self.of if i in on)
        triggers = sum(free[i] for i in self.of) - both
        others = sum(free[i] for i in self.cheapest) - both
        groups = min(
            (triggers + both) // self.buy,
            (others + both) // self.get,
            (triggers + both + others) // (self.buy + self.get),
        )
        return groups, both - max(0, groups * self.buy - triggers)

    def apply(self, tally: Tally) -> Parts:
        """Use the cheapest pieces, then the triggers, and take the discount off the bundle."""
        groups, spare = self._groups(tally.free)
        if not groups:
            return []
        of, on, wanted, value = set(self.of), set(self.cheapest), groups * self.get, 0
        values: dict[int, int] = {}
        for line in self.cheapest:
            pieces = min(wanted, tally.free[line], spare if line in of else wanted)
            if pieces:
                values[line] = tally.use(line, pieces)
                value, wanted = value + values[line], wanted - pieces
                spare -= pieces if line in of else 0
        wanted = groups * self.buy
        for line in sorted(self.of, key=lambda i: i in on):
            pieces = min(wanted, tally.free[line])
            if pieces:
                values[line] = values.get(line, 0) + tally.use(line, pieces)
                wanted -= pieces
        return _rest_on(tally, share_floor(value, self.get_bps, WHOLE_BPS), values)

    def most(self, tally: Tally) -> int:
        """As many bundles as the whole basket holds, each with the dearest pieces."""
        groups, _ = self._groups(tally.pieces)
        return share_floor(_dearest(tally, self.cheapest[::-1], groups * self.get), self.get_bps, WHOLE_BPS)


@dataclass(frozen=True, slots=True)
class Share:
    """Fixed parts of lines: a percentage, counted from the lines as the till sent them."""

    lines: tuple[int, ...]
    parts: tuple[int, ...]
    on_pieces = False

    def apply(self, tally: Tally) -> Parts:
        """Take each part, as far as its line reaches; what does not fit goes nowhere else."""
        left = tally.left
        return tally.take(self.lines, (min(p, left[i]) for i, p in zip(self.lines, self.parts, strict=True)))

    def most(self, tally: Tally) -> int:
        """All of it."""
        return sum(min(p, tally.amounts[i]) for i, p in zip(self.lines, self.parts, strict=True))


@dataclass(frozen=True, slots=True)
class Amount:
    """So many minor units off what is left of the lines, in proportion to it."""

    lines: tuple[int, ...]
    minor: int
    on_pieces = False

    def apply(self, tally: Tally) -> Parts:
        """Take it, as far as the lines reach."""
        left = [tally.left[i] for i in self.lines]
        return tally.take(self.lines, parts_of(min(self.minor, sum(left)), left))

    def most(self, tally: Tally) -> int:
        """All of it that the lines can bear."""
        return min(self.minor, sum(tally.amounts[i] for i in self.lines))


@dataclass(frozen=True, slots=True)
class Beside:
    """Something beside the goods: hours of parking, a gift from the stock."""

    lines: tuple[int, ...] = ()
    on_pieces = False

    def apply(self, tally: Tally) -> Parts:
        """Nothing is taken off."""
        return []

    def most(self, tally: Tally) -> int:
        """Nothing."""
        return 0


Effect = Priced | Free | Bundle | Share | Amount | Beside


def lines_of(effect: Effect) -> frozenset[int]:
    """The lines whose pieces the effect may use."""
    if isinstance(effect, Bundle):
        return frozenset((*effect.of, *effect.cheapest))
    if isinstance(effect, Free):
        return frozenset((*effect.dearest, *effect.with_lines))
    return frozenset(effect.lines)


def _rest_on(tally: Tally, total: int, values: dict[int, int]) -> Parts:
    lines = sorted(values)
    weights = [min(values[line], tally.left[line]) for line in lines]
    return tally.take(lines, parts_of(min(total, sum(weights)), weights))


def _dearest(tally: Tally, dearest_first: Iterable[int], pieces: int) -> int:
    total = 0
    for line in dearest_first:
        taken = min(pieces, tally.pieces[line])
        total += taken * tally.unit_ceil(line)
        pieces -= taken
        if not pieces:
            break
    return total
