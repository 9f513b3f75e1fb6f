"""Why a coupon was not used: the rule that refused it and the reason's code, both stable and published."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What of a coupon's terms or of the basket's limits decided."""

    COUPON = "coupon"
    WINDOW = "window"
    PLACE = "place"
    MEMBER = "member"
    GOODS = "goods"
    LIMITS = "limits"
    STACKING = "stacking"
    BENEFIT = "benefit"


class Reason(StrEnum):
    """Why; a till shows its own words for each."""

    # The coupon itself: what the wallet says. Unknown and not-yours have one answer; after too many of those
    # no code is looked up.
    UNKNOWN = "coupon-unknown"
    LOCKED = "codes-locked"
    SPENT = "coupon-spent"
    RESERVED = "coupon-reserved"
    WITHDRAWN = "coupon-withdrawn"
    EXPIRED = "coupon-expired"
    NOT_YET_VALID = "coupon-not-yet-valid"
    WRONG_DAY = "not-on-this-day"
    WRONG_HOUR = "not-at-this-hour"
    WRONG_MERCHANT = "not-at-this-merchant"
    WRONG_STORE = "not-in-this-store"
    WRONG_CHANNEL = "not-on-this-channel"
    WRONG_CURRENCY = "not-in-this-currency"
    NEEDS_MEMBER = "needs-a-member"
    WRONG_SEGMENT = "not-for-this-member"
    NEEDS_CONSENT = "segment-needs-consent"
    NOT_FIRST_PURCHASE = "first-purchase-only"
    NO_GOODS = "no-qualifying-goods"
    TOO_LITTLE = "below-minimum-spend"
    TOO_FEW = "too-few-pieces"
    PIECES_USED = "pieces-used-by-another"
    MEMBER_LIMIT = "member-limit-reached"
    STORE_LIMIT = "store-limit-reached"
    BUDGET = "budget-exhausted"
    EXCLUSIVE = "stands-alone"
    NOT_TOGETHER = "not-with-this-group"
    GROUP_FULL = "group-limit-reached"
    DEFINITION_FULL = "definition-limit-reached"
    BASKET_FULL = "basket-limit-reached"
    NOTHING_LEFT = "nothing-left-to-take-off"
    WORTH_NOTHING = "gives-nothing-here"
    OTHERS_GIVE_MORE = "others-give-more"


@dataclass(frozen=True, slots=True)
class Refused:
    """A coupon that is not used; ``because_of`` names the coupon that stands in its way, if one does."""

    key: str
    definition: int
    version: int
    rule: Rule
    reason: Reason
    because_of: str = ""
