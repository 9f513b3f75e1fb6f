"""What a refund says of its lines and of how much goes back to which tender, as differences of two states.

Like everything about a refund, each amount is a function of the state alone that never shrinks, so any split
of a refund names the same sums (INV-13).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.basket import quantity_view
from ledger_service.checkout.records import ReturnedRecord, SaleRecord
from ledger_service.checkout.tender_rules import apportion
from ledger_service.kernel.money import share_floor
from ledger_service.points.basis import TenderType
from ledger_service.points.catalogue import Catalogue


def refunded_lines(sale: SaleRecord, after: ReturnedRecord, steps: Mapping[str, int]) -> list[dict[str, Any]]:
    """The lines that came back in this refund, with the tax in what they cost."""
    known = {line.line: line for line, _ in sale.lines}
    views = []
    for name, quantity in steps.items():
        line = known[name]
        view: dict[str, Any] = {"line": name, **quantity_view(quantity, line.unit)}
        if line.detail is not None and line.detail.tax is not None:
            now = after.pieces.get(name, 0)
            tax = line.detail.tax_minor
            upto, before = (share_floor(tax, n, line.quantity) for n in (now, now - quantity))
            view["tax_minor"] = upto - before
        views.append(view)
    return views


def refunded_tenders(
    sale: SaleRecord, after: ReturnedRecord, catalogue: Catalogue
) -> list[dict[str, Any]] | None:
    """How much goes back to which tender; None for a sale that did not say how it was paid.

    The money that is given back goes to the tenders in proportion to what they paid, the worth of points to
    their programmes; together it is what the refund gives back, what it withholds taken off.
    """
    if not sale.tenders:
        return None
    was = sale.returned
    money = [t for t in sale.tenders if t.type != TenderType.POINTS]
    weights = [t.amount_minor for t in money]
    gone = was.cash_minor - was.withheld_minor, after.cash_minor - after.withheld_minor
    views: list[dict[str, Any]] = []
    for tender, amount in zip(money, _between(*gone, weights), strict=True):
        view: dict[str, Any] = {"type": tender.type, "amount_minor": amount}
        view |= {"reference": tender.reference} if tender.reference else {}
        view |= {"card": tender.card} if tender.card else {}
        views += [view] if amount else []
    paid = sale.spent.paid if sale.spent is not None else ()
    worth = _between(was.points_minor, after.points_minor, [value for _, _, value in paid])
    for (programme, _, _), amount in zip(paid, worth, strict=True):
        code = catalogue.programme(programme).code
        view = {"type": TenderType.POINTS.value, "programme": code, "amount_minor": amount}
        views += [view] if amount else []
    return views


def _between(before: int, after: int, weights: list[int]) -> list[int]:
    pairs = zip(apportion(before, weights), apportion(after, weights), strict=True)
    return [now - was for was, now in pairs]
