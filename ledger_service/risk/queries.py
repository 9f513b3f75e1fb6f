"""Reads of the risk room: versions of rules, decisions with their full reasons, reviews, open challenges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from ledger_service.kernel.clock import seconds_floor
from ledger_service.risk.models import (
    risk_challenge,
    risk_decision,
    risk_review,
    risk_review_event,
    risk_rule_set,
)
from ledger_service.risk.review_rules import UNDER_WAY

Position = tuple[datetime, bytes]


def versions_of(conn: Connection, scope: int, most: int) -> Sequence[Row[Any]]:
    """The latest versions of a merchant's rules (0: the alliance's), oldest first."""
    mine = select(risk_rule_set).where(risk_rule_set.c.merchant_id == scope)
    return conn.execute(mine.order_by(risk_rule_set.c.version.desc()).limit(most)).all()[::-1]


def decisions(
    conn: Connection, *, merchant_id: int | None, before: Position | None, most: int
) -> Sequence[Row[Any]]:
    """Decisions that were not plain allowances, the newest first, from behind a position.

    Args:
        conn: for reading.
        merchant_id: of this merchant alone; None for all.
        before: (decided_at, decision_id) of the last one seen.
        most: how many.
    """
    row = risk_decision.c
    wanted = row.outcome != "allow"
    if merchant_id is not None:
        wanted &= row.merchant_id == merchant_id
    if before is not None:
        wanted &= tuple_(row.decided_at, row.decision_id) < before
    query = select(risk_decision).where(wanted).order_by(row.decided_at.desc(), row.decision_id.desc())
    return conn.execute(query.limit(most)).all()


def decision(conn: Connection, decision_id: bytes) -> Row[Any] | None:
    """One decision."""
    return conn.execute(select(risk_decision).where(risk_decision.c.decision_id == decision_id)).one_or_none()


def reviews(conn: Connection, after: Position | None, most: int) -> Sequence[Row[Any]]:
    """Reviews under way, the soonest deadline first, from behind (until, review_id) ``after``."""
    row = risk_review.c
    query = select(risk_review).where(row.state.in_(UNDER_WAY)).order_by(row.until, row.review_id)
    if after is not None:
        query = query.where(tuple_(row.until, row.review_id) > after)
    return conn.execute(query.limit(most)).all()


def review(conn: Connection, review_id: bytes) -> Row[Any] | None:
    """One review."""
    return conn.execute(select(risk_review).where(risk_review.c.review_id == review_id)).one_or_none()


def reviews_of_member(conn: Connection, member_id: int, most: int) -> Sequence[Row[Any]]:
    """A member's latest reviews, newest first."""
    mine = select(risk_review).where(risk_review.c.member_id == member_id)
    return conn.execute(mine.order_by(risk_review.c.opened_at.desc()).limit(most)).all()


def events_of(conn: Connection, review_id: bytes) -> Sequence[Row[Any]]:
    """Everything that was done about a review, in order."""
    mine = select(risk_review_event).where(risk_review_event.c.review_id == review_id)
    return conn.execute(mine.order_by(risk_review_event.c.position)).all()


def due_reviews(conn: Connection, at: datetime, most: int) -> list[bytes]:
    """Reviews whose deadline has passed."""
    row = risk_review.c
    query = select(row.review_id).where(row.state.in_(UNDER_WAY) & (row.until <= at)).order_by(row.until)
    return list(conn.execute(query.limit(most)).scalars())


def open_challenges(conn: Connection, member_id: int, at: datetime, most: int) -> Sequence[Row[Any]]:
    """What the member is asked to confirm now, the newest first."""
    row = risk_challenge.c
    mine = (row.member_id == member_id) & (row.state != "used") & (row.expires_at >= seconds_floor(at))
    mine &= row.declined_at.is_(None)
    return conn.execute(select(risk_challenge).where(mine).order_by(row.expires_at.desc()).limit(most)).all()
