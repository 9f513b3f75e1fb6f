"""Reads of claims: one with what happened to it, a member's, a merchant's, those that wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, select

from ledger_service.claims.models import claim, claim_event
from ledger_service.claims.requests import ClaimView
from ledger_service.claims.rules import LOOKED_FOR, UNANSWERED, shown_state
from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.members.models import member
from ledger_service.points.models import adjustment

_C = claim.c
_ANSWER = adjustment.alias("answer")
_GRANTED = exists().where(
    _ANSWER.c.adjustment_id == _C.adjustment_id, _ANSWER.c.state == "approved"
).correlate(claim)  # fmt: skip
# Neither granted nor refused; an adjustment that was asked for waits for its second person or was declined.
WAITS = _C.state.in_(UNANSWERED) | ((_C.state == "asked") & ~_GRANTED)


@dataclass(frozen=True, slots=True)
class Search:
    """Whose claims: a member's, a merchant's, or (both None) all; only those that wait, or are overdue."""

    member_id: int | None = None
    merchant_id: int | None = None
    only: str | None = None
    after: str | None = None
    most: int = 50


def find_claim(conn: Connection, claim_id: bytes) -> ClaimView | None:
    """The claim with this id."""
    row = conn.execute(_claims().where(_C.claim_id == claim_id)).mappings().one_or_none()
    return None if row is None else _view(row)


def claims(conn: Connection, search: Search) -> list[ClaimView]:
    """Claims behind a position, newest first."""
    chosen = _claims()
    if search.member_id is not None:
        chosen = chosen.where(_C.member_id == search.member_id)
    if search.merchant_id is not None:
        chosen = chosen.where(_C.merchant_id == search.merchant_id)
    if search.only is not None:
        chosen = chosen.where(WAITS)
    if search.only == "escalated":
        chosen = chosen.where(_C.escalated_at.is_not(None))
    if search.after is not None:
        micros, _, last = search.after.partition(" ")
        at, last_id = instant_of_micros(int(micros)), bytes.fromhex(last)
        chosen = chosen.where((_C.filed_at < at) | ((_C.filed_at == at) & (_C.claim_id < last_id)))
    ordered = chosen.order_by(_C.filed_at.desc(), _C.claim_id.desc()).limit(search.most)
    return [_view(row) for row in conn.execute(ordered).mappings()]


def position_of(view: ClaimView) -> str:
    """Where a claim stands in a list."""
    return f"{micros_of(view.filed_at)} {view.claim_id.hex()}"


def events_of(conn: Connection, claim_id: bytes) -> list[tuple[str, str | None, str, datetime]]:
    """What happened to the claim: kind, reason, by whom, when."""
    e = claim_event.c
    its = select(e.kind, e.reason, e.by_whom, e.at).where(e.claim_id == claim_id).order_by(e.position)
    return [(row.kind, row.reason, row.by_whom, row.at) for row in conn.execute(its)]


def something_is_due(conn: Connection, at: datetime) -> bool:
    """Whether a claim waits to be looked for again, answered or not, or for an answer that is overdue."""
    again = (_C.state == "open") & (_C.try_again_at <= at) & (_C.answer_due_at > at)
    late = WAITS & (_C.answer_due_at <= at) & _C.escalated_at.is_(None)
    if conn.execute(select(_C.claim_id).where(again | late).limit(1)).first() is not None:
        return True
    answered = claim.join(adjustment, adjustment.c.adjustment_id == _C.adjustment_id)
    unknown = select(_C.claim_id).select_from(answered).where(unknown_due(at)).limit(1)
    return conn.execute(unknown).first() is not None


def unknown_due(at: datetime) -> ColumnElement[bool]:
    """Of claims with their adjustments: answered, without a sale, and to be looked for again."""
    waits = (_C.state == "asked") & (_C.try_again_at <= at) & (_C.filed_at > at - LOOKED_FOR)
    return waits & (adjustment.c.state != "declined") & adjustment.c.sale_id.is_(None)


def _claims() -> Select[Any]:
    joined = claim.join(member, member.c.member_id == _C.member_id).outerjoin(
        adjustment, adjustment.c.adjustment_id == _C.adjustment_id
    )
    return select(claim, member.c.member_number, adjustment.c.state.label("decided")).select_from(joined)


def _view(row: RowMapping) -> ClaimView:
    state = shown_state(row["state"], row["decided"], row["escalated_at"] is not None)
    return ClaimView(
        row["claim_id"], row["member_id"], row["member_number"], row["merchant_id"], row["store_gln"],
        row["sold_on"], row["reference"], row["amount_minor"], state, row["reason"], row["sale_id"],
        row["programme_id"], row["points"], row["adjustment_id"], row["filed_at"], row["answer_due_at"],
        row["escalated_at"],
    )  # fmt: skip
