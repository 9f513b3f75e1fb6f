"""Pure rules of attribution: which of the bound touches a purchase follows, and what it pays.

Precedence is that of the commitments: a bind counts only if it was committed before the ledger recorded the
sale, and nothing that was committed later can change it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger_service.referrals.campaigns.rules import MOST_DEPTH, Terms, Touch, Trigger
from ledger_service.referrals.links.rules import SKEW_SECONDS
from ledger_service.referrals.ports import Purchase

SKEW = timedelta(seconds=SKEW_SECONDS)
ROLES = ("sharer", "newcomer", "second", "milestone")
OUTCOMES = (
    "rewarded", "held", "trigger-not-met", "no-points", "circle", "sharer-limit", "budget-exhausted",
    "campaign-over",
)  # fmt: skip
# left: the goods came back after the coupon was used or given on; should it come back, it is taken after all.
# promised: the chain was told of it, and it is given once that stands there for good.
STATES = ("held", "due", "promised", "granted", "refused", "appealed", "void", "clawed", "left")
# The purchase counts as a conversion of its sharer as long as one of its rewards is in such a state.
STANDING = ("held", "due", "promised", "granted", "appealed")
# A milestone in such a state is given once more when its conversions are reached again.
TAKEN = ("void", "clawed")
# Of a reward for the chain to promise: not said there yet, said, to be returned, its return said, gone back.
UNSAID, SAID, GOING, GONE, BACK = "unsaid", "said", "going", "gone", "back"
PROMISES = (UNSAID, SAID, GOING, GONE, BACK)
POINTS, COUPON = "points", "coupon"
PAYS = (POINTS, COUPON)


class Bind(NamedTuple):
    """A bound touch as attribution goes by it; there are many of one purchase, so it is quickly made."""

    number: int
    campaign_id: bytes
    version: int
    member_id: int
    sharer_id: int | None
    customer: bool
    touched_at: datetime
    bound_at: datetime


def candidates_of(binds: Iterable[Bind], purchase: Purchase, terms: Mapping[int, Terms]) -> list[Bind]:
    """The touches that the purchase may follow: committed before the sale was recorded, and in the window.

    A till's clock may be ``SKEW_SECONDS`` behind ours, and no more is forgiven.
    """
    recorded_at, latest = purchase.recorded_at, purchase.sold_at + SKEW
    since = {version: purchase.sold_at - timedelta(days=one.window_days) for version, one in terms.items()}
    return [
        bind for bind in binds
        if bind.bound_at < recorded_at and bind.version in since
        and since[bind.version] <= bind.touched_at <= latest
    ]  # fmt: skip


def attributed(binds: Iterable[Bind], purchase: Purchase, terms: dict[int, Terms]) -> Bind | None:
    """The bind of one campaign that the purchase follows; None where none is in its window.

    First or last is what the newest version among the candidates says. Several devices of one member count as
    the member's touches, in the order of touching, the commitment's number deciding among equals.

    Args:
        binds: of the purchase's member for one campaign.
        purchase: the sale.
        terms: of the campaign, by version.
    """
    candidates = candidates_of(binds, purchase, terms)
    if not candidates:
        return None
    newest = max(candidates, key=lambda b: b.number)
    pick = min if terms[newest.version].touch is Touch.FIRST else max
    return pick(candidates, key=lambda b: (b.touched_at, b.number))


def concerns(terms: Terms, purchase: Purchase) -> bool:
    """Whether the terms look at such a thing at all: at sales, or at items that were claimed."""
    return purchase.scanned is (terms.trigger is Trigger.ITEM_SCAN)


def trigger_met(terms: Terms, purchase: Purchase, ordinal: int, *, customer: bool) -> bool:
    """Whether the terms reward this purchase; ``ordinal`` counts the member's from the bind."""
    if purchase.amount_minor < terms.least_minor:
        return False
    if terms.trigger is Trigger.FIRST_PURCHASE:
        return ordinal == 1 and not customer
    if terms.trigger is Trigger.NTH_PURCHASE:
        return ordinal == terms.nth
    return terms.trigger in (Trigger.BASKET, Trigger.ITEM_SCAN)


