"""What becomes of coupons at a till, in one place: reserved, consumed, freed, given back (INV-6).

Each function moves the coupon, its definition's counters and the checkout's own row together, inside the
draft of the sale, hold or refund that does it; nothing else of the checkout changes a coupon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from ledger_service.checkout.couponing.choosing import Chooser
from ledger_service.checkout.couponing.models import sale_coupon
from ledger_service.coupons.deciding.decision import Applied, Decision
from ledger_service.coupons.deciding.returning import RestingPart
from ledger_service.coupons.definitions import budgets
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet import moves
from ledger_service.coupons.wallet.moves import Act
from ledger_service.coupons.wallet.rules import Offer
from ledger_service.coupons.wallet.shown import take_up
from ledger_service.db.workset import Draft


@dataclass(frozen=True, slots=True)
class Taken:
    """A coupon that a basket takes: what it takes off, and on which lines and funders that rests.

    ``place`` names the counters that it counts in, from its reservation on.
    """

    coupon_id: bytes
    terms: Terms
    discount_minor: int
    parts: tuple[RestingPart, ...]
    place: budgets.Place


def taken_up(draft: Draft, chooser: Chooser, decision: Decision, act: Act) -> tuple[Taken, ...]:
    """The coupons that the decision applies; a code's row is made where this is its first use."""
    by_key = chooser.by_key()
    taken = []
    for one in decision.applied:
        terms = chooser.catalogue.terms(one.definition, one.version)
        found = chooser.found(draft, by_key[one.key])
        coupon_id = take_up(draft, found, Offer(terms.definition, terms.version), act)
        taken.append(taken_of(one, coupon_id, terms, chooser.place))
    return tuple(taken)


def taken_of(one: Applied, coupon_id: bytes, terms: Terms, place: budgets.Place) -> Taken:
    """A coupon as the decision applies it."""
    return Taken(coupon_id, terms, one.discount_minor, one.parts, place)


def reserve(draft: Draft, taken: Sequence[Taken], act: Act) -> None:
    """The coupons are held for the hold ``act.ref``, and count as used."""
    for one in taken:
        moves.reserve(draft, one.coupon_id, act)
    _count(draft, taken)


def consume(draft: Draft, taken: Sequence[Taken], act: Act) -> None:
    """The coupons are spent by the sale ``act.ref``, and count."""
    for one in taken:
        moves.consume(draft, one.coupon_id, act)
        _note(draft, one, act)
    _count(draft, taken)


def consume_held(draft: Draft, pairs: Sequence[tuple[Taken, Taken]], act: Act, hold_id: bytes) -> None:
    """Of each pair, what the hold reserved is spent by the sale ``act.ref`` as the second one says.

    What counts as used follows what was taken off in the end.
    """
    more, of_version = Counter[tuple[int, int]](), dict[tuple[int, int], Taken]()
    for held, taken in pairs:
        moves.consume(draft, taken.coupon_id, act, hold_id)
        _note(draft, taken, act)
        key = held.terms.definition, held.terms.version
        more[key] += taken.discount_minor - held.discount_minor
        of_version[key] = held
    # Versions share counters: what one of them gives back is there for the others.
    for key, minor in sorted(more.items(), key=lambda of: of[1]):
        held = of_version[key]
        if minor > 0:
            budgets.take(draft, held.terms, held.place, (0, minor))
        elif minor < 0:
            budgets.give_back(draft, held.terms, held.place, (0, -minor))


def free(draft: Draft, held: Iterable[Taken], act: Act) -> None:
    """What the hold ``act.ref`` still reserves of these is available again, and counts no more."""
    for one in held:
        if moves.free(draft, one.coupon_id, act):
            budgets.give_back(draft, one.terms, one.place, (1, one.discount_minor))


def give_back(draft: Draft, used: Taken, act: Act, sale_id: bytes) -> bool:
    """The coupon that the sale consumed is available again and counts no more; False where it was before."""
    if not moves.give_back(draft, used.coupon_id, act, sale_id):
        return False
    budgets.give_back(draft, used.terms, used.place, (1, used.discount_minor))
    return True


def _note(draft: Draft, one: Taken, act: Act) -> None:
    parts = [[part.line, str(part.funder), part.minor] for part in one.parts]
    draft.add(sale_coupon, {
        "sale_id": act.ref, "coupon_id": one.coupon_id, "definition_id": one.terms.definition,
        "version": one.terms.version, "discount_minor": one.discount_minor,
        "parts": orjson.dumps(parts).decode(), "used_at": act.at, "member_id": one.place.member_id,
        "counted_at": None if one.place.at == act.at else one.place.at,
    })  # fmt: skip


def _count(draft: Draft, taken: Sequence[Taken]) -> None:
    used: dict[tuple[int, int], list[Taken]] = {}
    for one in taken:
        used.setdefault((one.terms.definition, one.terms.version), []).append(one)
    for _, some in sorted(used.items()):
        minor = sum(one.discount_minor for one in some)
        budgets.take(draft, some[0].terms, some[0].place, (len(some), minor))
