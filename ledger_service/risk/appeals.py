"""Appeals against what a rule refused or held at a till, where nothing was booked: the member says why, a
person answers within fourteen days, and both stand beside the decision.

An answer changes nothing that was judged; what the desk does for the member besides (points with a second
person, other rules) it does by its own means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_, update

from ledger_service.members.models import member
from ledger_service.risk.errors import AppealDecided, AppealUnknown, RefusalUnknown
from ledger_service.risk.models import risk_appeal, risk_decision, risk_review
from ledger_service.risk.queries import Position

ANSWER_DAYS = 14
ANSWERS = ("stands", "lifted")
_D, _A = risk_decision.c, risk_appeal.c
_WITH_NUMBER = select(risk_appeal, member.c.member_number).join_from(
    risk_appeal, member, member.c.member_id == _A.member_id
)


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody says, who it is, and when."""

    by: str
    text: str
    at: datetime


def refusals_of(conn: Connection, member_id: int, before: Position | None, most: int) -> Sequence[Row[Any]]:
    """What the member was refused, newest first, each with its appeal: decisions that booked nothing."""
    booked = select(risk_review.c.decision_id).where(risk_review.c.member_id == member_id)
    mine = (_D.member_id == member_id) & _D.outcome.in_(("hold", "refuse")) & _D.decision_id.not_in(booked)
    if before is not None:
        mine &= tuple_(_D.decided_at, _D.decision_id) < before
    both = risk_decision.outerjoin(risk_appeal, _A.decision_id == _D.decision_id)
    wanted = select(risk_decision, _A.said, _A.until, _A.answer, _A.words).select_from(both).where(mine)
    return conn.execute(wanted.order_by(_D.decided_at.desc(), _D.decision_id.desc()).limit(most)).all()


def appeal(conn: Connection, decision_id: bytes, member_id: int, said: Words) -> None:
    """The member's word stands beside the refusal and waits for a person.

    Raises:
        RefusalUnknown: no refusal of the member has this id.
        AppealDecided: it was appealed before.

    Locks: the caller holds the member's row.
    """
    its = (_D.decision_id == decision_id) & (_D.member_id == member_id) & _D.outcome.in_(("hold", "refuse"))
    booked = select(risk_review.c.review_id).where(
        (risk_review.c.member_id == member_id) & (risk_review.c.decision_id == decision_id)
    )
    if conn.execute(select(_D.decision_id).where(its & ~booked.exists())).one_or_none() is None:
        raise RefusalUnknown
    if find(conn, decision_id) is not None:
        raise AppealDecided
    row = {"decision_id": decision_id, "member_id": member_id, "said": said.text, "appealed_at": said.at,
           "until": said.at + timedelta(days=ANSWER_DAYS)}  # fmt: skip
    conn.execute(insert(risk_appeal).values(row))


def answer(conn: Connection, decision_id: bytes, verdict: str, words: Words) -> None:
    """The appeal is answered, and the member reads it.

    Raises:
        AppealUnknown: there is none.
        AppealDecided: it was answered before.
    """
    values = {"answer": verdict, "words": words.text, "by_whom": words.by, "answered_at": words.at}
    open_one = (_A.decision_id == decision_id) & _A.answer.is_(None)
    if conn.execute(update(risk_appeal).where(open_one).values(values)).rowcount:
        return
    raise AppealUnknown if find(conn, decision_id) is None else AppealDecided


def find(conn: Connection, decision_id: bytes) -> Row[Any] | None:
    """The appeal against a decision, with the member's number."""
    return conn.execute(_WITH_NUMBER.where(_A.decision_id == decision_id)).one_or_none()


def waiting(conn: Connection, after: Position | None, most: int) -> Sequence[Row[Any]]:
    """Appeals without an answer, the soonest deadline first, from behind (until, decision_id)."""
    wanted = _WITH_NUMBER.where(_A.answer.is_(None)).order_by(_A.until, _A.decision_id)
    if after is not None:
        wanted = wanted.where(tuple_(_A.until, _A.decision_id) > after)
    return conn.execute(wanted.limit(most)).all()


def forget_member(conn: Connection, member_id: int) -> None:
    """What an erased member said is gone."""
    conn.execute(delete(risk_appeal).where(_A.member_id == member_id))
