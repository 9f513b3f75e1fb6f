"""What the definitions say to the wallet, out of their catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.definitions.errors import CampaignStateWrong, SourceUnknown
from ledger_service.coupons.terms.values import InstrumentKind
from ledger_service.coupons.terms.windows import expires_at
from ledger_service.coupons.wallet.rules import NO_GIFT, Offer
from ledger_service.kernel.clock import micros_of


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
        terms = None if found is None else found.in_force(micros_of(at))
        if terms is None or terms.kind is InstrumentKind.PAID:
            return None
        ends_at = expires_at(terms.window, at)
        if ends_at is not None and ends_at <= at:
            return None
        limits, gift = terms.limits, terms.gift.value
        return Offer(definition_id, terms.version, ends_at, limits.per_member, gift, terms.payer)

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
