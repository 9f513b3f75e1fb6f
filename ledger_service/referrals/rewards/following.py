"""What sharing does when a member is erased, or two members turn out to be one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import NewIntent
from ledger_service.referrals.links.models import share_bind, share_link, share_signal, share_tie
from ledger_service.referrals.rewards.fraud_rules import REVIEW_DAYS
from ledger_service.referrals.rewards.models import share_reward
from ledger_service.referrals.staffing.models import share_care
from ledger_service.referrals.staffing.service import take_over

_B, _T, _L, _R, _S = share_bind.c, share_tie.c, share_link.c, share_reward.c, share_signal.c


def forget_member(conn: Connection, member_id: int, at: datetime) -> None:
    """What names the member in commitments cannot be opened any more; links end, signals are gone (D15).

    The chain of commitments stands, and so does the half of everybody else. A reward that was not issued yet
    is refused when its turn comes; one that was issued stays what it is, and goes back with the goods.
    """
    conn.execute(update(share_bind).where(_B.member_id == member_id).values(member_salt=None))
    conn.execute(update(share_bind).where(_B.sharer_id == member_id).values(sharer_salt=None))
    ended = update(share_link).where(_L.member_id == member_id, _L.ended_at.is_(None))
    conn.execute(ended.values(ended_at=at))
    conn.execute(delete(share_signal).where(_S.member_id == member_id))
    conn.execute(delete(share_care).where(share_care.c.member_id == member_id))


def follow_merge(conn: Connection, merge: Merge) -> list[NewIntent]:
    """Whatever ``closes`` was in the tree of who brought whom, ``stays`` is; nobody has brought itself.

    What one of the two earned by the other and was not issued waits for a person, also where the chain has
    promised it; the commitments stay as they were made.
    """
    closes, stays, at = merge.closes, merge.stays, merge.at
    between = or_(
        and_(_B.member_id == closes, _B.sharer_id == stays),
        and_(_B.member_id == stays, _B.sharer_id == closes),
    )
    own = list(conn.execute(select(_B.number).where(between)).scalars())
    waits = _R.state.in_(("due", "promised", "appealed"))
    unpaid = or_(_R.number.in_(own), _of_the_other(closes, stays)) & waits
    # A review of its own days: what was due is overdue by now, and would be paid at the job's next turn.
    until = at + timedelta(days=REVIEW_DAYS)
    conn.execute(update(share_reward).where(unpaid).values(state="held", reasons="same-member", until=until))
    conn.execute(update(share_bind).where(_B.number.in_(own)).values(sharer_id=None, sharer_salt=None))
    conn.execute(update(share_bind).where(_B.member_id == closes).values(member_id=stays))
    conn.execute(update(share_bind).where(_B.sharer_id == closes).values(sharer_id=stays))
    conn.execute(update(share_reward).where(_R.member_id == closes).values(member_id=stays))
    _take_ties(conn, closes, stays)
    open_links = (_L.member_id == closes) & _L.ended_at.is_(None)
    conn.execute(update(share_link).where(open_links).values(ended_at=at))
    _take_signals(conn, merge)
    take_over(conn, (closes, stays), at)
    return []


def _of_the_other(closes: int, stays: int) -> ColumnElement[bool]:
    """Rewards of one for a purchase of the other, also where a third person stands between them."""
    bought_by = {one: select(_B.number).where(_B.member_id == one) for one in (closes, stays)}
    return or_(
        (_R.member_id == closes) & _R.number.in_(bought_by[stays]),
        (_R.member_id == stays) & _R.number.in_(bought_by[closes]),
    )


def _take_signals(conn: Connection, merge: Merge) -> None:
    mine = _S.member_id == merge.closes
    rows = [
        {**row, "member_id": merge.stays} for row in conn.execute(select(share_signal).where(mine)).mappings()
    ]
    if rows:
        sql_of(share_signal, conn).insert(conn, rows, or_ignore=True)
        conn.execute(delete(share_signal).where(mine))


def _take_ties(conn: Connection, closes: int, stays: int) -> None:
    conn.execute(delete(share_tie).where(
        or_(and_(_T.member_id == closes, _T.sharer_id == stays),
            and_(_T.member_id == stays, _T.sharer_id == closes))
    ))  # fmt: skip
    own = conn.execute(select(_T.member_id).where(_T.member_id == stays)).first()
    mine = _T.member_id == closes
    if own is None:
        conn.execute(update(share_tie).where(mine).values(member_id=stays))
    else:
        conn.execute(delete(share_tie).where(mine))
    conn.execute(update(share_tie).where(_T.sharer_id == closes).values(sharer_id=stays))
    _cut_circle(conn, stays)


def _cut_circle(conn: Connection, member_id: int) -> None:
    """Of a circle that the merge has closed, the tie of who stays is gone."""
    seen, at = {member_id}, member_id
    while True:
        up = conn.execute(select(_T.sharer_id).where(_T.member_id == at)).scalar_one_or_none()
        if up is None:
            return
        if up == member_id:
            conn.execute(delete(share_tie).where(_T.member_id == member_id))
            return
        if up in seen:
            return
        seen.add(up)
        at = up
