"""What a quote says of each line and tender: discount or payment, funder, tax base, and by which rule.

A discount lowers the price and with it the tax base; a payment settles the price and leaves the base alone.
The seller's own points and coupons are discounts (points unless its rule says otherwise); what somebody else
pays for, the member or a partner, is a payment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.checkout.audiences import Meant
from ledger_service.checkout.basket import Tender, quantity_view
from ledger_service.checkout.requests import Line
from ledger_service.checkout.rules import Paid, points_part_of_lines
from ledger_service.checkout.tender_rules import apportion
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.money import share_floor
from ledger_service.points.basis import GoodsKind, OwnPoints, TenderType
from ledger_service.points.catalogue import Programme
from ledger_service.points.rules import EarnRule, percent_for

DISCOUNT, PAYMENT = "discount", "payment"


@dataclass(frozen=True, slots=True)
class Nature:
    """What one part of the payment is; ``by`` names the rule that decided, its version where it has one."""

    kind: str
    funder: str
    by: Mapping[str, Any]


@dataclass(frozen=True)
class QuotedBasket:
    """A basket with what pays it: points' ``parts`` and ``payable`` amounts per line; ``rules`` in force."""

    seller: int
    lines: Sequence[Line]
    payable: Sequence[int]
    parts: Sequence[int]
    paid: Sequence[Paid]
    tenders: Sequence[Tender]
    rules: Sequence[tuple[Programme, EarnRule]]
    programmes: Mapping[int, Programme]
    at: int

    def views(self) -> dict[str, Any]:
        """The lines and tenders as the quote shows them; tax bases of both sum to the same."""
        shares = self._shares()
        lowered = self._discounts(shares)
        bases = []
        for line, discount in zip(self.lines, lowered, strict=True):
            left = line.amount_minor - discount
            bases.append((left - share_floor(_tax_of(line), left, line.amount_minor), left))
        lines = zip(self.lines, self.payable, lowered, bases, strict=True)
        return {
            "lines": [self._line(*row) for row in lines],
            "tenders": _tender_views(shares, sum(base for base, _ in bases)),
        }

    def _shares(self) -> list[tuple[dict[str, Any], Nature]]:
        """Every part of the payment with its nature: points, then tenders, then what no tender names."""
        shares: list[tuple[dict[str, Any], Nature]] = []
        for paid in self.paid:
            programme = self.programmes[paid.programme]
            view = {"type": TenderType.POINTS.value, "amount_minor": paid.value_minor}
            shares.append((view | {"programme": programme.code}, self._nature_of_points(programme)))
        for tender in self.tenders:
            if tender.type != TenderType.POINTS:
                view = {"type": tender.type, "amount_minor": tender.amount_minor}
                shares.append((view, self._nature_of(tender)))
        due = sum(line.amount_minor for line in self.lines) - sum(p.value_minor for p in self.paid)
        if not self.tenders and due:
            view = {"type": "unstated", "amount_minor": due}
            shares.append((view, Nature(PAYMENT, "member", {"name": "money"})))
        return shares

    def _nature_of_points(self, programme: Programme) -> Nature:
        funder = gln_text(programme.merchant_id)
        if programme.merchant_id != self.seller:
            return Nature(PAYMENT, funder, {"name": "partner-points"})
        rule = next((r for p, r in self.rules if p.programme_id == programme.programme_id), None)
        own = OwnPoints.DISCOUNT if rule is None else rule.basis.own_points
        by = {"name": "own-points", "rule_version": rule.version if rule is not None else None}
        return Nature(own.value, funder, by)

    def _nature_of(self, tender: Tender) -> Nature:
        if tender.type != TenderType.COUPON:
            return Nature(PAYMENT, "member", {"name": "money"})
        if tender.funder is None or tender.funder == self.seller:
            return Nature(DISCOUNT, gln_text(self.seller), {"name": "own-coupon"})
        return Nature(PAYMENT, gln_text(tender.funder), {"name": "funded-coupon"})

    def _discounts(self, shares: Sequence[tuple[Mapping[str, Any], Nature]]) -> list[int]:
        """How much discounts among the payment take off each line."""
        of_points = of_coupons = 0
        for view, nature in shares:
            if nature.kind == DISCOUNT and view["type"] == TenderType.POINTS:
                of_points += view["amount_minor"]
            elif nature.kind == DISCOUNT:
                of_coupons += view["amount_minor"]
        cash = [line.amount_minor - part for line, part in zip(self.lines, self.parts, strict=True)]
        first = points_part_of_lines(self.parts, of_points)
        return [a + b for a, b in zip(first, points_part_of_lines(cash, of_coupons), strict=True)]

    def _line(self, line: Line, payable: int, discount: int, base: tuple[int, int]) -> dict[str, Any]:
        detail = line.detail
        kind = GoodsKind.MERCHANDISE.value if detail is None else str(detail.kind)
        return {
            "line": line.line,
            **quantity_view(line.quantity, line.unit),
            "amount_minor": line.amount_minor,
            "goods_kind": kind,
            "payable_with_points_minor": payable,
            "reductions": self._reductions(line, discount),
            "tax_minor": base[1] - base[0],
            "tax_base_minor": base[0],
            "rules": [
                {
                    "programme": programme.code,
                    "rule_version": rule.version,
                    "earns": kind not in rule.basis.idle_kinds
                    and percent_for(rule, line.category, self.at) > 0,
                    "points_may_pay": kind not in rule.basis.unpayable_kinds,
                }
                for programme, rule in self.rules
            ],
        }

    def _reductions(self, line: Line, discount: int) -> list[dict[str, Any]]:
        """Every discount of a line, by the rule that it goes by; all of them the seller funds."""
        found: list[tuple[str, int]] = []
        detail = line.detail
        if (
            detail is not None
            and detail.regular_minor is not None
            and detail.regular_minor > line.amount_minor
        ):
            found.append(("price-override", detail.regular_minor - line.amount_minor))
        if detail is not None and detail.staff_discount_minor:
            found.append(("staff-discount", detail.staff_discount_minor))
        if discount:
            found.append(("discount-tenders", discount))
        funder = gln_text(self.seller)
        return [
            {"nature": DISCOUNT, "amount_minor": amount, "funder": funder, "rule": {"name": name}}
            for name, amount in found
        ]


def meant_view(one: Meant) -> dict[str, Any]:
    """A multiplier that is for some members alone: whether it counts, else the reason why not."""
    view: dict[str, Any] = {"multiplier": one.place, "percent": one.percent, "applied": one.unmet is None}
    return view if one.unmet is None else view | {"rule": "member", "reason": one.unmet.value}


def _tender_views(shares: Sequence[tuple[dict[str, Any], Nature]], base_minor: int) -> list[dict[str, Any]]:
    payments = [view["amount_minor"] if nature.kind == PAYMENT else 0 for view, nature in shares]
    bases = apportion(base_minor, payments)
    return [
        {
            **view,
            "nature": nature.kind,
            "funder": nature.funder,
            "tax_base_minor": base,
            "rule": dict(nature.by),
        }
        for (view, nature), base in zip(shares, bases, strict=True)
    ]


def _tax_of(line: Line) -> int:
    return 0 if line.detail is None else line.detail.tax_minor
