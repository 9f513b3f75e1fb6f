"""What was claimed or came back before a batch was anchored is told to the chain once the root stands there.

A command that began before the root was made may end a little later, and sees none: what is looked for goes
on for that long behind the root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.item_operations import CODEC, TARGET, ClaimItem, ItemOperation, VoidItem
from ledger_service.members.models import member
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.beside.queries import standings
from ledger_service.outbox.beside.service import enqueue_now
from ledger_service.traceability.claiming.models import trace_claim, trace_return
from ledger_service.traceability.goods.queries import find_batch
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.proofs.models import trace_root

_C, _R, _T, _I = trace_claim.c, trace_root.c, trace_return.c, beside_intent.c
# Longer than any command runs.
SETTLED_AFTER = timedelta(minutes=10)
MOST = 500


def claimed_op_id(item_id: int) -> bytes:
    """The id under which the chain is told of an item's claim."""
    return derive_id("item-claimed", item_id)


def voided_op_id(item_id: int) -> bytes:
    """The id under which the chain is told of an item's end."""
    return derive_id("item-void", item_id)


def next_untold(conn: Connection, at: datetime) -> int | None:
    """A batch whose root the chain has and whose earlier claims nobody has looked for; None where all are."""
    joined = trace_root.join(beside_intent, _I.op_id == _R.op_id)
    ready = _R.early_told_at.is_(None) & (_R.made_at <= at - SETTLED_AFTER)
    there = _I.state.in_(("mined", "final")) & _I.reason.is_(None)
    query = select(_R.batch_no).select_from(joined).where(ready & there).order_by(_R.batch_no).limit(1)
    return conn.execute(query).scalar_one_or_none()


def tell_early(conn: Connection, batch_no: int, at: datetime) -> bool:
    """Up to ``MOST`` earlier claims and ends of the batch are in the outbox; returns whether there is more.

    They are accepted now: the contract takes nothing of a batch from before its root.
    Idempotency: an operation's id follows from the item. Locks: the batch's root.
    """
    root = conn.execute(select(trace_root).where(_R.batch_no == batch_no).with_for_update()).mappings().one()
    if root["early_told_at"] is not None:
        return False
    owner: int = find_batch(conn, batch_no, None)["merchant_id"]
    untold = _untold(conn, root)
    fresh = [_operation(row, (owner, seconds_floor(at), bytes(root["root"]))) for row in islice(untold, MOST)]
    enqueue_now(conn, TARGET, CODEC, fresh, at)
    if len(fresh) < MOST:
        conn.execute(update(trace_root).where(_R.batch_no == batch_no).values(early_told_at=at))
    return len(fresh) == MOST


def _untold(conn: Connection, root: RowMapping) -> Iterator[tuple[int, bytes | None]]:
    """Items with the account that claimed them, or None for an end; an item's claim before its end."""
    until, first = root["made_at"] + SETTLED_AFTER, root["batch_no"] << INDEX_BITS
    joined = trace_claim.join(member, member.c.member_id == _C.member_id)
    claims = select(_C.item_id, member.c.account).select_from(joined)
    claims = claims.where((_C.batch_no == root["batch_no"]) & (_C.claimed_at <= until)).order_by(_C.item_id)
    for rows in _pages(conn.execute(claims).all()):
        ids = [make(row.item_id) for row in rows for make in (claimed_op_id, voided_op_id)]
        told = standings(conn, ids)
        # Who is told of an end already takes no claim any more.
        yield from (
            (row.item_id, bytes(row.account))
            for row in rows
            if not told.keys() & {claimed_op_id(row.item_id), voided_op_id(row.item_id)}
        )
    mine = (_T.item_id >= first) & (_T.item_id < first + (1 << INDEX_BITS)) & (_T.returned_at <= until)
    for rows in _pages(conn.execute(select(_T.item_id).where(mine).order_by(_T.item_id)).all()):
        told = standings(conn, [voided_op_id(row.item_id) for row in rows])
        yield from ((row.item_id, None) for row in rows if voided_op_id(row.item_id) not in told)


def _pages(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield from (rows[place : place + MOST] for place in range(0, len(rows), MOST))


def _operation(item: tuple[int, bytes | None], head: tuple[int, int, bytes]) -> ItemOperation:
    (item_id, account), (owner, second, root) = item, head
    index = item_id & (1 << INDEX_BITS) - 1
    if account is None:
        return VoidItem(voided_op_id(item_id), owner, second, root, index)
    return ClaimItem(claimed_op_id(item_id), owner, second, root, index, account)
