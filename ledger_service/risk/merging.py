"""Two members become one: reviews and jobs at tills are who stays's; decisions stay as they were made."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent
from ledger_service.risk.changes import changed
from ledger_service.risk.models import risk_appeal, risk_decision, risk_review, staff_link


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Reviews and appeals of who closes are of who stays, as are the refusals appealed against, where the
    answers are read; and a cashier is that member."""
    mine = risk_review.c.member_id == merge.closes
    conn.execute(update(risk_review).where(mine).values(member_id=merge.stays))
    asked = risk_appeal.c.member_id == merge.closes
    theirs = risk_decision.c.decision_id.in_(select(risk_appeal.c.decision_id).where(asked))
    conn.execute(update(risk_decision).where(theirs).values(member_id=merge.stays))
    conn.execute(update(risk_appeal).where(asked).values(member_id=merge.stays))
    works = staff_link.c.member_id == merge.closes
    if conn.execute(update(staff_link).where(works).values(member_id=merge.stays)).rowcount:
        changed(conn)
    return []
