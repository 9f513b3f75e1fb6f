"""Which coupons a basket may use, judged on rows that are locked (a sale) or just read (a quote)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ledger_service.checkout.couponing.lines import goods_of
from ledger_service.checkout.requests import Line, SaleRequest
from ledger_service.coupons.deciding.decision import Decision, decide
from ledger_service.coupons.deciding.facts import Basket, Candidate, Goods, Uses, Visit
from ledger_service.coupons.deciding.reasons import Reason, Refused, Rule
from ledger_service.coupons.definitions import budgets, goods
from ledger_service.coupons.definitions.catalogue import CouponCatalogue
from ledger_service.coupons.terms.values import Terms
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import COUPON
from ledger_service.coupons.wallet.rules import AVAILABLE, shown_state
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.ids import id_text

_AGAINST = {
    "reserved": Reason.RESERVED,
    "consumed": Reason.SPENT,
    "void": Reason.WITHDRAWN,
    "expired": Reason.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A coupon that the till named or the wallet holds, with its terms; ``terms`` None for an unknown one."""

    coupon_id: bytes
    terms: Terms | None


@dataclass(frozen=True, slots=True)
class Chooser:
    """A basket of a member at a merchant's till, and the coupons that it may use."""

    request: SaleRequest
    merchant_id: int
    member_id: int | None
    wanted: tuple[Wanted, ...]
    catalogue: CouponCatalogue
    at: datetime

    @property
    def place(self) -> budgets.Place:
        """Which counters a use counts in."""
        return budgets.Place(self.member_id, self.request.store, self.at)

    def locks(self) -> Iterable[Need]:
        """The counters of bounded definitions; the member's row, locked too, is the lock of its coupons."""
        for terms in self._terms():
            yield from budgets.needs(terms, self.place)

    def reads(self) -> Iterable[Need]:
        """The coupons, and what the goods are."""
        yield from (COUPON.of(one.coupon_id) for one in self.wanted)
        yield from goods.needs(self.merchant_id, map(_article, self.request.lines))

    def decide(self, draft: Draft) -> Decision:
        """The best lawful combination of the coupons that are the member's and free."""
        candidates, unknown = [], []
        for one in self.wanted:
            row = draft.get(coupon, one.coupon_id)
            mine = row is not None and self.member_id is not None and row["holder"] == self.member_id
            if row is None or one.terms is None or not mine:
                key = id_text(one.coupon_id)
                unknown.append(Refused(key, 0, 0, Rule.COUPON, Reason.UNKNOWN))
            else:
                candidates.append(self._candidate(one.terms, row))
        uses = {terms.definition: _uses(budgets.left(draft, terms, self.place)) for terms in self._terms()}
        basket = Basket(self._goods(draft), self._visit(), uses=uses)
        decision = decide(basket, candidates)
        return replace(decision, refused=(*unknown, *decision.refused)) if unknown else decision

    def _terms(self) -> Sequence[Terms]:
        found = {(w.terms.definition, w.terms.version): w.terms for w in self.wanted if w.terms is not None}
        return [found[key] for key in sorted(found)]

    def _candidate(self, terms: Terms, row: Mapping[str, Any]) -> Candidate:
        state = shown_state(row, self.at)
        refused = None if state == AVAILABLE else _AGAINST[state]
        return Candidate(id_text(row["coupon_id"]), terms, row["expires_at"], refused)

    def _goods(self, draft: Draft) -> tuple[Goods, ...]:
        own = self.catalogue.lists.get(self.merchant_id, frozenset())
        lines = self.request.lines
        return tuple(goods_of(one, goods.facts(draft, self.merchant_id, _article(one), own)) for one in lines)

    def _visit(self) -> Visit:
        request = self.request
        member = self.member_id is not None
        return Visit(self.merchant_id, request.store, request.currency, self.at, member=member)


def _article(line: Line) -> goods.Article:
    return goods.Article(line.sku, line.gtin)


def _uses(left: budgets.Left) -> Uses:
    if left.exhausted.startswith("member"):
        return Uses(member_left=0)
    if left.exhausted.startswith("store"):
        return Uses(store_left=0)
    return Uses(budget_left=left.coupons, value_left_minor=left.value_minor)
