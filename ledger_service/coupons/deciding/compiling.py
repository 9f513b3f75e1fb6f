"""A coupon's benefit as the effect that it has on this basket."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.coupons.deciding import benefits
from ledger_service.coupons.deciding.effects import NOTHING_OFF, Amount, Effect
from ledger_service.coupons.deciding.facts import Goods
from ledger_service.coupons.deciding.matching import Matches
from ledger_service.coupons.deciding.offers import Step
from ledger_service.coupons.deciding.rounding import WHOLE_BPS
from ledger_service.coupons.terms.values import (
    AmountOff,
    Benefit,
    BuyGet,
    FixedPrice,
    FreeItem,
    Gift,
    Parking,
    PercentOff,
    Reward,
    Shipping,
    Terms,
    Tiered,
)


def effect_of(terms: Terms, basket: Sequence[Goods], matches: Matches, place: int = 0) -> tuple[Step, Effect]:
    """What the coupon does here, and in which step.

    Args:
        terms: of the coupon.
        basket: all lines.
        matches: which of them trigger, and which get the benefit.
        place: how many coupons of the same terms come before it; each takes the next free pieces.
    """
    benefit, on = terms.benefit, matches.on
    match benefit:
        case PercentOff(bps, most):
            return Step.PERCENT, benefits.percent_off(basket, on, bps, most)
        case FixedPrice(minor):
            return Step.PERCENT, benefits.fixed_price(basket, on, minor)
        case Shipping(most):
            return Step.PERCENT, benefits.percent_off(basket, on, WHOLE_BPS, most)
        case AmountOff(minor) | Reward(_, _, minor):
            return Step.AMOUNT, Amount(on, minor)
        case Tiered():
            return _tiered(benefit, basket, matches)
        case FreeItem(pieces):
            of = matches.of if _conditional(terms) else ()
            return Step.PIECES, benefits.free_item(basket, of, on, pieces, place * pieces)
        case BuyGet(buy, get, bps):
            return Step.PIECES, benefits.buy_and_get(basket, matches.of, on, (buy, get, bps))
        case _:
            return Step.BESIDE, NOTHING_OFF


def beside_of(benefit: Benefit) -> tuple[str, int] | None:
    """What the coupon gives beside the goods, in words and a number; None where it gives nothing such."""
    match benefit:
        case Parking(minutes):
            return "parking_minutes", minutes
        case Gift(sku, pieces):
            return f"gift:{sku}", pieces
        case _:
            return None


def _conditional(terms: Terms) -> bool:
    scope = terms.scope
    return scope.on is not None or scope.least_minor > 0 or scope.least_pieces > 0


def _tiered(benefit: Tiered, basket: Sequence[Goods], matches: Matches) -> tuple[Step, Effect]:
    spend = sum(basket[i].amount_minor for i in matches.of)
    reached = [step for step in benefit.steps if step.from_minor <= spend]
    if not reached:
        return Step.BESIDE, NOTHING_OFF
    best = max(reached, key=lambda step: step.from_minor)
    if best.off_bps:
        return Step.PERCENT, benefits.percent_off(basket, matches.on, best.off_bps, None)
    return Step.AMOUNT, Amount(matches.on, best.off_minor)
