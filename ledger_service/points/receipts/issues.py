"""The issue behind an approved adjustment, as a reversal cites it."""

from __future__ import annotations

from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Issue
from ledger_service.points.adjustments import issue_of
from ledger_service.points.catalogue import Programme
from ledger_service.points.reversal import EarnedIssue
from ledger_service.points.set_aside import INTENT


def issue_behind(draft: Draft, row: Row, programme: Programme) -> EarnedIssue:
    """What the adjustment of a row issued; without a leaf where nothing of it can be read any more.

    Reads: ``INTENT.of(issue_of(…))``.
    """
    op_id = issue_of(row["adjustment_id"])
    sent = draft.one(INTENT, op_id)
    operation = None if sent is None else readable_operation(sent["payload"])
    if sent is None or not isinstance(operation, Issue):
        return EarnedIssue(programme, op_id, None, 0)
    return EarnedIssue(programme, op_id, sent["leaf"], operation.leg.epoch)
