"""What a line and a payment may say beyond the plain basket: weight, tax, price, kind of goods, tenders.

A plain line has no ``LineDetail`` and a sale may have no tenders: then nothing here is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger_service.kernel.gs1 import gln_text
from ledger_service.points.basis import GoodsKind, TenderType

PIECE = "piece"
GRAM = "gram"


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of a line; ``included`` says that the till's amount held it already."""

    rate_bps: int
    amount_minor: int
    included: bool


@dataclass(frozen=True, slots=True)
class LineDetail:
    """What a line says beyond the plain one.

    ``unit`` is what the line's quantity counts: pieces, grams, or thousandths of the named unit.
    ``regular_minor`` is the price before ``override_reason`` changed it; ``staff_discount_minor`` is taken
    off already.
    """

    kind: str = GoodsKind.MERCHANDISE
    unit: str = PIECE
    tax: Tax | None = None
    regular_minor: int | None = None
    override_reason: str = ""
    staff_discount_minor: int = 0

    @property
    def tax_minor(self) -> int:
        """The tax in the line's amount."""
        return 0 if self.tax is None else self.tax.amount_minor


@dataclass(frozen=True, slots=True)
class CardShown:
    """A stored-value card as the till sent it: its code (in a capture its id), and its PIN if it has one."""

    code: str
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Tender:
    """One payment: ``programme`` and ``points`` for points, ``funder`` for a coupon that another pays for.

    Of a stored-value card ``shown`` is what the till sent, which no row keeps, and ``card`` its id (hex) once
    it has paid.
    """

    type: str
    amount_minor: int
    programme: str = ""
    points: int = 0
    funder: int | None = None
    reference: str = ""
    card: str = ""
    shown: CardShown | None = field(default=None, repr=False)


def detail_values(detail: LineDetail) -> list[Any]:
    """The detail as a row keeps it."""
    tax = detail.tax
    return [
        detail.kind,
        detail.unit,
        None if tax is None else [tax.rate_bps, tax.amount_minor, tax.included],
        detail.regular_minor,
        detail.override_reason,
        detail.staff_discount_minor,
    ]


def detail_of(values: Sequence[Any]) -> LineDetail:
    """The detail that ``detail_values`` wrote."""
    kind, unit, tax, *rest = values
    return LineDetail(kind, unit, None if tax is None else Tax(*tax), *rest)


def tender_values(tender: Tender) -> list[Any]:
    """The tender as a row keeps it."""
    values = [
        tender.type,
        tender.amount_minor,
        tender.programme,
        tender.points,
        tender.funder,
        tender.reference,
    ]
    return [*values, tender.card] if tender.card else values


def tender_view(tender: Tender) -> dict[str, Any]:
    """The tender as the till sent it."""
    view: dict[str, Any] = {"type": tender.type, "amount_minor": tender.amount_minor}
    if tender.type == TenderType.POINTS:
        view |= {"programme": tender.programme, "points": tender.points}
    if tender.funder is not None:
        view["funder"] = gln_text(tender.funder)
    if tender.reference:
        view["reference"] = tender.reference
    if tender.card:
        view["card"] = tender.card
    return view


def quantity_view(quantity: int, unit: str) -> dict[str, Any]:
    """A quantity in the field that says its unit."""
    if unit == PIECE:
        return {"quantity": quantity}
    if unit == GRAM:
        return {"weight_grams": quantity}
    return {"measure": {"unit": unit, "thousandths": quantity}}
