"""Which lines of a basket the goods of a coupon's scope describe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.coupons.deciding import facts
from ledger_service.coupons.deciding.weighing import bits
from ledger_service.coupons.terms.values import Goods, Shipping, Terms


@dataclass(frozen=True, slots=True)
class Matches:
    """Places of the lines that trigger, and of those that get the benefit, rising."""

    of: tuple[int, ...]
    on: tuple[int, ...]


class Matcher:
    """The lines of a basket by everything that goods may be named by, as bit masks."""

    def __init__(self, lines: Sequence[facts.Goods]) -> None:
        """Index the lines once for all coupons."""
        self.amounts = [goods.amount_minor for goods in lines]
        self._open = 0
        self._shipping = 0
        self._by: dict[tuple[str, str | int], int] = {}
        for at, goods in enumerate(lines):
            if goods.barred:
                continue
            if goods.shipping:
                self._shipping |= 1 << at
                continue
            self._open |= 1 << at
            for key in _names(goods):
                self._by[key] = self._by.get(key, 0) | 1 << at

    def of(self, terms: Terms) -> Matches:
        """The lines for a coupon; a coupon for shipping gives its benefit on the lines of shipping."""
        scope = terms.scope
        without = 0 if scope.excluded is None else self._mask(scope.excluded)
        of = self._mask(scope.of) & ~without
        on = of if scope.on is None else self._mask(scope.on) & ~without
        if isinstance(terms.benefit, Shipping):
            on = self._shipping
        return Matches(tuple(bits(of)), tuple(bits(on)))

    def _mask(self, goods: Goods) -> int:
        if goods.everything:
            return self._open
        found = 0
        for kind, names in _named(goods):
            for name in names:
                found |= self._by.get((kind, name), 0)
        return found


def _named(goods: Goods) -> Iterable[tuple[str, Iterable[str | int]]]:
    return (
        ("sku", goods.skus),
        ("gtin", goods.gtins),
        ("department", goods.departments),
        ("brand", goods.brands),
        ("manufacturer", goods.manufacturers),
        ("list", goods.lists),
    )


def _names(goods: facts.Goods) -> Iterable[tuple[str, str | int]]:
    yield "sku", goods.sku
    yield "gtin", goods.gtin
    yield "department", goods.department
    yield "brand", goods.brand
    yield "manufacturer", goods.manufacturer
    for number in goods.lists:
        yield "list", number
