"""What a refund undoes, as functions of the cumulative refunded state (INV-13, D10).

The state of a sale is how many pieces of each line came back so far. Every amount below is a function of that
state that only grows, so a step pays the difference to the step before, and any split of a refund adds up to
one whole refund. ADR 0011 gives the reasons for the order of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

from ledger_service.kernel.money import micros_of_minor, share_floor
from ledger_service.points.rules import WHOLE_PERCENT


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line as it was sold: its pieces, and how much of it money and points paid, in minor units."""

    line: str
    quantity: int
    cash_minor: int
    points_minor: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What a state gives back: money and points' worth per line, both in minor units."""

    cash: tuple[int, ...]
    points: tuple[int, ...]

    @property
    def cash_minor(self) -> int:
        """Money over all lines."""
        return sum(self.cash)

    @property
    def points_minor(self) -> int:
        """Worth of points over all lines."""
        return sum(self.points)


def returned_at(
    lines: Sequence[SoldLine], pieces: Mapping[str, int], *, points_first: bool = False
) -> Returned:
    """What the lines give back once ``pieces`` of them (by line name, 0 when absent) have come back.

    Money and points in proportion, or, line by line, all of the points before any money.
    """
    points = tuple([share_floor(s.points_minor, pieces.get(s.line, 0), s.quantity) for s in lines])
    if not points_first:
        cash = [share_floor(s.cash_minor, pieces.get(s.line, 0), s.quantity) for s in lines]
        return Returned(tuple(cash), points)
    whole = [share_floor(s.cash_minor + s.points_minor, pieces.get(s.line, 0), s.quantity) for s in lines]
    first = tuple(min(back, s.points_minor) for back, s in zip(whole, lines, strict=True))
    return Returned(tuple(back - part for back, part in zip(whole, first, strict=True)), first)


def restored_at(leg_points: Sequence[int], returned_minor: int, paid_minor: int) -> list[int]:
    """How many points of each redeemed leg are restored once ``returned_minor`` of their worth is back."""
    return [share_floor(points, returned_minor, paid_minor) for points in leg_points]


@dataclass(frozen=True, slots=True)
class EarnedPart:
    """What a sale earned of one programme and by which rate.

    ``percents`` is per line of the sale (0: excluded); ``points`` is after the daily cap;
    ``value_micros`` is what a point is worth when it must be paid back. ``bases`` is per line what earned of
    the money and of what points paid; empty where all of the money earned and nothing else.
    """

    programme: int
    points: int
    rate_points: int
    rate_minor: int
    percents: tuple[int, ...]
    value_micros: int
    bases: tuple[tuple[int, int], ...] = ()

    def unit(self, lines: Sequence[SoldLine]) -> int:
        """In which fraction of a minor unit ``base_at`` is exact."""
        amounts = [n for s in lines for n in (s.cash_minor, s.points_minor) if n]
        return lcm(*amounts) if self.bases and amounts else 1

    def base_at(self, lines: Sequence[SoldLine], returned: Returned, unit: int) -> list[tuple[int, int]]:
        """How much of the base of each line is undone: of its money and of its points, times ``unit``.

        Each follows what is given back of its own kind, so that neither ever shrinks, in whatever order
        points and money go back.
        """
        if not self.bases:
            return [(back * unit, 0) for back in returned.cash]
        rows = zip(self.bases, lines, returned.cash, returned.points, strict=True)
        return [
            (share_floor(c * unit, cash, s.cash_minor), share_floor(p * unit, points, s.points_minor))
            for (c, p), s, cash, points in rows
        ]


def earn_to_reverse(part: EarnedPart, lines: Sequence[SoldLine], returned: Returned) -> int:
    """How much of the earn is undone: what the lines that stay would not have earned."""
    unit = part.unit(lines)
    whole = part.bases or [(s.cash_minor, 0) for s in lines]
    rows = zip(part.percents, whole, part.base_at(lines, returned, unit), strict=True)
    kept = sum([percent * (sum(base) * unit - sum(back)) for percent, base, back in rows])
    still = kept * part.rate_points // (part.rate_minor * WHOLE_PERCENT * unit)
    return part.points - min(part.points, still)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many points of the reversed earn of one programme came from where so far (D10)."""

    pending: int = 0
    available: int = 0
    debt: int = 0

    @property
    def points(self) -> int:
        """Points taken back from the member."""
        return self.pending + self.available


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a programme's own return window has ended: the state that its earn was undone at, and no further.

    ``withheld`` is what was kept of the money for it by then, in micros times the scale of the sale's rates.
    """

    returned: Returned
    withheld: int


@dataclass(frozen=True, slots=True)
class Source:
    """What one programme's reversal may draw on now.

    ``issued`` bounds what may be taken in all (the issue less what an old debt took of it); ``pending`` is
    what is left of the pending issue, ``available`` what the member could give apart from points that this
    sale itself restored. ``reversed_before`` is the earn undone before this step. ``settled`` where the
    programme's return window has ended.
    """

    part: EarnedPart
    prior: Recovered
    reversed_before: int
    issued: int
    pending: int
    available: int
    settled: Settled | None = None

    def returned(self, whole: Returned) -> Returned:
        """The state that this programme's earn is undone at, of a sale that is at ``whole``."""
        return whole if self.settled is None else self.settled.returned


