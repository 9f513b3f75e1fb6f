"""Undoing what a sale earned, as one refund of it asks: points, then money withheld, then a debt (D10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ledger_service.checkout.earning import percents_of
from ledger_service.checkout.records import EarnedRecord, ReturnedRecord, SaleRecord
from ledger_service.checkout.requests import Line
from ledger_service.checkout.reversal_rules import (
    EarnedPart,
    Recovered,
    Recovery,
    Returned,
    Settled,
    Source,
    earn_to_reverse,
    recover,
    returned_at,
)
from ledger_service.checkout.scene import Scene
from ledger_service.checkout.tender_rules import earning_parts
from ledger_service.checkout.tiering import applied_of_values, at_rate
from ledger_service.db.workset import Draft
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.issuance import Grant, add_debt
from ledger_service.points.pending_rules import return_window_ended
from ledger_service.points.reversal import (
    EarnedIssue,
    Reversal,
    claw_back,
    clawable,
    has_lapsed,
    pending_left,
    take_pending,
)
from ledger_service.points.rules import EarnRule, as_met

# By programme: the pieces, and what was withheld as text, since it may be longer than JSON's integers.
SettledPieces = dict[str, tuple[dict[str, int], str]]


@dataclass(slots=True)
class Outcome:
    """What one refund did, gathered while it is decided; ``claim`` where a granted claim was undone."""

    restored: list[dict[str, Any]]
    clawed: list[dict[str, Any]]
    debt: list[dict[str, Any]]
    leaves: list[bytes]
    claim: dict[str, Any] | None = None


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
    parts = [part_of(e, before, undoing.scene) for e in earned]
    sources = [_source(draft, before, item, undoing) for item in zip(earned, parts, done, strict=True)]
    settled = _settled(before, sources, undoing)
    sources = _with_settled(before, sources, settled)
    recovery = recover(sources, lines, undoing.returned, undoing.scene.desk.exponent)
    for e, was, now in zip(earned, done, recovery.programmes, strict=True):
        _recover_one(draft, (e, was, now), undoing)
    totals = [
        [earn_to_reverse(s.part, lines, s.returned(undoing.returned)), now.pending, now.available, now.debt]
        for s, now in zip(sources, recovery.programmes, strict=True)
    ]
    withheld = _withheld(before, recovery)
    return replace(state, recovered=totals, withheld_minor=withheld, settled=settled)


def _settled(before: SaleRecord, sources: list[Source], undoing: Undoing) -> SettledPieces:
    """What counts for the programmes whose return window has ended, those found ended now included.

    Once found ended it stays so, whatever another host's clock says.
    """
    known, pieces, lines = dict(before.returned.settled), before.returned.pieces, before.sold_lines()
    ended = _ended(before, undoing) - set(known)
    if not ended:
        return known
    returned = returned_at(lines, pieces, points_first=before.returned.points_first)
    last = recover(_with_settled(before, sources, known), lines, returned, undoing.scene.desk.exponent)
    for source, withheld in zip(sources, last.withheld, strict=True):
        if str(source.part.programme) in ended:
            known[str(source.part.programme)] = (pieces, str(withheld))
    return known


def _ended(before: SaleRecord, undoing: Undoing) -> set[str]:
    sold_at, at = seconds_floor(before.occurred_at), seconds_floor(undoing.reversal.at)
    found = set()
    for earned in before.earned:
        programme = undoing.scene.catalogue.programme(earned.programme)
        terms = programme.pending_of(programme.rule(earned.rule_version))
        if return_window_ended(terms, sold_at, at):
            found.add(str(earned.programme))
    return found


def _with_settled(before: SaleRecord, sources: list[Source], settled: SettledPieces) -> list[Source]:
    lines, points_first, found = before.sold_lines(), before.returned.points_first, []
    for source in sources:
        kept = settled.get(str(source.part.programme))
        ended = None
        if kept is not None:
            ended = Settled(returned_at(lines, kept[0], points_first=points_first), int(kept[1]))
        found.append(replace(source, settled=ended))
    return found


def _withheld(before: SaleRecord, recovery: Recovery) -> int:
    return max(before.returned.withheld_minor, recovery.withheld_minor)


def part_of(earned: EarnedRecord, before: SaleRecord, scene: Scene) -> EarnedPart:
    """What a sale earned of one programme, as the rules of reversal see it."""
    programme = scene.catalogue.programme(earned.programme)
    rule = as_met(programme.rule(earned.rule_version), earned.met or ())
    if earned.tier is not None:
        rule = at_rate(rule, applied_of_values(earned.tier))
    return part_by_rule(rule, before, (earned.programme, earned.points, earned.value_micros))


def part_by_rule(rule: EarnRule, before: SaleRecord, earned: tuple[int, int, int]) -> EarnedPart:
    """What a sale earned by a rule at its tier's rate: the programme, the points, and a point's worth."""
    programme, points, value_micros = earned
    lines = [line for line, _ in before.lines]
    percents = percents_of(rule, lines, seconds_floor(before.occurred_at))
    bases = _bases(rule, before, lines)
    return EarnedPart(programme, points, rule.rate_points, rule.rate_minor, percents, value_micros, bases)


def _bases(rule: EarnRule, before: SaleRecord, lines: list[Line]) -> tuple[tuple[int, int], ...]:
    """What of each line earned, where that is another part than its money."""
    cash = [line.amount_minor - part for line, part in before.lines]
    parts = earning_parts(rule.basis, lines, cash, before.tenders)
    if list(parts.cash) == cash and not parts.points:
        return ()
    return tuple(zip(parts.cash, parts.points or [0] * len(cash), strict=True))


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
        lost_before = has_lapsed(draft, issue.op_id)
        take_pending(draft, reversal, issue, now.pending - pending, scene.worker)
        if not lost_before:
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
