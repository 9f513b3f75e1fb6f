"""What a basket earns, and its issue inside a command's draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger_service.checkout.audiences import Meant, Moment, audience_needs, meant
from ledger_service.checkout.basket import Tender
from ledger_service.checkout.records import EarnedRecord
from ledger_service.checkout.requests import Line
from ledger_service.checkout.tender_rules import earning_parts
from ledger_service.checkout.tiering import NOT_TIERED, Applied, at_rate, citation
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.points.basis import USUAL
from ledger_service.points.catalogue import Programme
from ledger_service.points.issuance import Grant, Worker, issue
from ledger_service.points.models import earned_on_day
from ledger_service.points.parties import Holder
from ledger_service.points.pending_rules import DAY_SECONDS, PendingTerms, Wait, waiting_of
from ledger_service.points.rules import (
    Earned,
    EarnRule,
    as_met,
    earn,
    local_day,
    percent_for,
    room_under_daily_cap,
    rule_in_force,
    terms_in_force,
)
from ledger_service.risk.review_rules import AWAITS

EARNED_ON_DAY: Load = load_by(earned_on_day, "member_id", "programme_id", "day")


@dataclass(frozen=True, slots=True)
class EarnedBy:
    """A programme's earn for a basket, the version of the rule that decided it, and the tier that did.

    ``rule`` is as it holds for the member, ``meant`` which of its multipliers are for some members alone.
    """

    programme: Programme
    rule: EarnRule
    earned: Earned
    applied: Applied | None = None
    meant: Sequence[Meant] = ()

    @property
    def met(self) -> list[int] | None:
        """The places of the multipliers that mean the member where not all do; None for none."""
        return [one.place for one in self.meant if one.unmet is None] or None


@dataclass(frozen=True, slots=True)
class Purchase:
    """Who bought what for how much money: ``cash_minor`` is per line, points' part taken off.

    ``applied`` is by which tier each programme with a ladder gives, ``tenders`` how the money was paid where
    the till said so. ``known_at`` is when a sale that was made without a connection came in. What is earned
    waits for a review until ``review_until``, where there is one. ``hold_id`` and ``held_at`` are of the hold
    that it captures.
    """

    holder: Holder
    sale_id: bytes
    lines: Sequence[Line]
    cash_minor: Sequence[int]
    at: datetime
    applied: Mapping[int, Applied] = field(default_factory=lambda: NOT_TIERED)
    tenders: Sequence[Tender] = ()
    known_at: datetime | None = None
    review_until: datetime | None = None
    hold_id: bytes | None = None
    held_at: datetime | None = None


def day_needs(member_id: int, programmes: Iterable[Programme], at: datetime) -> list[Need]:
    """What ``earn_of`` and ``issue_earn`` read of the member: the day's earning, where a rule caps it, and
    whether it is whom a multiplier means."""
    second = seconds_floor(at)
    rules = [(p, rule_in_force(p.rules, second)) for p in programmes]
    needs = [
        EARNED_ON_DAY.of(member_id, p.programme_id, local_day(second, p.zone))
        for p, rule in rules
        if rule is not None and rule.daily_cap is not None
    ]
    for programme, rule in rules:
        if rule is not None and rule.multipliers:
            needs += audience_needs(member_id, programme, rule, second)
    return needs


def percents_of(rule: EarnRule, lines: Iterable[Line], at: int) -> tuple[int, ...]:
    """What each line counts for under a rule at ``at``."""
    known: dict[str, int] = {}
    percents: list[int] = []
    for line in lines:
        if line.detail is not None and line.detail.kind in rule.basis.idle_kinds:
            percents.append(0)
            continue
        percent = known.get(line.category)
        if percent is None:
            percent = known[line.category] = percent_for(rule, line.category, at)
        percents.append(percent)
    return tuple(percents)


def earn_of(draft: Draft, purchase: Purchase, programmes: Iterable[Programme]) -> list[EarnedBy]:
    """What the purchase earns of each programme that has a rule, the member's daily cap applied.

    Reads: ``day_needs``.
    """
    at = seconds_floor(purchase.at)
    found: list[EarnedBy] = []
    for programme in programmes:
        rule = rule_in_force(programme.rules, at)
        if rule is None:
            continue
        applied = purchase.applied.get(programme.programme_id)
        if applied is not None:
            rule = at_rate(rule, applied)
        of_whom: Sequence[Meant] = ()
        if rule.multipliers:
            moment = Moment(at, purchase.hold_id, purchase.held_at)
            of_whom = meant(draft, purchase.holder.member_id, programme, rule, moment)
            rule = as_met(rule, [one.place for one in of_whom if one.unmet is None])
        lines = zip(percents_of(rule, purchase.lines, at), _base_of(rule, purchase), strict=True)
        earned = earn(rule, lines, _room(draft, purchase, programme, rule))
        found.append(EarnedBy(programme, rule, earned, applied, of_whom))
    return found


def _base_of(rule: EarnRule, purchase: Purchase) -> Sequence[int]:
    if rule.basis is USUAL and not purchase.tenders:
        return purchase.cash_minor
    return earning_parts(rule.basis, purchase.lines, purchase.cash_minor, purchase.tenders).whole


def qualifying_of(purchase: Purchase, earns: Iterable[EarnedBy]) -> dict[int, int]:
    """What was paid in money for lines that earn, by programme: what counts towards its tiers."""
    at = seconds_floor(purchase.at)
    return {
        by.programme.programme_id: qualifying_minor(
            percents_of(by.rule, purchase.lines, at), purchase.cash_minor
        )
        for by in earns
    }


def qualifying_minor(percents: Iterable[int], cash_minor: Iterable[int]) -> int:
    """The money of the lines that earn anything."""
    return sum(cash for percent, cash in zip(percents, cash_minor, strict=True) if percent)


def issue_earn(
    draft: Draft, purchase: Purchase, earns: Iterable[EarnedBy], worker: Worker
) -> list[EarnedRecord]:
    """The earned points are issued, promised, or refused with a reason; the sale goes on in any case.

    Reads: the member's standing and ``day_needs``.

    Raises:
        BlockEmpty: a block of the cap must be refilled first.
    """
    records: list[EarnedRecord] = []
    for by in earns:
        if by.earned.points:
            records.append(issue_one(draft, purchase, by, worker))
    return records


def issue_id(sale_id: bytes, programme_id: int) -> bytes:
    """The id of what a sale issues of a programme."""
    return derive_id("issue", sale_id, programme_id)


def issue_one(
    draft: Draft, purchase: Purchase, by: EarnedBy, worker: Worker, late: tuple[datetime, int] | None = None
) -> EarnedRecord:
    """As ``issue_earn`` for one programme.

    ``late`` where the member came after the sale: when, and how much of the earn is never issued, since the
    goods had come back by then.
    """
    programme, points = by.programme, by.earned.points
    op_id = issue_id(purchase.sale_id, programme.programme_id)
    at, missed = late or (purchase.at, 0)
    grant = Grant(
        purchase.holder, programme, points - missed, at, op_id,
        sale_id=purchase.sale_id, rule_version=by.rule.version,
        facts={**_facts(purchase, by), **citation(by.applied)}, pending=_pending_of(purchase, by),
        known_at=purchase.known_at,
        since=None if late is None else seconds_floor(purchase.at),
    )  # fmt: skip
    issued = issue(draft, grant, worker)
    if issued.refused is None and by.rule.daily_cap is not None:
        _count_today(draft, purchase, programme, points)
    terms = terms_in_force(programme.terms, seconds_floor(purchase.at))
    return EarnedRecord(
        programme.programme_id,
        points if issued.refused is None else 0,
        issued.collected,
        by.rule.version,
        issued.epoch,
        issued.expires_at,
        issued.state,
        by.earned.base_minor,
        id_text(op_id),
        issued.leaf.hex() if issued.leaf is not None else "",
        terms.point_value_micros if terms is not None else 0,
        issued.refused,
        issued.waiting.vests_at if issued.waiting is not None else 0,
        issued.waiting.event if issued.waiting is not None else None,
        by.applied.values() if by.applied is not None else None,
        by.met if by.meant else None,
    )


def _pending_of(purchase: Purchase, by: EarnedBy) -> PendingTerms:
    """What the earn waits for: what its rule says, or the review, where that leaves it waiting longer."""
    own = by.programme.pending_of(by.rule)
    if purchase.review_until is None:
        return own
    at, until = seconds_floor(purchase.at), seconds_floor(purchase.review_until)
    waiting = waiting_of(own, at)
    if waiting is not None and (waiting.event is not None or waiting.vests_at > until):
        return own
    return PendingTerms(Wait.EVENT, days=(until - at) // DAY_SECONDS, event=AWAITS, lapses=False)


def _facts(purchase: Purchase, by: EarnedBy) -> dict[str, Canonical]:
    return {
        "sale": id_text(purchase.sale_id),
        "rule": by.rule.version,
        "base_minor": by.earned.base_minor,
    }


def _room(draft: Draft, purchase: Purchase, programme: Programme, rule: EarnRule) -> int | None:
    if rule.daily_cap is None:
        return None
    row = draft.get(earned_on_day, _day_key(purchase, programme))
    return room_under_daily_cap(rule, row["points"] if row is not None else 0)


def _count_today(draft: Draft, purchase: Purchase, programme: Programme, points: int) -> None:
    key = _day_key(purchase, programme)
    row = draft.get(earned_on_day, key)
    if row is None:
        names = ("member_id", "programme_id", "day", "points")
        draft.add(earned_on_day, dict(zip(names, (*key, points), strict=True)))
    else:
        draft.change(earned_on_day, key, points=row["points"] + points)


def _day_key(purchase: Purchase, programme: Programme) -> tuple[int, int, int]:
    day = local_day(seconds_floor(purchase.at), programme.zone)
    return purchase.holder.member_id, programme.programme_id, day
