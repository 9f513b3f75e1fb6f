"""Pure rules of referral campaigns: what terms may say, and what they are as text.

Depth is 1, or 2 where a second share is given, and never more; there is no trigger for enrolling, so nothing
can be paid for recruiting alone (INV-14).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from ledger_service.referrals.campaigns.errors import ShareTermsRefused

MOST_DEPTH = 2
MOST_MILESTONES = 8
STATES = ("draft", "approved", "live", "ended")
VERSION_STATES = ("draft", "approved", "declined")


class Trigger(StrEnum):
    """What the brought member must do before anybody is rewarded."""

    FIRST_PURCHASE = "first-purchase"
    NTH_PURCHASE = "nth-purchase"
    BASKET = "basket"
    ITEM_SCAN = "item-scan"


class Touch(StrEnum):
    """Which of several touches in the window counts."""

    FIRST = "first"
    LAST = "last"


class Milestone(NamedTuple):
    """So many conversions of a sharer give points, a coupon, or both."""

    conversions: int
    points: int
    coupon: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a version of a campaign promises.

    Attributes:
        trigger: what is rewarded; ``nth`` belongs to nth-purchase, ``least_minor`` is the least basket.
        sharer_points, newcomer_points, second_points: to who shared, who came, who brought the sharer.
        sharer_coupon, newcomer_coupon, second_coupon: the coupon definition that each gets beside or instead
            of points, 0 for none; given once ``vest_days`` are over, so that it cannot be used before.
        milestones: on top, by a sharer's conversions, ascending.
        window_days: how long a touch counts; ``touch`` is the first or the last of them.
        vest_days: how long points are pending after the purchase.
        most_per_sharer: conversions that one sharer is rewarded for, 0 for no limit.
        most_a_day: conversions of a sharer in a day above which they are held for review.
        burst_hour: newcomers of a sharer in an hour above which they are held for review.
    """

    trigger: Trigger
    sharer_points: int = 0
    newcomer_points: int = 0
    second_points: int = 0
    milestones: tuple[Milestone, ...] = ()
    nth: int = 1
    least_minor: int = 0
    window_days: int = 30
    touch: Touch = Touch.LAST
    vest_days: int = 14
    most_per_sharer: int = 0
    most_a_day: int = 10
    burst_hour: int = 5
    sharer_coupon: int = 0
    newcomer_coupon: int = 0
    second_coupon: int = 0

    @property
    def coupons(self) -> frozenset[int]:
        """The coupon definitions that are given."""
        of_roles = {self.sharer_coupon, self.newcomer_coupon, self.second_coupon}
        return frozenset((of_roles | {one.coupon for one in self.milestones}) - {0})

    @property
    def depth(self) -> int:
        """How many levels are rewarded."""
        return MOST_DEPTH if self.second_points or self.second_coupon else 1


def check_terms(terms: Terms) -> None:
    """The terms are ones that a campaign may have.

    Raises:
        ShareTermsRefused: naming the rule.

    Invariants: INV-14.
    """
    reached = [one.conversions for one in terms.milestones]
    sharer = terms.sharer_points or terms.sharer_coupon
    rules = (
        ("nobody-rewarded", terms.sharer_points or terms.newcomer_points or reached or terms.coupons),
        ("second-without-sharer", not terms.second_points or terms.sharer_points),
        ("second-without-sharer", not terms.second_coupon or sharer),
        ("second-above-sharer", terms.second_points <= terms.sharer_points),
        ("milestones-not-ascending", reached == sorted(set(reached))),
        ("milestone-without-reward", all(one.points or one.coupon for one in terms.milestones)),
        ("too-many-milestones", len(reached) <= MOST_MILESTONES),
        ("nth-without-trigger", terms.nth == 1 or terms.trigger is Trigger.NTH_PURCHASE),
        ("scan-with-basket", terms.trigger is not Trigger.ITEM_SCAN or terms.least_minor == 0),
        ("basket-without-least", terms.trigger is not Trigger.BASKET or terms.least_minor > 0),
    )
    for name, kept in rules:
        if not kept:
            raise ShareTermsRefused(name)


def terms_text(terms: Terms) -> str:
    """The terms as a version keeps them."""
    milestones = [list(one) for one in terms.milestones]
    return orjson.dumps(asdict(terms) | {"milestones": milestones}).decode()


def terms_of(text: str) -> Terms:
    """The terms of a version's text."""
    values: dict[str, Any] = orjson.loads(text)
    values["milestones"] = tuple(Milestone(*one) for one in values["milestones"])
    return Terms(**values | {"trigger": Trigger(values["trigger"]), "touch": Touch(values["touch"])})
