"""Coupons of a hold: reserved with its points, on the terms of that hour, until a capture uses them.

The hold's body keeps which, so a hold without coupons reads nothing more. Held terms stay whatever is
published or withdrawn meanwhile, and windows are judged at the authorisation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ledger_service.checkout.couponing import using
from ledger_service.checkout.couponing.choosing import article, goods_facts
from ledger_service.checkout.couponing.lines import after_coupons
from ledger_service.checkout.couponing.using import Taken, taken_of
from ledger_service.checkout.couponing.views import decision_view
from ledger_service.checkout.requests import Line, Write
from ledger_service.coupons.deciding.decision import Decision, decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Uses, Visit
from ledger_service.coupons.definitions import budgets, goods
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache, CouponsBehind
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON, Act
from ledger_service.coupons.wallet.rules import RESERVED
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.models import hold

_IN_BODY = '"coupons":'


def hold_body(taken: Sequence[Taken]) -> dict[str, Canonical]:
    """What a hold remembers of its coupons; nothing where it has none."""
    if not taken:
        return {}
    place = taken[0].place
    member = None if place.member_id is None else str(place.member_id)
    some: list[Canonical] = [
        [id_text(one.coupon_id), one.terms.definition, one.terms.version, one.discount_minor] for one in taken
    ]
    return {"coupons": {"at": format_instant(place.at), "member": member, "taken": some}}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the coupons of a hold do to the lines of a capture; ``pairs`` are each as held and as used."""

    hold_id: bytes
    member_id: int
    asked: Sequence[Line]
    decision: Decision
    pairs: tuple[tuple[Taken, Taken], ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines at what coupons leave of them."""
        return after_coupons(self.asked, self.decision)

    def consumed(self, draft: Draft, sale_id: bytes, write: Write) -> dict[str, Any]:
        """The coupons are spent by the sale; what its answer says of them."""
        act = Act(sale_id, self.member_id, write.caller.subject, write.at)
        using.consume_held(draft, self.pairs, act, self.hold_id)
        gross = sum(line.amount_minor for line in self.asked)
        return {"before_coupons_minor": gross, "coupons": decision_view(self.decision)}


@dataclass(frozen=True, slots=True)
class HeldCoupons:
    """Reads what holds remember of coupons; one serves all threads of a process."""

    catalogue: CouponCatalogueCache

    def of(self, row: Mapping[str, Any]) -> tuple[Taken, ...]:
        """The coupons that the hold reserved when it was made."""
        if _IN_BODY not in row["body"]:
            return ()
        kept = orjson.loads(row["body"])["coupons"]
        member = None if kept["member"] is None else int(kept["member"])
        place = budgets.Place(member, row["store_gln"], parse_instant(kept["at"], "at"))
        return tuple(
            Taken(bytes.fromhex(coupon_id), self._terms(definition, version), minor, (), place)
            for coupon_id, definition, version, minor in kept["taken"]
        )

    def locks(self, row: Mapping[str, Any]) -> Iterable[Need]:
        """The counters that they count in."""
        return [need for one in self.of(row) for need in budgets.needs(one.terms, one.place)]

    def reads(self, row: Mapping[str, Any]) -> Iterable[Need]:
        """The coupons."""
        return [COUPON.of(one.coupon_id) for one in self.of(row)]

    def goods_needs(self, row: Mapping[str, Any], lines: Sequence[Line]) -> Iterable[Need]:
        """What the goods of a capture are."""
        return goods.needs(row["merchant_id"], map(article, lines)) if _IN_BODY in row["body"] else ()

    def free(self, draft: Draft, hold_id: bytes, write: Write) -> None:
        """What the hold still reserves is available again."""
        row = draft.get(hold, hold_id)
        held = () if row is None else self.of(row)
        if row is not None and held:
            using.free(draft, held, Act(hold_id, row["member_id"], write.caller.subject, write.at))

    def chosen(
        self, draft: Draft, row: Mapping[str, Any], lines: Sequence[Line], currency: str
    ) -> Chosen | None:
        """What coupons of the hold that no capture has used take off these lines; None where it has none."""
        every = self.of(row)
        if not every:
            return None
        held = [one for one in every if _reserved(draft, one.coupon_id, row["hold_id"])]
        place = every[0].place
        facts = goods_facts(draft, row["merchant_id"], lines, self.catalogue.current())
        member = place.member_id is not None
        # Segments and a first purchase were judged with the window, at the authorisation.
        visit = Visit(row["merchant_id"], place.store, currency, place.at, member=member, judged=True)
        decision = _within(draft, Basket(facts, visit), held)
        by_key = {id_text(one.coupon_id): one for one in held}
        pairs = tuple(
            (by_key[one.key], taken_of(one, by_key[one.key].coupon_id, by_key[one.key].terms, place))
            for one in decision.applied
        )
        return Chosen(row["hold_id"], row["member_id"], lines, decision, pairs)

    def _terms(self, definition: int, version: int) -> Terms:
        try:
            return self.catalogue.current().terms(definition, version)
        except CouponsBehind:
            return self.catalogue.refresh().terms(definition, version)


def _reserved(draft: Draft, coupon_id: bytes, hold_id: bytes) -> bool:
    row = draft.get(coupon, coupon_id)
    return row is not None and row["state"] == RESERVED and row["used_by"] == hold_id


def _within(draft: Draft, basket: Basket, held: Sequence[Taken]) -> Decision:
    """The decision over the basket; where it is worth more than was held, budgets must have room for that.

    What was held is counted already, so the basket of the authorisation always gets what it was promised.
    """
    candidates = [Candidate(id_text(one.coupon_id), one.terms, _ends(draft, one.coupon_id)) for one in held]
    decision, uses = decide(basket, candidates), dict[tuple[int, int], Uses]()
    # Where fewer coupons than were held would take more off, what the others held is no room for it.
    for spare in (sum, min):
        tight = _tight(draft, decision, held, spare)
        if not tight:
            break
        uses |= tight
        decision = decide(Basket(basket.lines, basket.visit, uses=uses), candidates)
    return decision


def _tight(
    draft: Draft, decision: Decision, held: Sequence[Taken], spare: Callable[[Iterable[int]], int]
) -> dict[tuple[int, int], Uses]:
    """The versions of definitions of which more would be taken off than was held and than budgets have."""
    before = {id_text(one.coupon_id): one.discount_minor for one in held}
    more = Counter[tuple[int, int]]()
    for applied in decision.applied:
        more[applied.definition, applied.version] += applied.discount_minor - before[applied.key]
    beyond = Counter[int]()
    for (definition, _), minor in more.items():
        beyond[definition] += max(0, minor)
    left: dict[tuple[int, int], int] = {}
    for one in held:
        value = budgets.left(draft, one.terms, one.place).value_minor
        if value is not None:
            left[one.terms.definition, one.terms.version] = value
    full = {key[0] for key in more if key in left and beyond[key[0]] > left[key]}
    held_of = {d: [one.discount_minor for one in held if one.terms.definition == d] for d in full}
    rooms = {key: minor + spare(held_of[key[0]]) for key, minor in left.items() if key[0] in full}
    return {key: Uses(value_left_minor=minor) for key, minor in rooms.items()}


def _ends(draft: Draft, coupon_id: bytes) -> Any:
    row = draft.get(coupon, coupon_id)
    return None if row is None else row["expires_at"]
