"""What the list of refused operations says of a retry of each: possible or why not, who asked, how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Gift
from ledger_service.members.models import member
from ledger_service.outbox.models import State, intent
from ledger_service.points.models import set_aside
from ledger_service.points.retries.models import set_aside_retry
from ledger_service.points.retries.rules import Hopeless, Refused, hopeless, left_of
from ledger_service.points.set_aside import ORIGINAL_SET_ASIDE

_I, _M, _R, _S = intent.c, member.c, set_aside_retry.c, set_aside.c


class Hope(NamedTuple):
    """Whether an operation may be tried again (``hopeless`` None), the open request, how often it was."""

    hopeless: Hopeless | None
    asked: RowMapping | None
    tries: int


def hopes(conn: Connection, op_ids: Sequence[bytes], at: datetime) -> dict[bytes, Hope]:
    """For each of these operations that are set aside: what a retry of it depends on, as of an instant."""
    if not op_ids:
        return {}
    its = select(_I.op_id, _I.payload, _I.reason, _I.original_op_id, _M.account)
    joined = intent.outerjoin(member, _M.member_id == _I.member_id)
    rows = conn.execute(its.select_from(joined).where(_I.op_id.in_(list(op_ids)))).all()
    retries = conn.execute(select(set_aside_retry).where(_R.op_id.in_(list(op_ids)))).mappings().all()
    aside = _aside(conn, [row.original_op_id for row in rows if row.original_op_id is not None])
    differences = _differences(conn, op_ids)
    found: dict[bytes, Hope] = {}
    operations = {row.op_id: readable_operation(row.payload) for row in rows}
    recipients = {op_id: one.recipient for op_id, one in operations.items() if isinstance(one, Gift)}
    gone = _gone(conn, set(recipients.values()))
    for row in rows:
        own = [one for one in retries if one["op_id"] == row.op_id]
        refused = Refused(
            operations[row.op_id], row.reason or "", row.account, recipients.get(row.op_id) not in gone,
            row.original_op_id in aside, left_of(differences.get(row.op_id, ())),
        )  # fmt: skip
        asked = next((one for one in own if one["state"] == "asked"), None)
        tries = sum(one["state"] == "approved" for one in own)
        found[row.op_id] = Hope(hopeless(refused, seconds_floor(at)), asked, tries)
    return found


def history(conn: Connection, op_id: bytes) -> Sequence[RowMapping]:
    """Every request to try an operation again, the newest first."""
    its = select(set_aside_retry).where(_R.op_id == op_id)
    return conn.execute(its.order_by(_R.requested_at.desc(), _R.retry_id)).mappings().all()


def _gone(conn: Connection, accounts: set[bytes]) -> set[bytes]:
    """Those of the accounts that are nobody's now."""
    return accounts - set(conn.execute(select(_M.account).where(_M.account.in_(accounts))).scalars())


def _aside(conn: Connection, op_ids: Sequence[bytes]) -> set[bytes]:
    if not op_ids:
        return set()
    state = _I.state == State.SET_ASIDE.value
    return set(conn.execute(select(_I.op_id).where(state & _I.op_id.in_(list(op_ids)))).scalars())


def _differences(conn: Connection, op_ids: Sequence[bytes]) -> Mapping[bytes, list[Any]]:
    """By operation its rows of ``set_aside``, and those of the reversals that follow from it."""
    members = select(_S.member_id).where(_S.op_id.in_(list(op_ids))).distinct()
    its = select(set_aside, _I.original_op_id, _I.reason).join_from(set_aside, intent, _I.op_id == _S.op_id)
    found: dict[bytes, list[Any]] = {}
    for row in conn.execute(its.where(_S.member_id.in_(members))).mappings():
        found.setdefault(row["op_id"], []).append(row)
        if row["original_op_id"] is not None and row["reason"] == ORIGINAL_SET_ASIDE:
            found.setdefault(row["original_op_id"], []).append(row)
    return found
