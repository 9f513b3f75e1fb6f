"""The decision over a basket: which coupons are used, what each takes off which line, why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger_service.coupons.deciding.effects import Parts
from ledger_service.coupons.deciding.facts import Basket, Candidate, Goods
from ledger_service.coupons.deciding.judging import judge
from ledger_service.coupons.deciding.offers import Offer, Stack, Step, clash, fit
from ledger_service.coupons.deciding.reasons import Reason, Refused, Rule
from ledger_service.coupons.deciding.returning import RestingPart
from ledger_service.coupons.deciding.rounding import matrix_of
from ledger_service.coupons.deciding.searching import MOST_NODES, search
from ledger_service.coupons.deciding.weighing import Weights, applied
from ledger_service.kernel.money import share_floor


@dataclass(frozen=True, slots=True)
class Applied:
    """A coupon that is used: its parts sum to ``discount_minor``; ``promise`` lies beside the goods."""

    key: str
    definition: int
    version: int
    step: Step
    discount_minor: int
    parts: tuple[RestingPart, ...]
    promise: tuple[str, int] | None = None

    def funded(self) -> dict[int, int]:
        """What each funder pays of it; sums to the discount."""
        by: dict[int, int] = {}
        for part in self.parts:
            by[part.funder] = by.get(part.funder, 0) + part.minor
        return dict(sorted(by.items()))


@dataclass(frozen=True, slots=True)
class LineDecided:
    """A line: its coupons in the order of application, what each took, what is left, and the tax on it."""

    line: str
    amount_minor: int
    coupons: tuple[tuple[str, int], ...]
    left_minor: int
    tax_minor: int

    @property
    def discount_minor(self) -> int:
        """All that coupons took off."""
        return self.amount_minor - self.left_minor


@dataclass(frozen=True, slots=True)
class Decision:
    """The best combination; no lawful one takes more than ``gap_minor`` beyond ``discount_minor`` off."""

    applied: tuple[Applied, ...]
    refused: tuple[Refused, ...]
    lines: tuple[LineDecided, ...]
    discount_minor: int
    gap_minor: int = 0
    nodes: int = 0

    @property
    def optimal(self) -> bool:
        """Whether it is proven that nothing takes more off."""
        return self.gap_minor == 0


def decide(basket: Basket, candidates: Sequence[Candidate], most_nodes: int = MOST_NODES) -> Decision:
    """The best lawful combination of the candidates for the member, explained.

    Args:
        basket: the lines (with distinct names), the visit and what is left of limits.
        candidates: with distinct keys, in any order.
        most_nodes: the search's budget.
    """
    basket = replace(basket, lines=tuple(sorted(basket.lines, key=lambda goods: goods.line)))
    return best_of(basket, *judge(basket, candidates), most_nodes)


def best_of(
    basket: Basket, offers: Sequence[Offer], refused: Sequence[Refused], most_nodes: int = MOST_NODES
) -> Decision:
    """The best lawful combination of the offers; ``refused`` is passed on into the answer."""
    amounts = [goods.amount_minor for goods in basket.lines]
    pieces = [goods.pieces for goods in basket.lines]
    weights = Weights(offers, amounts, pieces)
    found = search(weights, basket.most_coupons, most_nodes)
    taken = applied(found.chosen, amounts)
    used = {offer.key for offer in found.chosen}
    chosen = _Chosen(found.chosen, basket)
    left_out = [chosen.why_not(offer) for offer in offers if offer.key not in used]
    return Decision(
        tuple(_applied(offer, parts, basket.lines) for offer, parts in taken),
        tuple(sorted((*refused, *left_out), key=lambda r: (r.definition, r.key))),
        tuple(_line(goods, at, taken) for at, goods in enumerate(basket.lines)),
        sum(minor for _, parts in taken for _, minor in parts),
        found.gap_minor,
        found.nodes,
    )


def _applied(offer: Offer, parts: Parts, lines: Sequence[Goods]) -> Applied:
    rows = matrix_of([minor for _, minor in parts], [bps for _, bps in offer.funders])
    resting = tuple(
        RestingPart(lines[at].line, funder, minor)
        for (at, _), row in zip(parts, rows, strict=True)
        for (funder, _), minor in zip(offer.funders, row, strict=True)
        if minor
    )
    total = sum(minor for _, minor in parts)
    return Applied(offer.key, offer.definition, offer.version, offer.step, total, resting, offer.promise)


def _line(goods: Goods, at: int, taken: Sequence[tuple[Offer, Parts]]) -> LineDecided:
    mine = [(offer, minor) for offer, parts in taken for line, minor in parts if line == at]
    left = goods.amount_minor - sum(minor for _, minor in mine)
    taxed = goods.amount_minor - sum(minor for offer, minor in mine if offer.lowers_tax)
    tax = share_floor(goods.tax_minor, taxed, goods.amount_minor) if goods.amount_minor else goods.tax_minor
    coupons = tuple((offer.key, minor) for offer, minor in mine)
    return LineDecided(goods.line, goods.amount_minor, coupons, left, tax)


class _Chosen:
    """The chosen coupons, by what they leave to another one."""

    def __init__(self, chosen: Sequence[Offer], basket: Basket) -> None:
        self.offers, self._most = chosen, basket.most_coupons
        self._amounts = [goods.amount_minor for goods in basket.lines]
        self._pieces = [goods.pieces for goods in basket.lines]
        self._clashing: dict[Stack, Offer | None] = {}

    def why_not(self, offer: Offer) -> Refused:
        """The first rule that keeps the offer out of the chosen ones; else they give more without it."""
        rule, reason, by = self._blocked(offer)
        if reason is Reason.OTHERS_GIVE_MORE:
            taken = {other.key: parts for other, parts in applied([*self.offers, offer], self._amounts)}
            if not taken[offer.key] and offer.step is not Step.BESIDE:
                reason = Reason.NOTHING_LEFT if self.offers else Reason.WORTH_NOTHING
        return Refused(offer.key, offer.definition, offer.version, rule, reason, by)

    def _blocked(self, offer: Offer) -> tuple[Rule, Reason, str]:
        other = self._clash(offer)
        if other is not None:
            alone = offer.stack.exclusive or other.stack.exclusive
            return Rule.STACKING, Reason.EXCLUSIVE if alone else Reason.NOT_TOGETHER, other.key
        same = [o for o in self.offers if o.stack.group == offer.stack.group]
        if len(same) >= min([o.stack.most_per_group for o in [*same, offer]]):
            return Rule.STACKING, Reason.GROUP_FULL, same[0].key if same else ""
        alike = [o.most_of_definition for o in self.offers if o.definition == offer.definition]
        if len(alike) >= min((*alike, offer.most_of_definition)):
            return Rule.LIMITS, Reason.DEFINITION_FULL, ""
        if offer.effect.uses and not fit([*self.offers, offer], self._pieces):
            return Rule.GOODS, Reason.PIECES_USED, ""
        if len(self.offers) >= self._most:
            return Rule.LIMITS, Reason.BASKET_FULL, ""
        return Rule.BENEFIT, Reason.OTHERS_GIVE_MORE, ""

    def _clash(self, offer: Offer) -> Offer | None:
        """The first that may not stand beside it, worked out once for each rule of stacking."""
        if offer.stack not in self._clashing:
            found = next((other for other in self.offers if clash(offer, other)), None)
            self._clashing[offer.stack] = found
        return self._clashing[offer.stack]
