"""Reviews of what rules have held: points are released, or go back after two people, a notice and no appeal.

The points of a sale under review stand as pending; nothing else was taken from anybody. Every step is an
event, and what moves points is posted. Without a decision in time the points are the member's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.ledger.book import lots_of
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.issuance import Worker
from ledger_service.points.models import pending_issue
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.points.reversal import make_due
from ledger_service.points.vesting import Ending, lapse
from ledger_service.risk.errors import ReviewStepRefused, ReviewUnknown
from ledger_service.risk.models import risk_review, risk_review_event
from ledger_service.risk.review_rules import AWAITS, OF_ANOTHER, Standing, after, points_wait_until

REVIEW: Load = load_by(risk_review, "review_id")
EVENTS_OF_REVIEW: Load = load_by(risk_review_event, "review_id")
PENDING_OF_MEMBER: Load = load_by(pending_issue, "member_id")


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about a review by whom and why; ``member_id`` is the member's own, None for care."""

    review_id: bytes
    kind: str
    by: str
    reason: str
    at: datetime
    member_id: int | None = None


class ReviewCommand(BookCommand[str]):
    """One step of a review; answers the state that follows.

    Locks: the member, then the review. Idempotency: each step is done once in its state.
    Invariants: INV-1, INV-9 (a reversal of the member's own earn, before it ever was spendable).
    """

    def __init__(self, step: Step, catalogue: Catalogue, worker: Worker) -> None:
        """Take the step."""
        self.step = step
        self.catalogue = catalogue
        self.worker = worker

    def probe(self) -> Iterable[Need]:
        """The review, for its member."""
        return [REVIEW.of(self.step.review_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member and the review."""
        row = view.one(REVIEW, self.step.review_id)
        if row is not None:
            yield MEMBER_BY_ID.of(row["member_id"])
        yield REVIEW.of(self.step.review_id)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """What was done so far, what the member waits for, and its lots."""
        yield EVENTS_OF_REVIEW.of(self.step.review_id)
        row = view.one(REVIEW, self.step.review_id)
        if row is not None:
            yield PENDING_OF_MEMBER.of(row["member_id"])
            yield lots_of(row["member_id"])

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The blocks that reversed points go back to."""
        row = view.one(REVIEW, self.step.review_id)
        waiting = [] if row is None else _waiting(view, row)
        return self.worker.needs(self.catalogue.programme(one["programme_id"]) for one in waiting)

    def apply(self, draft: Draft) -> str:
        """Do the step.

        Raises:
            ReviewUnknown: no such review, or another member's.
            ReviewStepRefused: it does not fit the state, or comes after its deadline.
            SecondPersonNeeded: who asked for the reversal may not decide it.
        """
        step, row = self.step, draft.get(risk_review, self.step.review_id)
        if row is None or step.member_id not in (None, row["member_id"]):
            raise ReviewUnknown
        standing = after(Standing(row["state"], row["until"]), step.kind, step.at)
        if standing is None:
            raise ReviewStepRefused(row["state"], step.kind)
        if step.kind in OF_ANOTHER and row["asked_by"] == step.by:
            raise SecondPersonNeeded
        asked = {"asked_by": step.by} if step.kind == "reverse" else {}
        draft.change(risk_review, step.review_id, state=standing.state, until=standing.until, **asked)
        self._note(draft)
        self._move(draft, row, standing)
        return standing.state

    def _note(self, draft: Draft) -> None:
        step = self.step
        position = len(draft.find(EVENTS_OF_REVIEW, step.review_id))
        row = {"review_id": step.review_id, "position": position, "kind": step.kind, "by_whom": step.by}
        draft.add(risk_review_event, {**row, "reason": step.reason, "at": step.at})

    def _move(self, draft: Draft, row: Row, standing: Standing) -> None:
        for waiting in _waiting(draft, row):
            if standing.state == "released":
                make_due(draft, waiting, self.step.at)
            elif standing.state == "reversed":
                programme = self.catalogue.programme(waiting["programme_id"])
                lapse(draft, waiting, programme, Ending(self.step.at, self.worker))
            else:
                draft.change(pending_issue, waiting["op_id"], vests_at=points_wait_until(standing))


def _waiting(view: Workset | Draft, review: Row) -> list[Row]:
    """What the sale of a review earned that still waits for the review; nothing where goods came back."""
    return [
        row
        for row in view.find(PENDING_OF_MEMBER, review["member_id"])
        if row["sale_id"] == review["sale_id"]
        and row["awaits"] == AWAITS
        and row["state"] == "waiting"
        and row["left"]
    ]
