"""Two members become one: what who closes bought is returned, looked up and attached as who stays's."""

from __future__ import annotations

from sqlalchemy import Connection, update

from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.checkout.models import sale, unreceipted_return
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Every sale and return names who stays; a write that waits for one of them decides again.

    What tills sent from offline and what moved in from an old system stays as it was written down: nothing
    of it is ever decided again.
    """
    for table in (sale, unreceipted_return, sale_attachment):
        mine = table.c.member_id == merge.closes
        conn.execute(update(table).where(mine).values(member_id=merge.stays))
    return []
