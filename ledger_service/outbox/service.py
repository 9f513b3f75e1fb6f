"""Writing intents: with a command's draft on the hot path, or straight on a connection elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from ledger_service.db.bulk import sql_of
from ledger_service.db.heads import take_numbers
from ledger_service.db.workset import Draft
from ledger_service.kernel.intents import payload_of
from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Convert,
    Gift,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.outbox.models import State, intent


class NewIntent(NamedTuple):
    """An operation for the chain and the member it concerns (None where it concerns none).

    ``refused`` says why the chain is never shown it; such an intent is set aside from its birth. ``later``
    lets it go behind everything that is not, but for what its member's own later operations need. ``leaf`` is
    the operation's, where it was worked out before.
    """

    operation: Operation
    member_id: int | None
    refused: str | None = None
    later: bool = False
    leaf: bytes | None = None


class _IntentSeries:
    column = "intent_id"

    def rows(self, number: int, record: Any, recorded_at: datetime) -> Iterable[tuple[Table, dict[str, Any]]]:
        yield intent, dict(zip(_NAMES, _cells(number, record, recorded_at), strict=True))


INTENTS = _IntentSeries()


def enqueue(draft: Draft, operation: Operation, member_id: int | None) -> bytes:
    """The operation will be in the outbox, queued, in the same db transaction as the draft's other rows.

    Returns:
        Its leaf.

    Idempotency: a second intent with the same op_id is refused by the database (INV-7).
    """
    leaf = operation.leaf()
    draft.number(INTENTS, NewIntent(operation, member_id, leaf=leaf))
    return leaf


def enqueued(draft: Draft) -> list[Operation]:
    """The operations that the draft queues."""
    return [new.operation for new in draft.records(INTENTS)]


def enqueue_set_aside(draft: Draft, operation: Operation, member_id: int, reason: str) -> None:
    """As ``enqueue``, but the operation will stand there as set aside: it is counted, and never sent.

    For what follows from an operation that the contract has refused, and could never prove it (D7).
    """
    draft.number(INTENTS, NewIntent(operation, member_id, reason))


def enqueue_now(conn: Connection, intents: Sequence[NewIntent], recorded_at: datetime) -> None:
    """The operations stand in the outbox when the caller commits; for plain commands and jobs.

    Locks: the head row; nothing else may be locked afterwards.
    """
    if not intents:
        return
    first = take_numbers(conn, 0, len(intents)).intent_id + 1
    rows = [_cells(number, new, recorded_at) for number, new in enumerate(intents, first)]
    sql_of(intent, conn).insert_cells(conn, _NAMES, rows)


_NAMES = (
    "intent_id", "op_id", "kind", "merchant_id", "member_id", "programme_ids", "payload", "leaf",
    "original_op_id", "state", "reason", "batch_number", "batch_index", "created_at", "later",
)  # fmt: skip
_QUEUED, _SET_ASIDE = State.QUEUED.value, State.SET_ASIDE.value


def _cells(number: int, new: NewIntent, recorded_at: datetime) -> tuple[Any, ...]:
    operation, member_id, refused, later, leaf = new
    original = operation.original_op_id if isinstance(operation, (Restore, Clawback)) else None
    return (
        number, operation.op_id, int(operation.kind), operation.merchant, member_id, _programmes(operation),
        payload_of(operation), leaf or operation.leaf(), original,
        _QUEUED if refused is None else _SET_ASIDE, refused, None, None, recorded_at, 1 if later else None,
    )  # fmt: skip


def _programmes(operation: Operation) -> str:
    if isinstance(operation, (SignerChange, AccountMove)):
        return ""
    if isinstance(operation, (Redeem, Clawback, Gift, Convert)):
        return ",".join(map(str, sorted({leg.programme for leg in operation.legs})))
    return str(operation.leg.programme)
