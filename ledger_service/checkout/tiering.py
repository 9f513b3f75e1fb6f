"""Tiers at the till: the rate that a purchase earns by, what it adds to the member's way up, what a refund
takes off. The checkout's one seam to the tiers room; without any ladder it reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger_service.checkout.directory import Places
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.points.catalogue import Programme
from ledger_service.points.parties import Holder
from ledger_service.points.rules import EarnRule
from ledger_service.tiers.benefits import PLAIN_BPS, Rate, Stacking, is_birthday, stacked
from ledger_service.tiers.ladders import Ladders
from ledger_service.tiers.queries import missing_minor
from ledger_service.tiers.rules import Ladder, Place, business_day, ladder_in_force
from ledger_service.tiers.service import DAYS_OF_YEAR, Climber


@dataclass(frozen=True, slots=True)
class Applied:
    """The tier that decided a programme's rate, its ladder's version, the exact rate with all benefits."""

    ladder_version: int
    tier: str
    rate: Rate

    def values(self) -> list[Any]:
        """What holds and sales keep; not which benefits made the rate, a birthday being personal."""
        return [self.ladder_version, self.tier, *self.rate]


NOT_TIERED: Mapping[int, Applied] = {}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is at which till when: ``at`` in seconds, ``places`` know the clocks of the stores."""

    holder: Holder
    programmes: Sequence[Programme]
    at: int
    store_gln: int
    places: Places | None = None

    def civil_day(self, programme: Programme) -> date:
        """The date at the store; by the programme's own zone where the store is not known (any more)."""
        zone = self.places.zone_of(self.store_gln) if self.places is not None else None
        return instant_of_seconds(self.at).astimezone(zone or programme.zone).date()


@dataclass(frozen=True, slots=True)
class Decided:
    """What a visit earns by at one programme, and why."""

    ladder: Ladder
    place: Place
    applied: Applied
    benefits: tuple[str, ...]

    def view(self) -> dict[str, Any]:
        """What a quote tells of it."""
        ladder, place = self.ladder, self.place
        above = None if place.level == ladder.top else ladder.tiers[place.level + 1]
        return {
            **applied_view(self.applied),
            "name": ladder.tiers[place.level].name,
            "reason": place.reason.value,
            "benefits": list(self.benefits),
            "stacking": ladder.stacking.value,
            "next_tier": None if above is None else above.code,
            "to_next_minor": missing_minor(ladder, place),
        }


def applied_of_values(values: Sequence[Any]) -> Applied:
    """What ``Applied.values`` gave."""
    return Applied(values[0], values[1], Rate(values[2], values[3]))


def applied_view(applied: Applied) -> dict[str, Any]:
    """The tier, the version and the rate as a till sees them."""
    rate = {"numerator": applied.rate.numerator, "denominator": applied.rate.denominator}
    return {"tier": applied.tier, "ladder_version": applied.ladder_version, "rate": rate}


def citation(applied: Applied | None) -> dict[str, Canonical]:
    """What the entry of an earn says of the tier that decided it."""
    return {} if applied is None else {"tier": applied.tier, "ladder": applied.ladder_version}


def at_rate(rule: EarnRule, applied: Applied) -> EarnRule:
    """The rule with its rate multiplied exactly; the floor of the sale's points stays the only rounding."""
    rate = applied.rate
    if rate == Rate():
        return rule
    return replace(
        rule, rate_points=rule.rate_points * rate.numerator, rate_minor=rule.rate_minor * rate.denominator
    )


def tier_needs(ladders: Ladders, member_id: int, programmes: Iterable[Programme], at: int) -> list[Need]:
    """What ``decide`` and ``count_purchase`` read of the member; nothing where no programme has a ladder."""
    if not ladders.count:
        return []
    found: list[Need] = []
    for programme in programmes:
        if programme.programme_id not in ladders.by_programme:
            continue
        climber = _climber(ladders, member_id, programme, at)
        if climber is not None:
            found += climber.needs(business_day(at, programme.zone))
    return found


