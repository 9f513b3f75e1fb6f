"""What the room forgets: tallies that no window reaches, and decisions that changed nothing, after months.

A member's own tally stays: when somebody was last there is what tells a dormant account.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, tuple_

from ledger_service.kernel.clock import seconds_floor
from ledger_service.risk.models import risk_challenge, risk_decision, risk_tally
from ledger_service.risk.tallies import DAY_SECONDS, LONGEST_LONG

KEPT_DAYS = 120


def forget(conn: Connection, at: datetime, most: int) -> int:
    """At most so many rows of each kind are gone; returns how many of the most frequent kind.

    Idempotency: repeat until it answers less than ``most``.
    """
    return max(_tallies(conn, at, most), _decisions(conn, at, most), _challenges(conn, at, most))


def _tallies(conn: Connection, at: datetime, most: int) -> int:
    row, oldest = risk_tally.c, seconds_floor(at) - LONGEST_LONG - DAY_SECONDS
    old = select(row.subject, row.worker).where((row.last_at < oldest) & row.subject.not_like("%/m:%"))
    found = [tuple(one) for one in conn.execute(old.order_by(row.last_at).limit(most))]
    if found:
        conn.execute(delete(risk_tally).where(tuple_(row.subject, row.worker).in_(found)))
    return len(found)


def _decisions(conn: Connection, at: datetime, most: int) -> int:
    row, oldest = risk_decision.c, at - timedelta(days=KEPT_DAYS)
    old = select(row.decision_id).where((row.decided_at < oldest) & (row.outcome == "allow"))
    found = list(conn.execute(old.order_by(row.decided_at).limit(most)).scalars())
    if found:
        conn.execute(delete(risk_decision).where(row.decision_id.in_(found)))
    return len(found)


def _challenges(conn: Connection, at: datetime, most: int) -> int:
    row, oldest = risk_challenge.c, seconds_floor(at) - KEPT_DAYS * DAY_SECONDS
    old = select(row.challenge_id).where(row.expires_at < oldest).limit(most)
    found = list(conn.execute(old).scalars())
    if found:
        conn.execute(delete(risk_challenge).where(row.challenge_id.in_(found)))
    return len(found)