@dataclass(frozen=True, slots=True)
class Recovery:
    """How the reversed earn of a sale was recovered so far: per programme, and from the money returned.

    ``withheld`` is the exact part of each programme, which ``Settled`` keeps.
    """

    programmes: tuple[Recovered, ...]
    withheld_minor: int = 0
    withheld: tuple[int, ...] = ()


def recover(
    sources: Sequence[Source], lines: Sequence[SoldLine], returned: Returned, exponent: int
) -> Recovery:
    """How the reversed earn of every programme is recovered at this state, in the order of ``sources``.

    First from the points of the pending issue, then from available points. What is missing is withheld
    from the money given back, line by line and at most that line's money; what even that cannot cover is a
    debt. Both are rounded against the one who returns, by less than a minor unit and less than a point, so
    that buying and returning never leaves a free point.

    Returns:
        The new totals; those of points and debt are never less than the prior ones.
    """
    scale = lcm(*(s.part.rate_minor * WHOLE_PERCENT * s.part.unit(lines) for s in sources)) if sources else 1
    unit = micros_of_minor(1, exponent) * scale
    outcome: list[Recovered] = []
    withheld: list[int] = []
    for source, share in zip(sources, _shares(sources, lines, returned, (unit, scale)), strict=True):
        mine = source.returned(returned)
        points = _from_points(source, earn_to_reverse(source.part, lines, mine))
        beyond = _beyond(source.part, lines, scale)
        owed = max(sum(sum(line) for line in _worth(source.part, lines, mine, scale)) - beyond, 0)
        covered = max(share - beyond, 0)
        given = points.points * source.part.value_micros * scale
        withheld.append(max(covered - given, 0) if source.settled is None else source.settled.withheld)
        debt = -(-max(owed - max(covered, given), 0) // (source.part.value_micros * scale))
        outcome.append(Recovered(points.pending, points.available, max(debt, source.prior.debt)))
    return Recovery(tuple(outcome), -(-sum(withheld) // unit), tuple(withheld))


def _from_points(source: Source, reversed_now: int) -> Recovered:
    prior = source.prior
    needed = min(reversed_now - source.reversed_before, source.issued - prior.points)
    pending = max(min(needed, source.pending), 0)
    available = max(min(needed - pending, source.available), 0)
    return Recovered(prior.pending + pending, prior.available + available)


def _shares(
    sources: Sequence[Source], lines: Sequence[SoldLine], returned: Returned, units: tuple[int, int]
) -> list[int]:
    """How much of each programme's reversed earn the money of its own lines covers, in micros times a scale.

    The money of a line serves the programmes in their order. Once the return window of one has ended, what
    comes back later serves the others alone, and only for what is undone later: each part of the way from
    end to end is shared out by itself, so that the number of steps it was taken in does not matter.

    Args:
        sources: the programmes, in their order.
        lines: of the sale.
        returned: how far it came back.
        units: micros of a minor unit times the scale, and the scale.
    """
    unit, scale = units
    shares, before = [0] * len(sources), Returned((0,) * len(lines), (0,) * len(lines))
    for state in sorted({source.returned(returned) for source in sources}, key=_way):
        money = [(now - then) * unit for now, then in zip(state.cash, before.cash, strict=True)]
        for index, source in enumerate(sources):
            if _way(source.returned(returned)) < _way(state):
                continue
            now, then = (_worth(source.part, lines, at, scale) for at in (state, before))
            for line, ((more, _), (less, _)) in enumerate(zip(now, then, strict=True)):
                share = min(more - less, money[line])
                money[line] -= share
                shares[index] += share
        before = state
    return shares


def _way(returned: Returned) -> tuple[int, int]:
    """Orders the states that one sale came through: neither money nor points ever shrink."""
    return returned.cash_minor, returned.points_minor


def _worth(
    part: EarnedPart, lines: Sequence[SoldLine], returned: Returned, scale: int
) -> list[tuple[int, int]]:
    """What the undone earn of each line's money and points is worth, exactly, in micros times ``scale``.

    What points paid and earned is covered by no money: the points that it earned pay for it, or a debt does.
    """
    unit = part.unit(lines)
    rate = _rate(part, lines, scale)
    backs = part.base_at(lines, returned, unit)
    return [
        (percent * money * rate, percent * points * rate)
        for percent, (money, points) in zip(part.percents, backs, strict=True)
    ]


def _beyond(part: EarnedPart, lines: Sequence[SoldLine], scale: int) -> int:
    """What would have been earned beyond a daily cap; it is undone first, for it was never given."""
    bases = part.bases or [(sold.cash_minor, 0) for sold in lines]
    weighted = sum(percent * sum(base) for percent, base in zip(part.percents, bases, strict=True))
    return weighted * part.unit(lines) * _rate(part, lines, scale) - part.points * part.value_micros * scale


def _rate(part: EarnedPart, lines: Sequence[SoldLine], scale: int) -> int:
    divisor = part.rate_minor * WHOLE_PERCENT * part.unit(lines)
    return part.rate_points * part.value_micros * (scale // divisor)
