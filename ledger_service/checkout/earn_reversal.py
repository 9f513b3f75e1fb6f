"""Undoing what a sale earned, as one refund of it asks: points, then money withheld, then a debt (D10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ledger_service.checkout.earning import percents_of
from ledger_service.checkout.records import EarnedRecord, ReturnedRecord, SaleRecord
from ledger_service.checkout.reversal_rules import (
    EarnedPart,
    Recovered,
    Recovery,
    Returned,
    Source,
    earn_to_reverse,
    recover,
)
from ledger_service.checkout.sale_command import Scene
from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.issuance import Grant, add_debt
from ledger_service.points.reversal import (
    EarnedIssue,
    Reversal,
    claw_back,
    clawable,
    pending_left,
    take_pending,
)


@dataclass(slots=True)
class Outcome:
    """What one refund did, gathered while it is decided."""

    restored: list[dict[str, Any]]
    clawed: list[dict[str, Any]]
    debt: list[dict[str, Any]]
    leaves: list[bytes]


@dataclass(frozen=True, slots=True)
class Undoing:
    """What one refund undoes: for whom, at which state, into which outcome."""

    reversal: Reversal
    returned: Returned
    outcome: Outcome
    scene: Scene


def undo_earn(draft: Draft, before: SaleRecord, state: ReturnedRecord, undoing: Undoing) -> ReturnedRecord:
    """The earn that the returned pieces gave is undone; returns the state with the new totals.

    Reads: the member's lots and standing, the sale's pending issues, the worker's blocks.
    """
    lines = before.sold_lines()
    earned = [e for e in before.earned if e.points]
    done = before.returned.recovered or [[0, 0, 0, 0] for _ in earned]
    parts = [_part_of(e, before, undoing.scene) for e in earned]
    items = zip(earned, parts, done, strict=True)
    sources = [_source(draft, before, item, undoing) for item in items]
    recovery = recover(sources, lines, undoing.returned, undoing.scene.desk.exponent)
    for e, was, now in zip(earned, done, recovery.programmes, strict=True):
        _recover_one(draft, (e, was, now), undoing)
    totals = [
        [earn_to_reverse(part, lines, undoing.returned), now.pending, now.available, now.debt]
        for part, now in zip(parts, recovery.programmes, strict=True)
    ]
    return replace(state, recovered=totals, withheld_minor=_withheld(before, recovery))


def _withheld(before: SaleRecord, recovery: Recovery) -> int:
    return max(before.returned.withheld_minor, recovery.withheld_minor)


def _part_of(earned: EarnedRecord, before: SaleRecord, scene: Scene) -> EarnedPart:
    programme = scene.catalogue.programme(earned.programme)
    rule = programme.rule(earned.rule_version)
    percents = percents_of(rule, (line for line, _ in before.lines), seconds_floor(before.occurred_at))
    return EarnedPart(
        earned.programme, earned.points, rule.rate_points, rule.rate_minor, percents, earned.value_micros
    )


def _source(
    draft: Draft, before: SaleRecord, item: tuple[EarnedRecord, EarnedPart, list[int]], undoing: Undoing
) -> Source:
    earned, part, (reversed_before, pending, available, debt) = item
    issue, at = _issue_of(earned, undoing.scene), seconds_floor(undoing.reversal.at)
    free = sum(clawable(draft, undoing.reversal.holder, issue, at).values())
    given = _restored_before(before, earned.programme)
    return Source(
        part,
        Recovered(pending, available, debt),
        reversed_before,
        earned.points - earned.collected,
        pending_left(draft, issue.op_id) if earned.state == "pending" else 0,
        max(free - given, 0),
    )


def _recover_one(draft: Draft, item: tuple[EarnedRecord, list[int], Recovered], undoing: Undoing) -> None:
    earned, (_, pending, available, debt), now = item
    scene, outcome, reversal = undoing.scene, undoing.outcome, undoing.reversal
    programme, issue = scene.catalogue.programme(earned.programme), _issue_of(earned, scene)
    code = programme.code
    if now.pending > pending:
        take_pending(draft, reversal, issue, now.pending - pending, scene.worker)
        outcome.clawed.append({"programme": code, "points": now.pending - pending, "from": "pending"})
    if now.available > available:
        outcome.leaves += claw_back(draft, reversal, issue, now.available - available)
        outcome.clawed.append({"programme": code, "points": now.available - available, "from": "available"})
    if now.debt > debt:
        grant = Grant(
            reversal.holder, programme, now.debt - debt, reversal.at, reversal.cause_id, facts=reversal.facts
        )
        add_debt(draft, grant, now.debt - debt)
        outcome.debt.append({"programme": code, "points": now.debt - debt})


def _issue_of(earned: EarnedRecord, scene: Scene) -> EarnedIssue:
    leaf = bytes.fromhex(earned.leaf) if earned.leaf else None
    programme = scene.catalogue.programme(earned.programme)
    return EarnedIssue(programme, bytes.fromhex(earned.op_id), leaf, earned.epoch)


def _restored_before(before: SaleRecord, programme: int) -> int:
    if before.spent is None:
        return 0
    pairs = zip(before.spent.legs, before.returned.restored, strict=False)
    return sum(points for leg, points in pairs if leg.programme == programme)
