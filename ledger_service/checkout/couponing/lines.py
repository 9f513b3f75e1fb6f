"""Between the till's lines and the basket that coupons are decided on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger_service.checkout.basket import PIECE, LineDetail
from ledger_service.checkout.requests import Line
from ledger_service.coupons.deciding.decision import Decision
from ledger_service.coupons.deciding.facts import Goods
from ledger_service.coupons.definitions.goods import GoodsFacts
from ledger_service.points.basis import GoodsKind

# The category that tills give the lines of a delivery; coupons for shipping take off these and no others do.
SHIPPING = "shipping"
_BEARS_COUPONS = frozenset({GoodsKind.MERCHANDISE, GoodsKind.SERVICE})
_KNOWS_NOTHING = GoodsFacts()
# A line of which nothing more is said.
PLAIN = LineDetail()


def goods_of(line: Line, known: GoodsFacts = _KNOWS_NOTHING) -> Goods:
    """A line as coupons see it: what is weighed or measured is one piece.

    Goods that are by law or trade no merchandise of the shop's own (gift cards, tobacco, infant formula,
    lottery, bills …) bear no coupon.
    """
    detail = line.detail or PLAIN
    return Goods(
        line.line,
        line.amount_minor,
        max(line.quantity, 1) if detail.unit == PIECE else 1,
        line.sku or "",
        line.gtin or "",
        line.category,
        known.brand,
        known.manufacturer,
        known.lists,
        detail.tax_minor,
        line.category == SHIPPING,
        detail.kind not in _BEARS_COUPONS,
    )


def after_coupons(lines: Sequence[Line], decision: Decision) -> tuple[Line, ...]:
    """The lines with what coupons left of them, and the tax on that; untouched ones are the same objects."""
    decided = {one.line: one for one in decision.lines}
    return tuple(
        _left(line, decided[line.line].left_minor, decided[line.line].tax_minor)
        if decided[line.line].coupons
        else line
        for line in lines
    )


def _left(line: Line, left_minor: int, tax_minor: int) -> Line:
    detail = line.detail
    if detail is not None and detail.tax is not None:
        detail = replace(detail, tax=replace(detail.tax, amount_minor=tax_minor))
    return replace(line, amount_minor=left_minor, detail=detail)
