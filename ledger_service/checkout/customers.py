"""What conditions of coupons and earn rules ask of a member at a till: its segments, its first purchase."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.models import imported_sale, sale
from ledger_service.db.workset import Draft, Load, Need, load_first
from ledger_service.members.segments import membership
from ledger_service.members.segments.membership import Named

FIRST_SALE: Load = load_first(sale, "occurred_at", "member_id", "merchant_id")
FIRST_IMPORTED: Load = load_first(imported_sale, "occurred_at", "member_id", "merchant_id")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a member at a merchant: which segments, and whether it is its first purchase there."""

    member_id: int
    merchant_id: int
    segments: Collection[Named] = ()
    first_purchase: bool = False

    def needs(self) -> Iterable[Need]:
        """The rows that ``told`` looks at; none where nothing is asked."""
        yield from membership.needs(self.member_id, self.segments)
        if self.first_purchase:
            yield FIRST_SALE.of(self.member_id, self.merchant_id)
            yield FIRST_IMPORTED.of(self.member_id, self.merchant_id)

    def told(self, draft: Draft, at: datetime, hold_id: bytes | None = None) -> Told:
        """The answer as of ``at``; a capture of the hold is no purchase before it."""
        inside = membership.inside(draft, self.member_id, self.segments, at)
        return Told(inside, self.first_purchase and self._is_first(draft, hold_id))

    def _is_first(self, draft: Draft, hold_id: bytes | None) -> bool:
        """Whether nothing is known of an earlier purchase, also where all of it came back."""
        key = self.member_id, self.merchant_id
        if draft.find(FIRST_IMPORTED, *key):
            return False
        known = draft.find(FIRST_SALE, *key)
        if not known:
            return True
        earliest = min(known, key=lambda row: (row["occurred_at"], row["sale_id"]))
        return hold_id is not None and earliest["hold_id"] == hold_id


@dataclass(frozen=True, slots=True)
class Told:
    """The segments that were asked for and hold the member, and whether it buys there for the first time."""

    segments: frozenset[Named] = frozenset()
    first_purchase: bool = False
