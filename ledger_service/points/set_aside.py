"""What the chain refused for good: the sale stands, the claim waits in suspense, the points freeze (D7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, update

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Operation, Redeem, SignerChange
from ledger_service.ledger.book import Book
from ledger_service.ledger.models import entry
from ledger_service.ledger.rules import Movement, SystemKind, system_account
from ledger_service.outbox.models import intent
from ledger_service.points.issuance import STANDING_OF_MEMBER, change_standing
from ledger_service.points.models import member_programme
from ledger_service.points.parties import MEMBER_BY_ID

INTENT: Load = load_by(intent, "op_id")
ENTRIES_OF_OPERATION: Load = load_by(entry, "op_id")


class SetAsideCommand(BookCommand[bool]):
    """The member's programmes that the operation touches are frozen; answers whether this was news.

    A refused redemption's points move from the acceptor's redemption account to suspense, where the operator
    owes them to the acceptor until the difference is settled.

    Idempotency: the same event again changes nothing.
    """

    def __init__(self, event: OperationSetAside, at: datetime) -> None:
        """Take the event."""
        self.event = event
        self.at = at
        self.op_id = derive_id("set-aside", event.op_id)

    def probe(self) -> Iterable[Need]:
        """The intent, for its member."""
        return [INTENT.of(self.event.op_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member."""
        row = view.one(INTENT, self.event.op_id)
        return [MEMBER_BY_ID.of(row["member_id"])] if row is not None and row["member_id"] is not None else []

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The intent, and whether this was dealt with before."""
        return [INTENT.of(self.event.op_id), ENTRIES_OF_OPERATION.of(self.op_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The member's standing."""
        row = view.one(INTENT, self.event.op_id)
        return [STANDING_OF_MEMBER.of(row["member_id"])] if row is not None else []

    def apply(self, draft: Draft) -> bool:
        """Freeze, and put a refused redemption into suspense."""
        row = draft.one(INTENT, self.event.op_id)
        if row is None or row["member_id"] is None or draft.find(ENTRIES_OF_OPERATION, self.op_id):
            return False
        operation = operation_of(row["payload"])
        reason = f"{id_text(self.event.op_id)} {self.event.reason}"
        news = False
        for programme_id in _programmes(operation):
            standing = draft.get(member_programme, (row["member_id"], programme_id))
            if standing is None or not standing["frozen"]:
                news = True
                change_standing(draft, row["member_id"], programme_id, frozen=True, frozen_reason=reason)
        if isinstance(operation, Redeem):
            self._suspend(draft, operation)
            news = True
        return news

    def _suspend(self, draft: Draft, operation: Redeem) -> None:
        moves = [
            Movement(
                system_account(SystemKind.REDEMPTION, leg.programme, operation.merchant),
                system_account(SystemKind.SUSPENSE, leg.programme, operation.merchant),
                leg.programme,
                leg.epoch,
                leg.amount,
            )
            for leg in operation.legs
        ]
        facts = {"operation": id_text(self.event.op_id), "reason": self.event.reason}
        Book(draft).entry(self.op_id, "suspend", self.at, dict(facts), moves)


def unfreeze(conn: Connection, member_id: int, programme_id: int) -> None:
    """The member's points of the programme can be spent again: the operator has settled the difference."""
    mine = (member_programme.c.member_id == member_id) & (member_programme.c.programme_id == programme_id)
    conn.execute(update(member_programme).where(mine).values(frozen=False, frozen_reason=None))


def _programmes(operation: Operation) -> list[int]:
    if isinstance(operation, SignerChange):
        return []
    legs = operation.legs if hasattr(operation, "legs") else (operation.leg,)
    return sorted({leg.programme for leg in legs})