def least_kept(terms: Terms) -> int:
    """What must be left of a sale for its rewards to stay, in minor units."""
    return max(1, terms.least_minor)


@dataclass(frozen=True, slots=True)
class Planned:
    """A reward that a purchase pays: to whom, as what, at which depth (INV-14): points, or a coupon.

    ``reached`` are the conversions that a milestone is for.
    """

    role: str
    member_id: int
    depth: int
    points: int
    coupon: int | None = None
    reached: int | None = None

    @property
    def pays(self) -> str:
        """What it is paid in."""
        return POINTS if self.coupon is None else COUPON


@dataclass(frozen=True, slots=True)
class Line:
    """Who stands above the buyer: the sharer, who brought that one, the sharer's conversions that stand so
    far, and the milestones that it has been given for them.
    """

    sharer_id: int | None
    second_id: int | None = None
    conversions: int = 0
    milestones: Collection[int] = ()


def plan(terms: Terms, buyer_id: int, line: Line) -> list[Planned]:
    """What a purchase that met its trigger pays; nobody is paid for an own purchase through others.

    Invariants: INV-14: no reward has a depth above 2.
    """
    found = _both("newcomer", buyer_id, terms.newcomer_points, terms.newcomer_coupon)
    if line.sharer_id is not None:
        found += _both("sharer", line.sharer_id, terms.sharer_points, terms.sharer_coupon)
        for one in terms.milestones:
            if one.conversions == line.conversions + 1 and one.conversions not in line.milestones:
                both = _both("milestone", line.sharer_id, one.points, one.coupon)
                found += [replace(reward, reached=one.conversions) for reward in both]
        if line.second_id not in (None, buyer_id, line.sharer_id):
            found += _both("second", line.second_id or 0, terms.second_points, terms.second_coupon)
    return [one for one in found if one.points or one.coupon]


def _both(role: str, member_id: int, points: int, definition_id: int) -> list[Planned]:
    depth = MOST_DEPTH if role == "second" else 1
    return [
        Planned(role, member_id, depth, points),
        Planned(role, member_id, depth, 0, definition_id or None),
    ]


def given_from(pays: str, sold_at: datetime, vest_days: int, at: datetime) -> datetime:
    """When a reward that is due from ``at`` on is given.

    Points at once, since they are pending until they vest; a coupon only when the days are over, since it
    could be used before.
    """
    return at if pays == POINTS else max(at, sold_at + timedelta(days=vest_days))


def standing_refusal(terms: Terms, buyer_id: int, line: Line, above: Sequence[int]) -> str | None:
    """Why a purchase pays nothing whatever it was: a circle of ties, or a sharer that had its share.

    ``above`` are those who brought the sharer, nearest first.
    """
    if line.sharer_id == buyer_id or buyer_id in above:
        return "circle"
    if line.sharer_id is not None and terms.most_per_sharer and line.conversions >= terms.most_per_sharer:
        return "sharer-limit"
    return None


@dataclass(frozen=True, slots=True)
class Taken:
    """Where the points of a reward that goes back come from, in the order of D10."""

    pending: int
    available: int
    debt: int


def taken_back(points: int, pending: int, available: int, issued: int) -> Taken:
    """How a whole reward goes back: pending first, then available up to what was issued, the rest a debt."""
    from_pending = min(points, pending)
    from_available = min(points - from_pending, available, issued)
    return Taken(from_pending, from_available, points - from_pending - from_available)


def after_step(state: str, step: str) -> str | None:
    """The state that follows a step of a review; None where the step does not fit."""
    return {
        ("held", "release"): "due", ("held", "expire"): "due", ("held", "refuse"): "refused",
        ("refused", "appeal"): "appealed", ("appealed", "release"): "due", ("appealed", "expire"): "due",
        ("appealed", "refuse"): "refused",
    }.get((state, step))  # fmt: skip
