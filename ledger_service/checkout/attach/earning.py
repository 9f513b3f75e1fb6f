"""What a receipt earns that joins a member late: as on its own day, less what has come back of it since.

All is as if the sale had had the member and the refunds had come after: the same rule, tier, cap of the day
and epochs. What these refunds would have taken back again is never issued; the sale keeps it as taken, so
that every later refund goes on from the same state (INV-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger_service.checkout.attach.rules import prior_recovery
from ledger_service.checkout.earn_reversal import part_by_rule
from ledger_service.checkout.earning import (
    EarnedBy,
    Purchase,
    earn_of,
    issue_one,
    percents_of,
    qualifying_minor,
)
from ledger_service.checkout.records import EarnedRecord, ReturnedRecord, SaleRecord
from ledger_service.checkout.reversal_rules import Returned, earn_to_reverse, returned_at
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.tiering import NOT_TIERED, Applied, count_late, decide
from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.parties import Holder


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a sale: its record with the earn, and how many points of each were never issued."""

    record: SaleRecord
    missed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a receipt joins, and until when somebody looks at what it earns, where a rule asks for that."""

    at: datetime
    review_until: datetime | None = None


def join(draft: Draft, before: SaleRecord, holder: Holder, scene: Scene, moment: Moment) -> Joined:
    """The sale is the member's: its earn is issued with the sale's validity and counts for the sale's day.

    Reads: the member's standing and lots, the day's earning, the tiers of then and now, the worker's blocks.

    Raises:
        BlockEmpty: a block of the cap must be refilled first.
    """
    state, at = before.returned, moment.at
    back = returned_at(before.sold_lines(), state.pieces, points_first=state.points_first)
    visit = scene.visit(holder, before.merchant_id, before.occurred_at, before.store_gln)
    applied: dict[int, Applied] = {}
    tiered = scene.tiered(visit.programmes)
    if tiered:
        decided = decide(draft, scene.ladders, visit, seconds_floor(at))
        applied = {key: one.applied for key, one in decided.items()}
    purchase = replace(_purchase(before, holder, applied), review_until=moment.review_until)
    earns = earn_of(draft, purchase, visit.programmes)
    if tiered:
        now = replace(visit, at=seconds_floor(at))
        count_late(draft, scene.ladders, now, visit.at, _climbed(purchase, earns, back, scene))
    return _issued(draft, before, _Late(purchase, back, scene, at), earns)


@dataclass(frozen=True, slots=True)
class _Late:
    purchase: Purchase
    back: Returned
    scene: Scene
    at: datetime


def _purchase(before: SaleRecord, holder: Holder, applied: dict[int, Applied]) -> Purchase:
    lines = [line for line, _ in before.lines]
    cash = [line.amount_minor - part for line, part in before.lines]
    return Purchase(
        holder, before.sale_id, lines, cash, before.occurred_at, applied or NOT_TIERED, before.tenders
    )


def _climbed(purchase: Purchase, earns: Iterable[EarnedBy], back: Returned, scene: Scene) -> dict[int, int]:
    """What counts towards tiers: the money of lines that earn, less what was given back of it."""
    at = seconds_floor(purchase.at)
    kept = [cash - gone for cash, gone in zip(purchase.cash_minor, back.cash, strict=True)]
    return {
        by.programme.programme_id: qualifying_minor(percents_of(by.rule, purchase.lines, at), kept)
        for by in earns
        if by.programme.programme_id in scene.ladders.by_programme
    }


def _issued(draft: Draft, before: SaleRecord, late: _Late, earns: Sequence[EarnedBy]) -> Joined:
    records: list[EarnedRecord] = []
    prior: list[list[int]] = []
    missed: list[int] = []
    for by in earns:
        gone = _gone(by, before, late.back)
        if by.earned.points <= gone:
            continue
        record = issue_one(draft, late.purchase, by, late.scene.worker, (late.at, gone))
        records.append(record)
        missed.append(gone if record.points else 0)
        if record.points:
            prior.append(prior_recovery(gone, pending=record.state == "pending"))
    after = replace(before, member_id=late.purchase.holder.member_id, earned=tuple(records))
    return Joined(replace(after, returned=_returned(before.returned, prior)), tuple(missed))


def _gone(by: EarnedBy, before: SaleRecord, back: Returned) -> int:
    """How much of the earn the refunds so far have undone already."""
    if not before.returned.refunds:
        return 0
    part = part_by_rule(by.rule, before, (by.programme.programme_id, by.earned.points, 0))
    return earn_to_reverse(part, before.sold_lines(), back)


def _returned(state: ReturnedRecord, prior: list[list[int]]) -> ReturnedRecord:
    return replace(state, recovered=prior) if state.refunds else state
