"""What the chain has and the database lacks, as after the restore of a backup beside a chain that went on.

One row for each member and lot that an operation changed, so that every difference is accounted for. Baskets
and receipts are not on the chain and cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.chain.effects import Effects, add_move
from ledger_service.chain.mirror import move_of, operation_of_row
from ledger_service.chain.models import chain_applied, chain_operation
from ledger_service.kernel.clock import format_instant, instant_of_seconds
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.operations import Kind
from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.points.models import pending_issue, programme

_ROWS_AT_ONCE = 2_000
PENDING_HERE = "pending here"


@dataclass(frozen=True, slots=True)
class Lost:
    """One change of one lot, and the operation that made it; ``points`` have their sign.

    ``member`` is None for an account that the database does not know: enrolled after the backup. ``note``
    says where it knows the points as pending still, so that they are there without being free.
    """

    member: str | None
    account: str
    programme: str
    epoch: int
    points: int
    kind: str
    merchant: str
    accepted_at: str
    op_id: str
    batch: int
    position: int
    block_number: int
    note: str = ""


def lost(conn: Connection) -> Iterator[Lost]:
    """Every change that the mirror has and no intent of this database stands for, in the order of the chain.

    Args:
        conn: a snapshot, once the bridge has read the chain to its head.
    """
    codes = {row.programme_id: row.code for row in conn.execute(select(programme))}
    o, a = chain_operation.c, chain_applied.c
    joined = chain_operation.join(chain_applied, a.number == o.batch)
    joined = joined.outerjoin(intent, intent.c.op_id == o.op_id)
    joined = joined.outerjoin(pending_issue, pending_issue.c.op_id == o.op_id)
    query = select(chain_operation, a.block_number, pending_issue.c.state.label("promise"))
    missing = query.select_from(joined).where(intent.c.op_id.is_(None)).order_by(o.batch, o.position)
    for row in conn.execute(missing.execution_options(yield_per=_ROWS_AT_ONCE)):
        yield from _changes(conn, row, codes)


def _changes(conn: Connection, row: Any, codes: dict[int, str]) -> Iterator[Lost]:
    operation, effects = operation_of_row(row), Effects()
    add_move(effects, move_of(operation), 1)
    changed = list(effects.balances.items()) or [((operation.account, 0, 0), 0)]
    accepted = int.from_bytes(row.data[:32], "big") >> 56 & (1 << 40) - 1
    for (account, programme_id, epoch), points in changed:
        number = conn.execute(select(member.c.member_number).where(member.c.account == account)).scalar()
        yield Lost(
            member=number,
            account="0x" + account.hex(),
            programme=codes.get(programme_id, str(programme_id or "")),
            epoch=epoch,
            points=points,
            kind=Kind(row.kind).name.lower(),
            merchant=gln_text(operation.merchant) if operation.merchant else "",
            accepted_at=format_instant(instant_of_seconds(accepted)),
            op_id=row.op_id.hex(),
            batch=row.batch,
            position=row.position,
            block_number=row.block_number,
            note=PENDING_HERE if row.promise == "waiting" else "",
        )
