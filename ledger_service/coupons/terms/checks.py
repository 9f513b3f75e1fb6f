"""What no terms may say, found before they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger_service.coupons.terms.values import (
    DAY_MINUTES,
    EVERY_DAY,
    WHOLE_BPS,
    AmountOff,
    Benefit,
    BuyGet,
    FixedPrice,
    FreeItem,
    Gift,
    GiftRule,
    InstrumentKind,
    Limits,
    Parking,
    PercentOff,
    Reward,
    Scope,
    Shipping,
    Stacking,
    StoredValue,
    Terms,
    Ticket,
    Tiered,
    Window,
)

_MOST_MINOR = 10**12
_MOST_PIECES = 10_000
_MOST_DAYS = 3_660
_MOST_MINUTES = 366 * DAY_MINUTES
_MOST_SEGMENTS = 10
_SEGMENT = re.compile(r"([0-9]{13}/)?[A-Z0-9][A-Z0-9-]{1,31}", re.ASCII)


def faults(terms: Terms) -> list[tuple[str, str]]:
    """(field, reason) of everything that is wrong; empty where the terms are sound."""
    found = [("benefit", reason) for reason in _of_benefit(terms.benefit)]
    found += [("funders", reason) for reason in _of_funders(terms)]
    found += [("scope", reason) for reason in _of_scope(terms.scope)]
    found += [("window", reason) for reason in _of_window(terms.window)]
    found += [("stacking", reason) for reason in _of_stacking(terms.stacking)]
    found += [("limits", reason) for reason in _of_limits(terms.limits)]
    return found + [("kind", reason) for reason in _of_kind(terms)]


def _of_benefit(benefit: Benefit) -> Iterator[str]:
    if isinstance(benefit, Tiered):
        yield from _of_steps(benefit)
        return
    for name, value, least, greatest in _bounds(benefit):
        if not least <= value <= greatest:
            yield f"{name} is not between {least} and {greatest}"


def _bounds(benefit: Benefit) -> list[tuple[str, int, int, int]]:
    match benefit:
        case PercentOff(bps, cap):
            return [("bps", bps, 1, WHOLE_BPS), *_maybe("most_minor", cap)]
        case AmountOff(minor):
            return [("minor", minor, 1, _MOST_MINOR)]
        case FixedPrice(minor):
            return [("minor", minor, 0, _MOST_MINOR)]
        case FreeItem(pieces):
            return [("pieces", pieces, 1, _MOST_PIECES)]
        case BuyGet(buy, get, bps):
            both = [("buy", buy, 1, _MOST_PIECES), ("get", get, 1, _MOST_PIECES)]
            return [*both, ("get_bps", bps, 1, WHOLE_BPS)]
        case Shipping(cap):
            return _maybe("most_minor", cap)
        case Parking(minutes):
            return [("minutes", minutes, 1, 31 * DAY_MINUTES)]
        case Gift(_, pieces):
            return [("pieces", pieces, 1, _MOST_PIECES)]
        case Reward(spend, days, minor):
            sums = [("spend_minor", spend, 1, _MOST_MINOR), ("minor", minor, 1, _MOST_MINOR)]
            return [*sums, ("days", days, 1, _MOST_DAYS)]
        case StoredValue(balance):
            return [("most_minor", balance, 1, _MOST_MINOR)]
        case Ticket(_, _, price, minutes, back):
            times = [("minutes", minutes, 1, _MOST_MINUTES), ("refund_minutes", back or 0, 0, _MOST_MINUTES)]
            return [("price_minor", price, 1, _MOST_MINOR), *times]
        case _:
            return []


def _maybe(name: str, value: int | None) -> list[tuple[str, int, int, int]]:
    return [] if value is None else [(name, value, 1, _MOST_MINOR)]


def _of_steps(benefit: Tiered) -> Iterator[str]:
    if not 1 <= len(benefit.steps) <= 20:
        yield "there are not 1 to 20 steps"
    last = -1
    for step in benefit.steps:
        if step.from_minor <= last:
            yield "the steps do not rise"
        last = step.from_minor
        if (step.off_minor > 0) == (step.off_bps > 0) or min(step.off_minor, step.off_bps) < 0:
            yield "a step gives an amount or a share, not both and not neither"
        if step.off_bps > WHOLE_BPS or step.off_minor > step.from_minor:
            yield "a step gives more than the spend that it asks for"


def _of_funders(terms: Terms) -> Iterator[str]:
    if sum(share.bps for share in terms.funders) != WHOLE_BPS:
        yield "the shares do not sum to 10,000 basis points"
    if any(share.bps < 1 for share in terms.funders):
        yield "a share is below one basis point"
    if len({share.party for share in terms.funders}) != len(terms.funders):
        yield "a party is named twice"


def _of_scope(scope: Scope) -> Iterator[str]:
    if not 0 <= scope.least_minor <= _MOST_MINOR:
        yield "least_minor is out of range"
    if not 0 <= scope.least_pieces <= _MOST_PIECES:
        yield "least_pieces is out of range"
    if scope.excluded is not None and scope.excluded.everything:
        yield "everything is excluded"
    if len(scope.segments) > _MOST_SEGMENTS:
        yield f"there are more than {_MOST_SEGMENTS} segments"
    if any(_SEGMENT.fullmatch(name) is None for name in scope.segments):
        yield "a segment is a code, or a merchant's GLN, a slash and its code"


def _of_window(window: Window) -> Iterator[str]:
    if window.starts_at and window.ends_at and window.starts_at >= window.ends_at:
        yield "it ends before it starts"
    if not window.weekdays or not window.weekdays <= EVERY_DAY:
        yield "weekdays are numbers from 1 (Monday) to 7"
    first, last = window.minutes
    if not (0 <= first < DAY_MINUTES and 0 < last <= DAY_MINUTES and first != last):
        yield "minutes are two different times of a day"
    if window.days_after_claim is not None and not 0 <= window.days_after_claim <= _MOST_DAYS:
        yield "days_after_claim is out of range"
    try:
        ZoneInfo(window.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "no such time zone"


def _of_stacking(stacking: Stacking) -> Iterator[str]:
    if stacking.most_per_group is not None and stacking.most_per_group < 1:
        yield "most_per_group is below 1"
    if stacking.combines_with & stacking.excludes:
        yield "a group is both combined with and excluded"
    if stacking.group and stacking.group in stacking.excludes and (stacking.most_per_group or 2) > 1:
        yield "it excludes its own group and allows several of it"
    if stacking.exclusive and stacking.combines_with:
        yield "an exclusive coupon combines with nothing"


def _of_limits(limits: Limits) -> Iterator[str]:
    if not 1 <= limits.per_basket <= 100:
        yield "per_basket is not between 1 and 100"
    counted = (
        limits.per_member, limits.per_member_day, limits.per_member_week, limits.per_member_month,
        limits.per_store_day, limits.budget_count, limits.budget_value_minor,
    )  # fmt: skip
    if any(most is not None and not 1 <= most <= _MOST_MINOR for most in counted):
        yield "a limit is below 1 or too large"


def _of_kind(terms: Terms) -> Iterator[str]:
    paid = isinstance(terms.benefit, StoredValue | Ticket)
    if paid != (terms.kind is InstrumentKind.PAID):
        yield "cards and tickets are paid for, everything else is free"
    if paid and terms.gift is GiftRule.ALLIANCE:
        yield "what was paid for is not handed around the alliance"
    if paid:
        yield from _of_paid(terms)


def _of_paid(terms: Terms) -> Iterator[str]:
    """What was paid its seller owes: nobody else takes or funds it; a card buys everything, always."""
    own = Scope(merchants=terms.scope.merchants & {terms.merchant})
    if terms.scope != own or [share.party for share in terms.funders] != [terms.merchant]:
        yield "what was paid for is good at its seller alone, for everything, and no other merchant funds it"
    if isinstance(terms.benefit, Ticket):
        window = terms.window
        if window != Window(starts_at=window.starts_at, ends_at=window.ends_at, zone=window.zone):
            yield "a ticket is sold from starts_at to ends_at, at every hour"
        return
    open_always = Window(zone=terms.window.zone, days_after_claim=terms.window.days_after_claim)
    if replace(terms.window, ends_at=None) != open_always:
        yield "a card pays at every hour from its sale on"
