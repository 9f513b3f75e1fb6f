"""Proposing limits, putting them in force by a second person, and counting requests against them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.models import merchant
from ledger_service.points.errors import AdjustmentDecided, AdjustmentUnknown, SecondPersonNeeded
from ledger_service.points.limits import rules
from ledger_service.points.limits.models import adjustment_agent, adjustment_limit
from ledger_service.points.limits.rules import EVERYBODY, MONTH_DAYS, AdjustmentLimits
from ledger_service.points.models import adjustment

_A, _L = adjustment.c, adjustment_limit.c


@dataclass(frozen=True, slots=True)
class Proposal:
    """Limits that somebody proposes for a funder, or for ``EVERYBODY``, under an idempotency key."""

    funder: int
    per_case: int
    per_agent_day: int
    per_member_month: int
    per_funder_day: int
    by: str
    key: str
    at: datetime


def propose(conn: Connection, proposal: Proposal) -> bytes:
    """The limits wait for a second person; returns their id.

    Raises:
        MerchantUnknown: no such funder.
    """
    if proposal.funder != EVERYBODY:
        known = select(merchant.c.merchant_id).where(merchant.c.merchant_id == proposal.funder)
        if conn.execute(known).first() is None:
            raise MerchantUnknown
    limit_id = derive_id("adjustment-limit", proposal.by, proposal.key)
    row = {
        "limit_id": limit_id, "funder": proposal.funder, "per_case": proposal.per_case,
        "per_agent_day": proposal.per_agent_day, "per_member_month": proposal.per_member_month,
        "per_funder_day": proposal.per_funder_day, "state": "proposed", "proposed_by": proposal.by,
        "proposed_at": proposal.at, "decided_by": None, "decided_at": None,
    }  # fmt: skip
    sql_of(adjustment_limit, conn).insert(conn, [row])
    return limit_id


def decide(conn: Connection, limit_id: bytes, approve: bool, said: tuple[str, datetime]) -> str:
    """The limits are in force from now on, in the place of those before, or declined; returns their state.

    Raises:
        AdjustmentUnknown, AdjustmentDecided: there is nothing to decide.
        SecondPersonNeeded: who proposed them decides.

    Locks: the rows of the funder's limits.
    """
    row = _locked(conn, limit_id)
    if row["state"] != "proposed":
        raise AdjustmentDecided(id_text(limit_id), row["state"])
    by, at = said
    if row["proposed_by"] == by:
        raise SecondPersonNeeded
    if approve:
        before = (_L.funder == row["funder"]) & (_L.state == "in-force")
        conn.execute(update(adjustment_limit).where(before).values(state="past"))
    state = "in-force" if approve else "declined"
    decided = update(adjustment_limit).where(_L.limit_id == limit_id)
    conn.execute(decided.values(state=state, decided_by=by, decided_at=at))
    return state


def find(conn: Connection, limit_id: bytes) -> RowMapping | None:
    """The limits with this id."""
    return conn.execute(select(adjustment_limit).where(_L.limit_id == limit_id)).mappings().one_or_none()


def listed(conn: Connection, funder: int | None, after: bytes | None, most: int) -> list[dict[str, Any]]:
    """Limits by id behind a position: a funder's and everybody's, or (None) all."""
    chosen = select(adjustment_limit)
    if funder is not None:
        chosen = chosen.where(_L.funder.in_((funder, EVERYBODY)))
    if after is not None:
        chosen = chosen.where(_L.limit_id > after)
    rows = conn.execute(chosen.order_by(_L.limit_id).limit(most)).mappings()
    return [dict(row) for row in rows]


def check_fits(conn: Connection, asked: dict[str, Any], most: AdjustmentLimits) -> None:
    """A new row of ``adjustment`` fits the limits in force, with all that was asked for and not declined.

    Raises:
        AdjustmentLimitReached: it does not.

    Locks: none; the caller holds the rows of the agent, the member and the funder.
    """
    limits = rules.in_force(_in_force(conn), asked["funder_merchant_id"], most)
    day = asked["asked_day"]
    recent = (_A.member_id == asked["member_id"]) & (_A.asked_day > day - MONTH_DAYS)
    counted = select(adjustment).where((_A.asked_day == day) | recent)
    rows = conn.execute(counted).mappings().all()
    before = rules.taken([dict(row) for row in rows], asked, ("asked", "approved"))
    rules.check(asked["points"], before, limits)


def lock_agent(conn: Connection, subject: str) -> None:
    """The person's row, made where there is none, is locked until the end of the db transaction."""
    sql_of(adjustment_agent, conn).insert(conn, [{"subject": subject}], or_ignore=True)
    mine = select(adjustment_agent.c.subject).where(adjustment_agent.c.subject == subject)
    conn.execute(mine.with_for_update(key_share=True))


def _in_force(conn: Connection) -> list[dict[str, Any]]:
    rows = conn.execute(select(adjustment_limit).where(_L.state == "in-force")).mappings()
    return [dict(row) for row in rows]


def _locked(conn: Connection, limit_id: bytes) -> RowMapping:
    # The whole funder's: of two approvals at once the later one sees the other's limits in force.
    funder = conn.execute(select(_L.funder).where(_L.limit_id == limit_id)).scalar_one_or_none()
    if funder is None:
        raise AdjustmentUnknown(id_text(limit_id))
    its = select(adjustment_limit).where(_L.funder == funder).order_by(_L.limit_id).with_for_update()
    return next(row for row in conn.execute(its).mappings() if row["limit_id"] == limit_id)
