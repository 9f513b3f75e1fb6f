"""Operations that will never be carried out: refused for good, or no longer to be read (D7)."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.chain import queue
from ledger_service.chain.desk import Desk, raise_alarm
from ledger_service.chain.ports import Handler
from ledger_service.chain.queue import Unreadable
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.operations import Operation
from ledger_service.outbox.models import PAYLOAD_UNREADABLE


class Aside:
    """Sets queued operations aside; the handlers learn it in the same db transaction."""

    def __init__(self, desk: Desk, handlers: Sequence[Handler]) -> None:
        self._desk, self._handlers = desk, handlers

    def put(self, operation: Operation, reason: str) -> None:
        """The contract refuses the operation, or it follows from a refused one."""
        self._put(OperationSetAside(operation.op_id, int(operation.kind), reason), "operation-set-aside")

    def put_unreadable(self, found: Sequence[Unreadable]) -> None:
        """Somebody altered these intents so that nobody can tell what was accepted; the others go on."""
        for one in found:
            self._put(OperationSetAside(one.op_id, one.kind, PAYLOAD_UNREADABLE), "intent-unreadable")

    def _put(self, event: OperationSetAside, alarm: str) -> None:
        with self._desk.write() as conn:
            if not queue.set_aside(conn, event.op_id, event.reason):
                return
            raise_alarm(conn, self._desk.wall, alarm, event.op_id.hex(), event.reason)
            for handler in self._handlers:
                handler(conn, [event])
