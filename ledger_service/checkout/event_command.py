"""What happened to a sale after it was made: points that awaited it become due."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.checkout.attach.meanwhile import check_same_member
from ledger_service.checkout.errors import EventNotAwaited, EventRecorded, EventTooLate, UnknownSale
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import sale, sale_event
from ledger_service.checkout.records import record_of
from ledger_service.checkout.refund_command import SALE
from ledger_service.checkout.requests import EventRequest, Write
from ledger_service.checkout.scene import Scene
from ledger_service.db.bulk import Row
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text
from ledger_service.points.parties import MEMBER_BY_ID
from ledger_service.points.reversal import PENDING, make_due

SALE_EVENT: Load = load_by(sale_event, "sale_id", "name")


class EventCommand(KeyedCommand):
    """An event of a sale is recorded once, and what it was awaited by is due from now on.

    The event counts when it arrives: before the deadline of the points, whatever the job has done by then.
    """

    def __init__(self, write: Write, request: EventRequest, scene: Scene) -> None:
        """Take the request and the scene."""
        super().__init__(write)
        self.request = request
        self.scene = scene
        self._locked_for: int | None = None

    def probe(self) -> Iterable[Need]:
        """The sale, for its member."""
        return [SALE.of(self.request.sale_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, then the sale, like a refund."""
        row = view.one(SALE, self.request.sale_id)
        self._locked_for = None if row is None else row["member_id"]
        if row is not None and row["member_id"] is not None:
            yield MEMBER_BY_ID.of(row["member_id"])
        yield SALE.of(self.request.sale_id)

    def reads(self, view: Workset) -> Iterable[Need]:
        """The event, and the sale's pending issues."""
        yield SALE_EVENT.of(self.request.sale_id, self.request.event)
        row = view.one(SALE, self.request.sale_id)
        yield from (PENDING.of(op_id) for op_id in _pending_ids(row))

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Record the event and make due what awaits it."""
        request, at = self.request, self.write.at
        row = draft.get(sale, request.sale_id)
        if row is None or row["merchant_id"] != self.write.caller.merchant_id:
            raise UnknownSale(id_text(request.sale_id))
        check_same_member(row, self._locked_for)
        known = draft.get(sale_event, (request.sale_id, request.event))
        if known is not None:
            raise EventRecorded(request.event, format_instant(known["recorded_at"]))
        due = self._in_time([draft.one(PENDING, op_id) for op_id in _pending_ids(row)])
        for pending in due:
            make_due(draft, pending, at)
        event = {"sale_id": request.sale_id, "name": request.event, "recorded_at": at}
        draft.add(sale_event, {**event, "told_by": self.write.caller.subject})
        return 201, self._answer(due)

    def _in_time(self, found: Iterable[Row | None]) -> list[Row]:
        awaiting = [row for row in found if row is not None and row["awaits"] == self.request.event]
        if not awaiting:
            raise EventNotAwaited(self.request.event)
        due = [
            row
            for row in awaiting
            if self.write.at < row["vests_at"] and row["state"] in ("waiting", "reversed")
        ]
        if not due:
            deadline = max(row["vests_at"] for row in awaiting)
            raise EventTooLate(self.request.event, format_instant(deadline))
        return due

    def _answer(self, due: Iterable[Row]) -> dict[str, Any]:
        codes = self.scene.codes()
        return {
            "sale_id": id_text(self.request.sale_id),
            "event": self.request.event,
            "recorded_at": format_instant(self.write.at),
            "due": [
                {"programme": codes[row["programme_id"]], "points": row["left"]}
                for row in due
                if row["state"] == "waiting"
            ],
        }


def _pending_ids(row: Row | None) -> list[bytes]:
    if row is None or row["member_id"] is None:
        return []
    return [bytes.fromhex(e.op_id) for e in record_of(row).earned if e.awaits is not None]
