"""Which coupons a basket may use, judged on rows that are locked (a sale) or just read (a quote)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.checkout.couponing.lines import goods_of
from ledger_service.checkout.customers import Asked, Told
from ledger_service.checkout.requests import Line, SaleRequest
from ledger_service.coupons.deciding.decision import Decision, decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Goods, Uses, Visit
from ledger_service.coupons.deciding.reasons import Reason, Refused, Rule
from ledger_service.coupons.definitions import budgets, goods
from ledger_service.coupons.definitions.catalogue import CouponCatalogue, CouponsBehind
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet.errors import CouponUnknown
from ledger_service.coupons.wallet.rules import AVAILABLE, shown_state
from ledger_service.coupons.wallet.shown import Found, Shown, look, used_up
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import micros_of
from ledger_service.members.segments.membership import Named

_AGAINST = {
    "reserved": Reason.RESERVED,
    "consumed": Reason.SPENT,
    "void": Reason.WITHDRAWN,
    "expired": Reason.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A coupon that the till named, by id or code, or that the wallet holds.

    ``key`` names it in the decision. ``terms`` are None where it is refused whatever the basket, with the
    reason ``against``. ``code`` says which of the till's codes it was, from 0; what is ``nameless`` has no id
    before it is used.
    """

    key: str
    shown: Shown
    terms: Terms | None
    code: int | None = None
    against: Reason = Reason.UNKNOWN
    nameless: bool = False

    def refused(self, reason: Reason | None = None) -> Refused:
        """The answer for it, without a word on what it is."""
        return Refused(self.key, 0, 0, Rule.COUPON, reason or self.against)


@dataclass(frozen=True, slots=True)
class Chooser:
    """A basket of a member, or of nobody known, at a merchant's till, and the coupons that it may use.

    Lines that are ``barred`` bear none: in an exchange they have the price that coupons left before.
    ``consents`` are the member's that let the one read of the other's segments (owner, reader).
    """

    request: SaleRequest
    merchant_id: int
    member_id: int | None
    wanted: tuple[Wanted, ...]
    catalogue: CouponCatalogue
    at: datetime
    barred: frozenset[str] = frozenset()
    consents: frozenset[tuple[int, int]] = frozenset()

    @property
    def place(self) -> budgets.Place:
        """Which counters a use counts in."""
        return budgets.Place(self.member_id, self.request.store, self.at)

    def locks(self) -> Iterable[Need]:
        """The counters of bounded definitions, and the codes.

        The member's row, locked too, is the lock of the coupons that it holds.
        """
        for terms in self._terms():
            yield from budgets.needs(terms, self.place)
        for one in self.wanted:
            if one.terms is not None:
                yield from one.shown.locks()

    def reads(self, view: Workset) -> Iterable[Need]:
        """The coupons, what they ask of the member, and what the goods are."""
        for one in self.wanted:
            if one.terms is not None:
                yield from one.shown.reads(view)
        asked = self._asked()
        if asked is not None:
            yield from asked.needs()
        yield from goods.needs(self.merchant_id, map(article, self.request.lines))

    def found(self, draft: Draft, one: Wanted) -> Found:
        """The coupon as it stands.

        Raises:
            CouponUnknown: it is nobody's that this till could serve.
        """
        return look(draft, one.shown, self.member_id)

    def decide(self, draft: Draft) -> Decision:
        """The best lawful combination of the coupons that this till may use and that are free.

        Raises:
            CouponsBehind: a code became a coupon of other terms since the request was looked at.
        """
        candidates: list[Candidate] = []
        refused: list[Refused] = []
        for one in self.wanted:
            judged = self._judged(draft, one)
            if isinstance(judged, Candidate):
                candidates.append(judged)
            else:
                refused.append(judged)
        uses = {
            (terms.definition, terms.version): uses_of(budgets.left(draft, terms, self.place))
            for terms in self._terms()
        }
        lines = goods_facts(draft, self.merchant_id, self.request.lines, self.catalogue)
        if self.barred:
            lines = tuple(replace(one, barred=one.barred or one.line in self.barred) for one in lines)
        decision = decide(Basket(lines, self._visit(draft), uses=uses), candidates)
        return replace(decision, refused=(*refused, *decision.refused)) if refused else decision

    def by_key(self) -> Mapping[str, Wanted]:
        """The wanted coupons by the keys that the decision names."""
        return {one.key: one for one in self.wanted}

    def _judged(self, draft: Draft, one: Wanted) -> Candidate | Refused:
        if one.terms is None:
            return one.refused()
        try:
            found = self.found(draft, one)
        except CouponUnknown:
            return one.refused(Reason.UNKNOWN)
        if found.version not in (None, one.terms.version):
            raise CouponsBehind(found.definition_id, found.version)
        return Candidate(one.key, one.terms, _ends(found), self._against(found))

    def _against(self, found: Found) -> Reason | None:
        if found.row is not None:
            state = shown_state(found.row, self.at)
            if state != AVAILABLE:
                return _AGAINST[state]
        if found.listed is not None and found.listed["sealed_at"] > self.at:
            # A till that sold alone before the list was sealed: the chain takes no such use.
            return Reason.NOT_YET_VALID
        if used_up(found):
            return Reason.SPENT
        definition = self.catalogue.definitions.get(found.definition_id)
        gone = None if definition is None else definition.withdrawn_micros
        return Reason.WITHDRAWN if gone is not None and gone <= micros_of(self.at) else None

    def _terms(self) -> Sequence[Terms]:
        found = {(w.terms.definition, w.terms.version): w.terms for w in self.wanted if w.terms is not None}
        return [found[key] for key in sorted(found)]

    def _asked(self) -> Asked | None:
        """What the coupons ask of the member; None where there is none."""
        if self.member_id is None:
            return None
        terms = self._terms()
        named = frozenset[Named]().union(*(one.named_segments for one in terms))
        first = any(one.scope.first_purchase for one in terms)
        return Asked(self.member_id, self.merchant_id, named, first)

    def _visit(self, draft: Draft) -> Visit:
        request, asked = self.request, self._asked()
        told = Told() if asked is None else asked.told(draft, self.at)
        return Visit(
            self.merchant_id, request.store, request.currency, self.at, member=asked is not None,
            segments=told.segments, first_purchase=told.first_purchase, consents=self.consents,
        )  # fmt: skip


def article(line: Line) -> goods.Article:
    """A line's goods as the merchant's lists know them."""
    return goods.Article(line.sku, line.gtin)


def goods_facts(
    draft: Draft, merchant_id: int, lines: Sequence[Line], catalogue: CouponCatalogue
) -> tuple[Goods, ...]:
    """The lines as the decision sees them; the draft has what ``goods.needs`` asked for."""
    own = catalogue.lists.get(merchant_id, frozenset())
    return tuple(goods_of(one, goods.facts(draft, merchant_id, article(one), own)) for one in lines)


def uses_of(left: budgets.Left) -> Uses:
    """What the counters leave, in the decision's words."""
    if left.exhausted.startswith("member"):
        return Uses(member_left=0)
    if left.exhausted.startswith("store"):
        return Uses(store_left=0)
    return Uses(budget_left=left.coupons, value_left_minor=left.value_minor)


def _ends(found: Found) -> datetime | None:
    ends: datetime | None = None if found.row is None else found.row["expires_at"]
    return ends