def decide(draft: Draft, ladders: Ladders, visit: Visit, now: int | None = None) -> dict[int, Decided]:
    """By which tier and benefits the visit earns, for each programme with a ladder in force.

    For a visit of the past ``now`` is today: what was bought after its day does not count for it.

    Reads: ``tier_needs``; with ``now``, ``late_needs``.
    """
    decided: dict[int, Decided] = {}
    if not ladders.count:
        return decided
    for programme in visit.programmes:
        if programme.programme_id not in ladders.by_programme:
            continue
        ladder = ladder_in_force(ladders.of(programme.programme_id), visit.at)
        if ladder is None:
            continue
        climber = Climber(visit.holder.member_id, programme.programme_id, ladder)
        day = business_day(visit.at, programme.zone)
        today = day if now is None else business_day(now, programme.zone)
        place = climber.place(draft, day, today)
        civil = visit.civil_day(programme)
        rate, benefits = _rate(ladder, place.level, civil, visit.holder.birthday)
        applied = Applied(ladder.version, ladder.tiers[place.level].code, rate)
        decided[programme.programme_id] = Decided(ladder, place, applied, benefits)
    return decided


def late_needs(ladders: Ladders, visit: tuple[int, Sequence[Programme]], sold: int, now: int) -> list[Need]:
    """What ``decide`` of the past and ``count_late`` read: the years that matter at the sale, and now."""
    needs = return_needs(ladders, visit, sold, now)
    return [*tier_needs(ladders, *visit, sold), *needs] if needs else needs


def count_late(draft: Draft, ladders: Ladders, visit: Visit, sold: int, amounts: Mapping[int, int]) -> None:
    """What was paid at a sale that joins the member now counts for the day of the sale, by programme.

    Reads: ``late_needs``.
    """
    count_return(draft, ladders, visit, sold, {key: -amount for key, amount in amounts.items()})


def count_purchase(
    draft: Draft, ladders: Ladders, visit: Visit, amounts: Mapping[int, int], now: int
) -> None:
    """What was paid in money for goods that earn counts for the day of the visit, by programme.

    Args:
        draft: with what ``tier_needs`` of the visit, and of ``now``, asked for.
        ladders: of all programmes.
        visit: when and where it was sold.
        amounts: minor units by programme.
        now: seconds; later than the visit where the sale was made without a connection. The standing that is
            left is that of now: what held when it was sold may be over.
    """
    for programme in visit.programmes:
        climber = _climber(ladders, visit.holder.member_id, programme, now)
        amount = amounts.get(programme.programme_id, 0)
        if climber is not None and amount:
            day = business_day(visit.at, programme.zone)
            climber.count(draft, day, amount, day if now == visit.at else business_day(now, programme.zone))


def return_needs(ladders: Ladders, visit: tuple[int, Sequence[Programme]], sold: int, now: int) -> list[Need]:
    """What ``count_return`` reads: as for a purchase, and the year of the sale."""
    member_id, programmes = visit
    needs = tier_needs(ladders, member_id, programmes, now)
    for programme in programmes if needs else ():
        year = date.fromordinal(business_day(sold, programme.zone)).year
        needs.append(DAYS_OF_YEAR.of(member_id, programme.programme_id, year))
    return needs


def count_return(draft: Draft, ladders: Ladders, visit: Visit, sold: int, amounts: Mapping[int, int]) -> None:
    """What was given back is taken off the day of the sale: a tier that it breaks is gone from now on.

    Reads: ``return_needs``.
    """
    for programme in visit.programmes:
        climber = _climber(ladders, visit.holder.member_id, programme, visit.at)
        amount = amounts.get(programme.programme_id, 0)
        if climber is not None and amount:
            today = business_day(visit.at, programme.zone)
            climber.count(draft, business_day(sold, programme.zone), -amount, today)


def _climber(ladders: Ladders, member_id: int, programme: Programme, at: int) -> Climber | None:
    """The member on the ladder in force, or on the first to come: what is bought before counts too."""
    versions = ladders.of(programme.programme_id)
    if not versions:
        return None
    ladder = ladder_in_force(versions, at) or versions[0]
    return Climber(member_id, programme.programme_id, ladder, versions, at)


def _rate(ladder: Ladder, level: int, civil: date, birthday: int | None) -> tuple[Rate, tuple[str, ...]]:
    """The one rate of everything that applies, and the names of the benefits in it."""
    named = [(ladder.tiers[level].rate_bps, "tier")]
    gift = ladder.birthday
    if gift is not None and birthday and level >= gift.least_level:
        named += [(gift.rate_bps, "birthday")] if is_birthday(birthday, civil, gift.days) else []
    for day in ladder.member_days:
        if level >= day.least_level and day.holds_on(civil):
            named.append((day.rate_bps, "member-day"))
    if ladder.stacking is Stacking.BEST:
        named = [max(named, key=lambda one: one[0])]
    names = tuple(name for bps, name in named if bps != PLAIN_BPS)
    return stacked([bps for bps, _ in named], ladder.stacking), names
