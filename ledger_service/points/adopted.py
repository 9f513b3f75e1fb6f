"""Requests that are repeated though their operations were adopted from the chain.

Their points stand, and only what no chain has is lost: the basket, the receipt, who asked. The caller is told
so, and nothing is booked a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select, update

from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import Operation
from ledger_service.ledger.models import entry
from ledger_service.points.errors import OperationAdopted
from ledger_service.points.models import points_change
from ledger_service.points.programmes import note_change

ENTRY_OF_OPERATION: Load = load_by(entry, "op_id")


def begin_adopting(conn: Connection) -> None:
    """Catalogues say from now on that the chain may have operations of requests that nobody knows here.

    Idempotency: may be repeated. Locks: the one row of ``points_change``.
    """
    note_change(conn)
    conn.execute(update(points_change).values(adopted=True))


class Standing(NamedTuple):
    """An operation that the chain has: where, and whether one of this database moves the same points."""

    batch: int
    block: int
    is_like: Callable[[Operation], bool]


# Those of some ids that are on the chain.
Standings = Callable[[Sequence[bytes]], Mapping[bytes, Standing]]


def refuse_otherwise(operations: Iterable[Operation], standing: Mapping[bytes, Standing]) -> None:
    """None of these is on the chain with other points.

    A request of hours that were lost is decided anew by what is known now: without a coupon that was claimed
    since the backup, say. Where it comes to other points than the first time, the chain's word stands.

    Raises:
        OperationAdopted: the first that is.
    """
    for operation in operations:
        there = standing.get(operation.op_id)
        if there is not None and not there.is_like(operation):
            raise OperationAdopted(id_text(operation.op_id), there.batch, there.block)


def adopted_needs(op_ids: Iterable[bytes]) -> list[Need]:
    """What ``refuse_adopted`` reads."""
    return [ENTRY_OF_OPERATION.of(op_id) for op_id in op_ids]


def refuse_adopted(draft: Draft, op_ids: Iterable[bytes]) -> None:
    """Nothing of a write with these ids was adopted.

    A repeated request may be decided otherwise than the first time, once its own points are there again, and
    then no id of it stands twice: so it is asked before it is decided.

    Raises:
        OperationAdopted: the first that was.
    """
    for op_id in op_ids:
        for row in draft.find(ENTRY_OF_OPERATION, op_id):
            refusal = _refusal(op_id, row["body"])
            if refusal is not None:
                raise refusal


def adopted_of(database: Database, op_ids: Sequence[bytes]) -> OperationAdopted | None:
    """The refusal that names the first of these operations that was adopted; None where none was.

    Asked only after a request was refused, so nothing that goes well pays for it.
    """
    if not op_ids:
        return None
    wanted = select(entry.c.op_id, entry.c.body).where(entry.c.op_id.in_(op_ids)).order_by(entry.c.sequence)
    with database.read() as conn:
        return next(filter(None, (_refusal(op_id, body) for op_id, body in conn.execute(wanted))), None)


def _refusal(op_id: bytes, body: str) -> OperationAdopted | None:
    facts = orjson.loads(body)
    return OperationAdopted(id_text(op_id), facts["batch"], facts["block"]) if facts.get("adopted") else None
