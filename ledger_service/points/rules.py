"""What a programme promises, as pure functions: calendar, terms in force, earn rules, caps, vesting.

Instants are whole seconds since 1970 as the chain sees them, except where a civil date is built.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, MINING_WINDOW_SECONDS
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.audiences import Audience
from ledger_service.points.basis import USUAL, Basis
from ledger_service.points.pending_rules import PendingTerms

RESTORE_LEAST_SECONDS = 30 * 86_400
WHOLE_PERCENT = 100


class Cycle(StrEnum):
    """How long one epoch of a programme lasts."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    NEVER = "never"


_MONTHS = {Cycle.MONTH: 1, Cycle.QUARTER: 3, Cycle.YEAR: 12}


def epoch_ends(first: datetime, cycle: Cycle, zone: ZoneInfo, count: int) -> list[int]:
    """The ends of ``count`` epochs, of which the first one holds the instant ``first``.

    An epoch ends when the civil week (from Monday), month, quarter or year of the programme's zone does: at
    the first local midnight of the next one, never early (INV-11). Where that midnight does not exist (a
    clock change), the end is the instant of the change.

    Returns:
        Ascending seconds since 1970; for ``Cycle.NEVER`` the one end that never comes.
    """
    if cycle is Cycle.NEVER:
        return [NEVER_SECONDS]
    local = first.astimezone(zone)
    if cycle is Cycle.WEEK:
        monday = local.date() - timedelta(days=local.weekday())
        return [_midnight(monday + timedelta(weeks=i + 1), zone) for i in range(count)]
    months = _MONTHS[cycle]
    begun = (local.year * 12 + local.month - 1) // months * months
    return [_month_start(begun + months * (i + 1), zone) for i in range(count)]


