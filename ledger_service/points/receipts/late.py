"""An answer to a claim that was given before its sale was known, once the sale is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.bulk import Row
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.ledger.book import LOTS_OF_MEMBER
from ledger_service.points.adjustments import ADJUSTMENT, issue_of
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.issuance import STANDING_OF_MEMBER, Grant, add_debt
from ledger_service.points.models import adjustment
from ledger_service.points.parties import MEMBER_BY_ID, Holder
from ledger_service.points.receipts.following import OF_ADJUSTMENT, follow
from ledger_service.points.receipts.issues import issue_behind
from ledger_service.points.reversal import Reversal, claw_back, clawable
from ledger_service.points.set_aside import INTENT, SET_ASIDE_OF_MEMBER

_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class LateSale:
    """The sale of an answered claim, and whether it has earned by itself."""

    adjustment_id: bytes
    sale_id: bytes
    earned: bool


class LateSaleCommand(BookCommand[bool]):
    """The answer is this sale's; where the sale has earned by itself, the receipt keeps that alone.

    Points that were given go back: available ones, then a debt (D10). What is only asked for is declined.
    Answers whether this was news.

    Idempotency: by the answer, which has one sale for good. Locks: the answer, then its member.
    Invariants: INV-1, INV-9 (reversal of the member's own earn).
    """

    def __init__(self, late: LateSale, catalogue: Catalogue, at: datetime) -> None:
        """Take what was found."""
        self._late, self._catalogue, self._at = late, catalogue, at

    def probe(self) -> Iterable[Need]:
        """The answer, for its member."""
        return [ADJUSTMENT.of(self._late.adjustment_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """As the class says."""
        row = view.one(ADJUSTMENT, self._late.adjustment_id)
        yield ADJUSTMENT.of(self._late.adjustment_id)
        if row is not None:
            yield MEMBER_BY_ID.of(row["member_id"])

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """Its marks and its issue, and what the member has."""
        row = view.one(ADJUSTMENT, self._late.adjustment_id)
        if row is None:
            return
        yield OF_ADJUSTMENT.of(row["adjustment_id"])
        yield INTENT.of(issue_of(row["adjustment_id"]))
        yield LOTS_OF_MEMBER.of(row["member_id"])
        yield STANDING_OF_MEMBER.of(row["member_id"])
        yield SET_ASIDE_OF_MEMBER.of(row["member_id"])

    def apply(self, draft: Draft) -> bool:
        """Write the sale down, and undo what was given beside its earn."""
        late = self._late
        row = draft.get(adjustment, late.adjustment_id)
        if row is None or row["state"] == "declined" or row["sale_id"] is not None:
            return False
        if row["state"] == "asked" and late.earned:
            decided = {"state": "declined", "decided_by": _SERVICE, "decided_at": self._at}
            draft.change(adjustment, late.adjustment_id, **decided)
            follow(draft, late.adjustment_id, state="declined")
            return True
        draft.change(adjustment, late.adjustment_id, sale_id=late.sale_id)
        follow(draft, late.adjustment_id, sale_id=late.sale_id)
        if late.earned:
            self._take_back(draft, row)
        return True

    def _take_back(self, draft: Draft, row: Row) -> None:
        owner = draft.one(MEMBER_BY_ID, row["member_id"])
        if owner is None:
            raise LookupError("the member of a granted claim is gone")
        facts: dict[str, Canonical] = {
            "adjustment": id_text(row["adjustment_id"]), "sale": id_text(self._late.sale_id),
        }  # fmt: skip
        cause = derive_id("claim earned", row["adjustment_id"])
        reversal = Reversal(Holder.of(owner), cause, self._at, facts)
        programme = self._catalogue.programme(row["programme_id"])
        issue = issue_behind(draft, row, programme)
        there = sum(clawable(draft, reversal.holder, issue, seconds_floor(self._at)).values())
        points = min(row["points"], there)
        if points:
            claw_back(draft, reversal, issue, points)
        owed = row["points"] - points
        if owed:
            add_debt(draft, Grant(reversal.holder, programme, owed, self._at, cause, facts=facts), owed)
