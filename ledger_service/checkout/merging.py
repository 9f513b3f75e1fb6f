"""Two members become one: what who closes bought is returned, looked up and attached as who stays's."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.checkout.collecting.models import spend_mark, spend_receipt, spend_reward
from ledger_service.checkout.models import sale, unreceipted_return
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.checkout.taking.merging import add_sums
from ledger_service.kernel.ids import derive_id
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Every sale and return names who stays; a write that waits for one of them decides again.

    What tills sent from offline and what moved in from an old system stays as it was written down, but for
    losses that an operator has yet to decide on: they are owed by who stays.
    """
    for table in (sale, unreceipted_return, sale_attachment, spend_mark, spend_receipt, spend_reward):
        mine = table.c.member_id == merge.closes
        conn.execute(update(table).where(mine).values(member_id=merge.stays))
    loss = offline_sale.c
    undecided = loss.cause.is_not(None) & loss.flagged & loss.decided_at.is_(None)
    blamed = update(offline_sale).where(undecided & (loss.member_id == merge.closes))
    conn.execute(blamed.values(member_id=merge.stays))
    _add_up_both(conn, merge)
    add_sums(conn, merge)
    return []


def _add_up_both(conn: Connection, merge: Merge) -> None:
    """What both have spent may reach a reward together."""
    r = spend_receipt.c
    some = conn.execute(select(r.sale_id).where(r.member_id == merge.stays).limit(1)).scalar()
    if some is not None:
        cause = derive_id("spend merge", merge.closes, merge.stays)
        row = {"cause_id": cause, "sale_id": some, "member_id": merge.stays, "due_at": merge.at}
        conn.execute(insert(spend_mark).values(row))
