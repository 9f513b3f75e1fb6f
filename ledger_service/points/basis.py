"""What of a basket earns and what points may pay for: kinds of goods, types of tenders, the rule over both.

A rule's basis belongs to a version of the earn rule, so a refund always finds the one that decided the sale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class GoodsKind(StrEnum):
    """What a line is by law or trade; all but the first two are no merchandise of the shop's own."""

    MERCHANDISE = "merchandise"
    SERVICE = "service"
    BILL_PAYMENT = "bill_payment"
    TOBACCO = "tobacco"
    INFANT_FORMULA = "infant_formula"
    GIFT_CARD = "gift_card"
    TOP_UP = "top_up"
    LOTTERY = "lottery"
    POSTAGE = "postage"
    TICKET = "ticket"
    DEPOSIT = "deposit"
    DONATION = "donation"


class TenderType(StrEnum):
    """How a part of the total is paid."""

    CASH = "cash"
    CARD = "card"
    WALLET = "wallet"
    POINTS = "points"
    COUPON = "coupon"
    STORED_VALUE = "stored_value"


class OwnPoints(StrEnum):
    """What points of the seller's own programme are to its tax: a lower price, or means of payment."""

    DISCOUNT = "discount"
    PAYMENT = "payment"


NO_MERCHANDISE = frozenset(GoodsKind) - {GoodsKind.MERCHANDISE, GoodsKind.SERVICE}


@dataclass(frozen=True, slots=True)
class Basis:
    """Which part of a line earns, and which lines points may pay for.

    ``tax`` says whether tax earns; what tenders of ``idle_tenders`` pay does not. Lines of ``idle_kinds``
    earn nothing, those of ``unpayable_kinds`` cannot be paid with points.
    """

    tax: bool = True
    idle_tenders: frozenset[str] = frozenset({TenderType.POINTS, TenderType.COUPON})
    idle_kinds: frozenset[str] = NO_MERCHANDISE
    unpayable_kinds: frozenset[str] = NO_MERCHANDISE
    own_points: OwnPoints = OwnPoints.DISCOUNT

    @property
    def points_part_earns(self) -> bool:
        """Whether what points pay earns too."""
        return TenderType.POINTS not in self.idle_tenders


USUAL = Basis()


def basis_body(basis: Basis) -> dict[str, Any]:
    """The basis as JSON, with every field."""
    return {
        "tax_earns": basis.tax,
        "tenders_without_earn": sorted(basis.idle_tenders),
        "kinds_without_earn": sorted(basis.idle_kinds),
        "kinds_without_points": sorted(basis.unpayable_kinds),
        "own_points": basis.own_points.value,
    }


def basis_of(body: Mapping[str, Any]) -> Basis:
    """The basis of JSON whose values were checked; an absent field is as usual."""
    return Basis(
        tax=body.get("tax_earns", USUAL.tax),
        idle_tenders=frozenset(body.get("tenders_without_earn", USUAL.idle_tenders)),
        idle_kinds=frozenset(body.get("kinds_without_earn", USUAL.idle_kinds)),
        unpayable_kinds=frozenset(body.get("kinds_without_points", USUAL.unpayable_kinds)),
        own_points=OwnPoints(body.get("own_points", USUAL.own_points)),
    )