def _month_start(month_number: int, zone: ZoneInfo) -> int:
    return _midnight(date(month_number // 12, month_number % 12 + 1, 1), zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return seconds_floor(datetime(day.year, day.month, day.day, tzinfo=zone))


def current_epoch(ends: Sequence[int], at: int) -> int:
    """The first epoch that ends after ``at``; one more than the last when the calendar has run out."""
    return bisect_right(ends, at) + 1


def is_open(ends: Sequence[int], epoch: int, at: int) -> bool:
    """Whether points of ``epoch`` may still be spent at ``at``."""
    return 1 <= epoch <= len(ends) and at < ends[epoch - 1]


def epoch_of_issue(ends: Sequence[int], at: int, validity_epochs: int) -> int | None:
    """The last epoch in which points issued at ``at`` can be spent; None when the calendar has run out."""
    now = current_epoch(ends, at)
    return min(now + validity_epochs, len(ends)) if now <= len(ends) else None


def epoch_of_restore(ends: Sequence[int], epoch: int, at: int) -> int | None:
    """The epoch that restored points go to (D10).

    It is their own while it is open, else the first that has at least 30 days left; None when the calendar
    ends before that.
    """
    if is_open(ends, epoch, at):
        return epoch
    later = bisect_right(ends, at + RESTORE_LEAST_SECONDS - 1) + 1
    return later if later <= len(ends) else None


def may_expire(ends: Sequence[int], epoch: int, at: int) -> bool:
    """Whether every acceptance made before the epoch's end has had the time to arrive (D9)."""
    return 1 <= epoch <= len(ends) and at >= ends[epoch - 1] + CLOCK_SKEW_SECONDS


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a programme's terms as the registry holds them; ``effective_from`` in seconds."""

    version: int
    effective_from: int
    point_value_micros: int
    fee_bps: int
    issuance_cap: int
    validity_epochs: int


def terms_in_force(terms: Sequence[Terms], at: int) -> Terms | None:
    """The latest version whose time has come at ``at``; None before the first."""
    for candidate in reversed(terms):
        if candidate.effective_from <= at:
            return candidate
    return None


def cap_in_force(terms: Sequence[Terms], at: int) -> int:
    """The most that may ever have been issued by an issue accepted at ``at``.

    The least cap of the terms in force from then to the end of the mining window: an issue that waits for
    its block must still fit when a published cut has taken effect meanwhile (D7, D11). Zero before the first
    terms.
    """
    now = terms_in_force(terms, at)
    if now is None:
        return 0
    # A cap of 0 is a programme's end: what is accepted before counts by the terms before, whenever mined.
    soon = [
        t.issuance_cap
        for t in terms
        if t.issuance_cap and at < t.effective_from <= at + MINING_WINDOW_SECONDS
    ]
    return min([now.issuance_cap, *soon])


@dataclass(frozen=True, slots=True)
class Multiplier:
    """More points between two instants, for some categories or for all (None); 200 percent is double.

    ``audience`` None means every member. One that has an audience counts for nobody until ``as_met`` says so.
    """

    starts_at: int
    ends_at: int
    percent: int
    categories: frozenset[str] | None = None
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class EarnRule:
    """One version of how a programme's points are earned.

    ``rate_points`` points for each ``rate_minor`` minor units of the eligible part, floored once per sale;
    ``basis`` says which part that is; ``daily_cap`` points per member and local day, None for no cap;
    ``pending`` None for what the programme says.
    """

    version: int
    effective_from: int
    rate_points: int
    rate_minor: int
    excluded: frozenset[str] = frozenset()
    multipliers: tuple[Multiplier, ...] = ()
    daily_cap: int | None = None
    pending: PendingTerms | None = None
    basis: Basis = USUAL


def rule_in_force(rules: Sequence[EarnRule], at: int) -> EarnRule | None:
    """The latest version whose time has come at ``at``; None before the first."""
    for candidate in reversed(rules):
        if candidate.effective_from <= at:
            return candidate
    return None


def as_met(rule: EarnRule, met: Collection[int]) -> EarnRule:
    """The rule for a member of the audiences of these multipliers, by their places in the rule."""
    if not met:
        return rule
    found = (replace(m, audience=None) if i in met else m for i, m in enumerate(rule.multipliers))
    return replace(rule, multipliers=tuple(found))


def percent_for(rule: EarnRule, category: str, at: int) -> int:
    """What a line counts for: 0 when excluded, else the greatest multiplier that applies, at least 100."""
    if category in rule.excluded:
        return 0
    best = WHOLE_PERCENT
    for bonus in rule.multipliers:
        fits = bonus.audience is None and (bonus.categories is None or category in bonus.categories)
        if fits and bonus.starts_at <= at < bonus.ends_at and bonus.percent > best:
            best = bonus.percent
    return best


def points_for_spend_floor(weighted_minor: int, rate_points: int, rate_minor: int) -> int:
    """Points for spend weighted in percent (cash minor units times 100 or more), rounded down once."""
    return weighted_minor * rate_points // (rate_minor * WHOLE_PERCENT)


@dataclass(frozen=True, slots=True)
class Earned:
    """The outcome of a rule: eligible cash, points before and after the daily cap."""

    base_minor: int
    points: int
    uncapped_points: int


def earn(rule: EarnRule, cash_lines: Iterable[tuple[int, int]], capped_at: int | None) -> Earned:
    """Points for lines given as (percent, cash part in minor units), at most ``capped_at``.

    A line of zero percent is excluded from the base.
    """
    base = weighted = 0
    for percent, cash in cash_lines:
        if percent:
            base += cash
            weighted += percent * cash
    uncapped = points_for_spend_floor(weighted, rule.rate_points, rule.rate_minor)
    points = uncapped if capped_at is None else min(uncapped, max(capped_at, 0))
    return Earned(base, points, uncapped)


def room_under_daily_cap(rule: EarnRule, earned: int) -> int | None:
    """What a member who has earned so many points on a local day may still earn on it; None for no cap."""
    return None if rule.daily_cap is None else max(rule.daily_cap - earned, 0)


def local_day(at: int, zone: ZoneInfo) -> int:
    """The proleptic day number of an instant in a programme's zone."""
    return instant_of_seconds(at).astimezone(zone).toordinal()


@dataclass(frozen=True, slots=True)
class Reservation:
    """A worker's block of a programme's cap, and what all workers have drawn of the cap together."""

    remaining: int
    drawn_total: int


def refill(block: Reservation, cap: int, need: int) -> Reservation:
    """The block once it was refilled so that ``need`` points can be issued from it, if the cap allows (D11).

    A refill is a sixty-fourth of what the cap leaves, so that blocks are drawn seldom while there is plenty,
    and little is stranded in other workers' blocks when there is not. What a cut of the cap has made
    unusable is given back. The result holds less than ``need`` only when the cap is exhausted.
    """
    usable = min(block.remaining, max(cap - (block.drawn_total - block.remaining), 0))
    drawn = block.drawn_total - (block.remaining - usable)
    free = max(cap - drawn, 0)
    if usable >= need or free < need - usable:
        return Reservation(usable, drawn)
    more = max(need - usable, free // 64)
    return Reservation(usable + more, drawn + more)


def refill_beside(block: Reservation, cap: int, need: int) -> Reservation:
    """As ``refill``, but for a need beside what the block holds already, where the cap allows.

    Of many tills that find the block empty at once, each draws for itself. If one relied on what another has
    just drawn, one would win a round and the rest would take a cap with room in it for exhausted.
    """
    beside = refill(block, cap, block.remaining + need)
    return beside if beside.remaining >= need else refill(block, cap, need)


def debt_collected(debt: int, earned: int) -> int:
    """How much of newly earned points goes to an open debt, once (D10)."""
    return min(debt, earned)


def clawback_legs(available: Mapping[int, int], own_epoch: int, amount: int) -> list[tuple[int, int]]:
    """Which points of one programme pay for a reversed earn: its own epoch first, then the latest to expire.

    Latest first, so that buying and returning cannot trade points that expire soon for fresh ones.

    Returns:
        (epoch, amount) pairs, each positive; they sum to less than ``amount`` where there is not enough.
    """
    order = sorted(available, key=lambda epoch: (epoch != own_epoch, -epoch))
    taken: list[tuple[int, int]] = []
    for epoch in order:
        part = min(available[epoch], amount)
        if part > 0:
            taken.append((epoch, part))
            amount -= part
    return taken
