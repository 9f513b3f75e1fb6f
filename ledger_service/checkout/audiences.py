"""For whom multipliers of an earn rule count, judged with the rows of the sale or quote that earns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.checkout.customers import Asked
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.points.audiences import Unmet
from ledger_service.points.catalogue import Programme
from ledger_service.points.rules import EarnRule, Multiplier


@dataclass(frozen=True, slots=True)
class Meant:
    """A multiplier with an audience, by its place in the rule: ``unmet`` None where the member is meant."""

    place: int
    percent: int
    unmet: Unmet | None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a purchase is judged, in seconds; ``hold_id`` where it captures a hold, and ``held_at`` when that
    was authorised: a member counts as what it was then."""

    at: int
    hold_id: bytes | None = None
    held_at: datetime | None = None


def audience_needs(member_id: int, programme: Programme, rule: EarnRule, at: int) -> Iterable[Need]:
    """What ``meant`` reads; nothing where no multiplier that is on at ``at`` has an audience."""
    asked = _asked(member_id, programme, _of_audiences(rule, at))
    return () if asked is None else asked.needs()


def meant(draft: Draft, member_id: int, programme: Programme, rule: EarnRule, moment: Moment) -> list[Meant]:
    """Whom the rule's multipliers with audiences mean, of those that are on."""
    bonuses = _of_audiences(rule, moment.at)
    asked = _asked(member_id, programme, bonuses)
    if asked is None:
        return []
    told = asked.told(draft, moment.held_at or instant_of_seconds(moment.at), moment.hold_id)
    inside = {code for _, code in told.segments}
    return [
        Meant(place, bonus.percent, bonus.audience.unmet(inside, told.first_purchase))
        for place, bonus in bonuses
        if bonus.audience is not None
    ]


def _of_audiences(rule: EarnRule, at: int) -> list[tuple[int, Multiplier]]:
    return [
        (place, bonus)
        for place, bonus in enumerate(rule.multipliers)
        if bonus.audience is not None and bonus.starts_at <= at < bonus.ends_at
    ]


def _asked(member_id: int, programme: Programme, bonuses: list[tuple[int, Multiplier]]) -> Asked | None:
    audiences = [bonus.audience for _, bonus in bonuses if bonus.audience is not None]
    if not audiences:
        return None
    named = {(programme.merchant_id, code) for one in audiences for code in one.segments}
    first = any(one.first_purchase for one in audiences)
    return Asked(member_id, programme.merchant_id, named, first)
