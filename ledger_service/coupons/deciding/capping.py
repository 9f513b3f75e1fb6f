"""A decision for a till that took less off than the coupons would give: what it took, and no more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from ledger_service.coupons.deciding.decision import Applied, Decision, LineDecided
from ledger_service.coupons.deciding.rounding import parts_of
from ledger_service.kernel.money import share_floor


def capped(
    decision: Decision, most_minor: int, taxes: Mapping[str, int], lowering: Collection[str]
) -> Decision:
    """The same coupons for at most ``most_minor`` (>= 0): each part keeps its share, exact in sum.

    Args:
        decision: as decided; one that takes no more off comes back as it is.
        most_minor: what the till took off, in minor units.
        taxes: the tax in each line before coupons, in minor units.
        lowering: the keys of the coupons after which tax is due on what is left only.
    """
    if decision.discount_minor <= most_minor:
        return decision
    kept = iter(parts_of(most_minor, [part.minor for one in decision.applied for part in one.parts]))
    used = tuple(_keeping(one, kept) for one in decision.applied)
    lines = tuple(_line(one, used, taxes[one.line], lowering) for one in decision.lines)
    return replace(decision, applied=used, lines=lines, discount_minor=most_minor)


def _keeping(one: Applied, kept: Iterator[int]) -> Applied:
    parts = tuple(replace(part, minor=minor) for part, minor in zip(one.parts, kept, strict=False))
    left = tuple(part for part in parts if part.minor)
    return replace(one, parts=left, discount_minor=sum(part.minor for part in left))


def _line(
    line: LineDecided, used: tuple[Applied, ...], tax_minor: int, lowering: Collection[str]
) -> LineDecided:
    off = {one.key: sum(part.minor for part in one.parts if part.line == line.line) for one in used}
    mine = tuple((key, off[key]) for key, _ in line.coupons if off[key])
    left = line.amount_minor - sum(minor for _, minor in mine)
    taxed = line.amount_minor - sum(minor for key, minor in mine if key in lowering)
    tax = share_floor(tax_minor, taxed, line.amount_minor) if line.amount_minor else tax_minor
    return replace(line, coupons=mine, left_minor=left, tax_minor=tax)
