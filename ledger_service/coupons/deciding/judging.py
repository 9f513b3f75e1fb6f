"""Whether a basket qualifies for a coupon: the first rule that refuses it, in a fixed order, or its offer.

The order is: the coupon itself, currency, merchant, store, channel, window, member, limits, goods, benefit.
Conditions on goods count the lines as the till sent them, so no coupon makes another one fail.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.coupons.deciding.compiling import beside_of, effect_of
from ledger_service.coupons.deciding.effects import Effect
from ledger_service.coupons.deciding.facts import Basket, Candidate, Uses, Visit
from ledger_service.coupons.deciding.matching import Matcher, Matches
from ledger_service.coupons.deciding.offers import UNLIMITED, Offer, Stack, Step
from ledger_service.coupons.deciding.reasons import Reason, Refused, Rule
from ledger_service.coupons.terms.values import Limits, Stacking, TaxBase, Terms
from ledger_service.coupons.terms.windows import Outside, outside
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS

Refusal = tuple[Rule, Reason]

_OUTSIDE = {
    Outside.NOT_YET: Reason.NOT_YET_VALID,
    Outside.EXPIRED: Reason.EXPIRED,
    Outside.WEEKDAY: Reason.WRONG_DAY,
    Outside.HOUR: Reason.WRONG_HOUR,
}


def judge(basket: Basket, candidates: Sequence[Candidate]) -> tuple[list[Offer], list[Refused]]:
    """The offers of the candidates that the basket qualifies for, and why not the others.

    Args:
        basket: its lines in the order in which the offers shall count them.
        candidates: with distinct keys.
    """
    matcher = Matcher(basket.lines)
    offers: list[Offer] = []
    refused: list[Refused] = []
    twins: dict[tuple[int, int], int] = {}
    for candidate in sorted(candidates, key=_by_expiry):
        terms = candidate.terms
        place = twins.get((terms.definition, terms.version), 0)
        found = _judged(basket, matcher, candidate, place)
        if isinstance(found, Offer):
            twins[terms.definition, terms.version] = place + 1
            offers.append(found)
        else:
            refused.append(Refused(candidate.key, terms.definition, terms.version, *found))
    return offers, refused


def _by_expiry(candidate: Candidate) -> tuple[int, int, str]:
    return _seconds(candidate), candidate.terms.definition, candidate.key


def _seconds(candidate: Candidate) -> int:
    ends = [at for at in (candidate.expires_at, candidate.terms.window.ends_at) if at is not None]
    return min(map(seconds_floor, ends), default=NEVER_SECONDS)


def _judged(basket: Basket, matcher: Matcher, candidate: Candidate, place: int) -> Offer | Refusal:
    terms = candidate.terms
    refusal = _before_goods(candidate, basket)
    if refusal is not None:
        return refusal
    matches = matcher.of(terms)
    refusal = _of_goods(matches, basket, terms)
    if refusal is not None:
        return refusal
    step, effect = effect_of(terms, basket.lines, matches, place)
    promise = beside_of(terms.benefit)
    alone = effect.alone(matcher.amounts)
    if not alone and promise is None:
        return Rule.BENEFIT, Reason.WORTH_NOTHING
    left = basket.uses.get((terms.definition, terms.version))
    if left is not None and left.value_left_minor is not None and alone > left.value_left_minor:
        return Rule.LIMITS, Reason.BUDGET
    return _offer(candidate, (step, effect), _most_of_definition(basket, terms, alone))


def _before_goods(candidate: Candidate, basket: Basket) -> Refusal | None:
    terms, visit = candidate.terms, basket.visit
    if candidate.refused is not None:
        return Rule.COUPON, candidate.refused
    place = _of_place(terms, visit)
    if place is not None:
        return Rule.PLACE, place
    shut = outside(terms.window, visit.at, candidate.expires_at)
    if shut is not None:
        return Rule.WINDOW, _OUTSIDE[shut]
    member = _of_member(terms, visit)
    if member is not None:
        return Rule.MEMBER, member
    uses = basket.uses.get((terms.definition, terms.version))
    limit = None if uses is None else _of_limits(uses)
    return None if limit is None else (Rule.LIMITS, limit)


def _of_place(terms: Terms, visit: Visit) -> Reason | None:
    scope = terms.scope
    if terms.currency != visit.currency:
        return Reason.WRONG_CURRENCY
    if not terms.taken_by(visit.merchant):
        return Reason.WRONG_MERCHANT
    if scope.stores and visit.store not in scope.stores:
        return Reason.WRONG_STORE
    if scope.channels and visit.channel not in scope.channels:
        return Reason.WRONG_CHANNEL
    return None


def _of_member(terms: Terms, visit: Visit) -> Reason | None:
    scope = terms.scope
    if not visit.member and (scope.segments or scope.first_purchase or _counts_members(terms.limits)):
        return Reason.NEEDS_MEMBER
    if visit.judged:
        return None
    refused = _of_segments(terms, visit) if scope.segments else None
    if refused is None and scope.first_purchase and not visit.first_purchase:
        return Reason.NOT_FIRST_PURCHASE
    return refused


def _of_segments(terms: Terms, visit: Visit) -> Reason | None:
    """What may not be known here has no part in it, so a refusal for want of consent says nothing of it."""
    named = terms.named_segments
    readable = {one for one in named if readers(terms, visit.merchant, one[0]) <= visit.consents}
    if readable & visit.segments:
        return None
    return Reason.WRONG_SEGMENT if readable == named else Reason.NEEDS_CONSENT


def _of_limits(uses: Uses) -> Reason | None:
    if uses.member_left is not None and uses.member_left < 1:
        return Reason.MEMBER_LIMIT
    if uses.store_left is not None and uses.store_left < 1:
        return Reason.STORE_LIMIT
    if uses.budget_left is not None and uses.budget_left < 1:
        return Reason.BUDGET
    return None


def readers(terms: Terms, merchant: int, owner: int) -> frozenset[tuple[int, int]]:
    """(owner, reader) for each who learns of the owner's segment by the coupon at the merchant's till."""
    return frozenset((owner, reader) for reader in (terms.merchant, merchant) if reader != owner)


def _counts_members(limits: Limits) -> bool:
    by_member = (
        limits.per_member, limits.per_member_day, limits.per_member_week, limits.per_member_month
    )  # fmt: skip
    return any(most is not None for most in by_member)


def _of_goods(matches: Matches, basket: Basket, terms: Terms) -> Refusal | None:
    scope, lines = terms.scope, basket.lines
    if not matches.of or not matches.on:
        return Rule.GOODS, Reason.NO_GOODS
    if scope.least_minor and sum([lines[i].amount_minor for i in matches.of]) < scope.least_minor:
        return Rule.GOODS, Reason.TOO_LITTLE
    if scope.least_pieces and sum([lines[i].pieces for i in matches.of]) < scope.least_pieces:
        return Rule.GOODS, Reason.TOO_FEW
    return None


def _most_of_definition(basket: Basket, terms: Terms, alone: int) -> int:
    """How many may stand beside each other. Versions share their counters, so the tightest limit counts.

    By that of another version a coupon may still stand alone; of one that is used up none is in the basket.
    """
    bounds = [basket.most_of_definition, terms.limits.per_basket]
    for (definition, version), uses in basket.uses.items():
        if definition == terms.definition and (version == terms.version or not uses.nothing):
            bounds.append(max(1, _room(uses, alone)))
    return min(bounds)


def _room(uses: Uses, alone: int) -> int:
    left = (uses.member_left, uses.store_left, uses.budget_left)
    bounds = [UNLIMITED, *(most for most in left if most is not None)]
    if uses.value_left_minor is not None and alone:
        # No coupon takes more off than alone, so these never exceed the budget by one unit.
        bounds.append(uses.value_left_minor // alone)
    return min(bounds)


def _offer(candidate: Candidate, gives: tuple[Step, Effect], most: int) -> Offer:
    terms = candidate.terms
    return Offer(
        candidate.key,
        terms.definition,
        terms.version,
        _seconds(candidate),
        gives[0],
        gives[1],
        _stack(terms.stacking),
        most,
        tuple((share.party, share.bps) for share in terms.funders),
        terms.tax_base is TaxBase.AFTER,
        beside_of(terms.benefit),
    )


def _stack(stacking: Stacking) -> Stack:
    most = UNLIMITED if stacking.most_per_group is None else stacking.most_per_group
    return Stack(stacking.group, stacking.exclusive, most, stacking.combines_with, stacking.excludes)
