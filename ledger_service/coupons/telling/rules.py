"""Pure: what the contract is told of a type, from all versions of its terms that ever were live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger_service.coupons.terms.values import GiftRule, Terms, Window
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.coupon_operations import TransferRule

# As many as serials of twelve digits there are, and the last second that the contract knows.
MOST_COUPONS = 10**12
LAST_SECOND = 2**40 - 1
_LEAST_ROOM = 1_000
_RULES = {
    GiftRule.NONE: TransferRule.NONE,
    GiftRule.ONCE: TransferRule.ONCE,
    GiftRule.ALLIANCE: TransferRule.ALLIANCE,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Outside of them the contract refuses: seconds, the last one outside; ``cap`` counts coupons."""

    cap: int
    opens_at: int
    closes_at: int
    rule: TransferRule


def bounds_of(live: Sequence[tuple[datetime, Terms]], *, open_type: bool) -> Bounds:
    """The bounds of at least one version: a coupon keeps the terms of its own, so each further one widens.

    The cap of a list's type is the codes that there can be. An open one's leaves room above the budget: what
    is given back counts on the chain until its consumption can be proven there.
    """
    caps = [_room_for(terms.limits.budget_count) if open_type else MOST_COUPONS for _, terms in live]
    windows = [_seconds(since, terms.window) for since, terms in live]
    return Bounds(
        min(MOST_COUPONS, max(caps)),
        min(opens for opens, _ in windows),
        max(closes for _, closes in windows),
        max(_RULES[terms.gift] for _, terms in live),
    )


def _room_for(budget: int | None) -> int:
    return MOST_COUPONS if budget is None else budget + max(budget, _LEAST_ROOM)


def _seconds(since: datetime, window: Window) -> tuple[int, int]:
    """First second and first one outside; one that was over when it began has its last second alone."""
    end = window.ends_at
    closes = LAST_SECOND if end is None else seconds_floor(end) + (end.microsecond > 0)
    opens = seconds_floor(since if window.starts_at is None else max(since, window.starts_at))
    return min(opens, closes - 1), closes
