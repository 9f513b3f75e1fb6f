"""The effect of each kind of benefit on a basket; settled by the basket alone wherever that can be.

A piece of a line is worth the line's amount divided by its pieces, rounded down over the pieces taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.coupons.deciding.effects import NOTHING_OFF, Fixed
from ledger_service.coupons.deciding.facts import Goods
from ledger_service.coupons.deciding.rounding import WHOLE_BPS, parts_of
from ledger_service.kernel.money import share_floor

# Places of lines in the basket.
Lines = Sequence[int]


def percent_off(basket: Sequence[Goods], lines: Lines, bps: int, most_minor: int | None) -> Fixed:
    """A percentage of the lines together, at most ``most_minor``, resting on them by largest remainder."""
    amounts = [basket[i].amount_minor for i in lines]
    total = share_floor(sum(amounts), bps, WHOLE_BPS)
    if most_minor is not None:
        total = min(total, most_minor)
    return Fixed(tuple(zip(lines, parts_of(total, amounts), strict=True)))


def fixed_price(basket: Sequence[Goods], lines: Lines, price_minor: int) -> Fixed:
    """Each piece costs ``price_minor``, where it cost more."""
    return Fixed(tuple((i, max(0, basket[i].amount_minor - basket[i].pieces * price_minor)) for i in lines))


def free_item(basket: Sequence[Goods], of: Lines, on: Lines, pieces: int, skip: int = 0) -> Fixed:
    """The dearest pieces of ``on`` cost nothing; ``skip`` of them are for coupons of the same terms.

    With a condition on other goods (``of``) the discount rests on those as well, so that who brings the
    triggering goods back gets what they cost in the bundle.
    """
    uses = _pick(basket, sorted(on, key=lambda i: (-_unit(basket[i]), i)), pieces, skip)
    if not uses:
        return NOTHING_OFF
    values = {i: share_floor(basket[i].amount_minor, count, basket[i].pieces) for i, count in uses}
    total = sum(values.values())
    for i in of:
        values[i] = basket[i].amount_minor
    return _resting(values, total, uses)


def buy_and_get(basket: Sequence[Goods], of: Lines, on: Lines, deal: tuple[int, int, int]) -> Fixed:
    """For every ``buy`` pieces of ``of``, ``get`` pieces of ``on`` are ``get_bps`` off, cheapest first.

    Args:
        basket: all lines.
        of: lines that trigger.
        on: lines that get the benefit; a piece does one or the other.
        deal: (buy, get, get_bps).
    """
    buy, get, get_bps = deal
    both = [i for i in of if i in set(on)]
    shared = sum(basket[i].pieces for i in both)
    triggers = sum(basket[i].pieces for i in of) - shared
    others = sum(basket[i].pieces for i in on) - shared
    pieces = triggers + others + shared
    groups = min((triggers + shared) // buy, (others + shared) // get, pieces // (buy + get))
    if not groups:
        return NOTHING_OFF
    got = _cheapest(basket, on, both, (groups * get, shared - max(0, groups * buy - triggers)))
    given = dict(got)
    used, wanted = dict(got), groups * buy
    for i in [*(i for i in of if i not in both), *both]:
        count = min(wanted, basket[i].pieces - given.get(i, 0))
        if count:
            used[i] = used.get(i, 0) + count
            wanted -= count
    value = sum(share_floor(basket[i].amount_minor, count, basket[i].pieces) for i, count in got)
    values = {i: share_floor(basket[i].amount_minor, count, basket[i].pieces) for i, count in used.items()}
    return _resting(values, share_floor(value, get_bps, WHOLE_BPS), tuple(sorted(used.items())))


def _cheapest(
    basket: Sequence[Goods], on: Lines, both: Lines, wanted: tuple[int, int]
) -> list[tuple[int, int]]:
    """The cheapest pieces; of lines that also trigger no more than can be spared."""
    missing, spare = wanted
    got = []
    for i in sorted(on, key=lambda i: (_unit(basket[i]), i)):
        count = min(missing, basket[i].pieces, spare if i in both else missing)
        if count:
            got.append((i, count))
            missing -= count
            spare -= count if i in both else 0
    return got


def _pick(basket: Sequence[Goods], order: Lines, pieces: int, skip: int) -> tuple[tuple[int, int], ...]:
    picked = []
    for i in order:
        passed = min(skip, basket[i].pieces)
        count = min(pieces, basket[i].pieces - passed)
        skip, pieces = skip - passed, pieces - count
        if count:
            picked.append((i, count))
    return tuple(sorted(picked))


def _resting(values: dict[int, int], total: int, uses: tuple[tuple[int, int], ...]) -> Fixed:
    lines = sorted(values)
    return Fixed(tuple(zip(lines, parts_of(total, [values[i] for i in lines]), strict=True)), uses)


def _unit(goods: Goods) -> int:
    # Compared only; a millionth of a minor unit tells prices of pieces apart well enough.
    return goods.amount_minor * 1_000_000 // goods.pieces
