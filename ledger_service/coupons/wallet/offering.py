"""What the definitions say to the wallet, out of their catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.definitions.errors import CampaignStateWrong, SourceUnknown
from ledger_service.coupons.terms.values import InstrumentKind, Terms
from ledger_service.coupons.terms.windows import expires_at
from ledger_service.coupons.wallet.rules import NO_GIFT, Offer
from ledger_service.kernel.clock import micros_of


def offer_of(terms: Terms | None, at: datetime) -> Offer | None:
    """What a coupon of these terms made now is like; None of paid ones, and where their time is over."""
    if terms is None or terms.kind is InstrumentKind.PAID:
        return None
    ends_at = expires_at(terms.window, at)
    if ends_at is not None and ends_at <= at:
        return None
    limits, gift = terms.limits, terms.gift.value
    return Offer(terms.definition, terms.version, ends_at, limits.per_member, gift, terms.payer)


@dataclass(frozen=True, slots=True)
class CatalogueOffers:
    """Fulfils ``requests.Offers``."""

    catalogue: CouponCatalogueCache

    def live(self, definition_id: int, at: datetime) -> Offer | None:
        """What a coupon of the definition made now is like.

        None where no version is in force, where its time is over, and of what somebody must pay for: that is
        sold, and never claimed.
        """
        found = self.catalogue.current().definitions.get(definition_id)
        return None if found is None else offer_of(found.in_force(micros_of(at)), at)

    def promised(self, merchant_id: int, code: str, version: int, at: datetime) -> Offer | None:
        """What a coupon of that very version made now is like, whichever is in force meanwhile.

        None where there is none, its definition is withdrawn, or its time is over.
        """
        found = self.catalogue.current().by_name.get((merchant_id, code))
        if found is None or found.in_force(micros_of(at)) is None:
            return None
        return offer_of(next((t for _, t in found.versions if t.version == version), None), at)

    def is_over(self, merchant_id: int, code: str, version: int, at: datetime) -> bool:
        """Whether the definition is withdrawn, or the version's time is over: neither is taken back."""
        found = self.catalogue.current().by_name.get((merchant_id, code))
        if found is None:
            return False
        gone = found.withdrawn_micros
        terms = next((t for _, t in found.versions if t.version == version), None)
        ends_at = None if terms is None else expires_at(terms.window, at)
        return (gone is not None and gone <= micros_of(at)) or (ends_at is not None and ends_at <= at)

    def offered(self, source: str, member_id: int, at: datetime) -> frozenset[int]:
        """What the source's campaign offers the member, by its arm; nothing while it is not live."""
        try:
            found = self.catalogue.current().offerings.offered(source, member_id, micros_of(at))
        except (SourceUnknown, CampaignStateWrong):
            return frozenset()
        return frozenset(found.definitions)

    def gift_rule(self, definition_id: int, version: int) -> str:
        """The rule of the version under which the coupon was claimed; of an unknown one nothing is given."""
        found = self.catalogue.current().definitions.get(definition_id)
        rules = [] if found is None else [t.gift.value for _, t in found.versions if t.version == version]
        return rules[0] if rules else NO_GIFT
