"""Pure rules of adjustment limits: which are in force for a funder, and whether a request fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.errors import AdjustmentLimitReached

STATES = ("proposed", "in-force", "past", "declined")
# Limits that hold for every funder stand under no merchant's id.
EVERYBODY = 0
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class AdjustmentLimits:
    """How many points one adjustment may add, and all of one funder within a UTC day.

    ``per_agent_day`` is what one person may ask for in a UTC day, ``per_member_month`` what one member may
    get in thirty of them; None for as much as the funder's day.
    """

    per_adjustment: int
    per_day: int
    per_agent_day: int | None = None
    per_member_month: int | None = None

    def tighter(self, row: Mapping[str, Any]) -> AdjustmentLimits:
        """The lower of each of these and of what a row of ``adjustment_limit`` says."""
        agent, month = self.of_agent_and_member()
        return AdjustmentLimits(
            min(self.per_adjustment, row["per_case"]),
            min(self.per_day, row["per_funder_day"]),
            min(agent, row["per_agent_day"]),
            min(month, row["per_member_month"]),
        )

    def of_agent_and_member(self) -> tuple[int, int]:
        """What one agent may ask for in a day, and one member may get in a month."""
        agent, month = self.per_agent_day, self.per_member_month
        return self.per_day if agent is None else agent, self.per_day if month is None else month


@dataclass(frozen=True, slots=True)
class Taken:
    """Points of other adjustments that count: of the funder's day, the agent's day, the member's month."""

    funder: int
    agent: int
    member: int


def day_of(at: datetime) -> int:
    """The UTC day, counted from 1970."""
    return seconds_floor(at) // 86_400


def in_force(rows: Iterable[Mapping[str, Any]], funder: int, most: AdjustmentLimits) -> AdjustmentLimits:
    """The limits of a funder: the tightest of the service's own, everybody's and its own."""
    limits = most
    for row in rows:
        if row["state"] == "in-force" and row["funder"] in (EVERYBODY, funder):
            limits = limits.tighter(row)
    return limits


def taken(rows: Iterable[Mapping[str, Any]], by: Mapping[str, Any], counting: tuple[str, ...]) -> Taken:
    """What counts against the adjustment ``by``, of these rows of ``adjustment`` in these states.

    The agent's day counts whoever funds it, so nobody passes a limit by naming another funder.
    """
    funder = agent = member = 0
    for row in rows:
        if row["state"] not in counting or row["adjustment_id"] == by["adjustment_id"]:
            continue
        same_day = row["asked_day"] == by["asked_day"]
        recent = by["asked_day"] - MONTH_DAYS < (row["asked_day"] or 0) <= by["asked_day"]
        funder += row["points"] if same_day and row["funder_merchant_id"] == by["funder_merchant_id"] else 0
        agent += row["points"] if same_day and row["requested_by"] == by["requested_by"] else 0
        member += row["points"] if recent and row["member_id"] == by["member_id"] else 0
    return Taken(funder, agent, member)


def check(points: int, before: Taken, limits: AdjustmentLimits) -> None:
    """The points fit.

    Raises:
        AdjustmentLimitReached: the first limit that they pass.
    """
    agent, month = limits.of_agent_and_member()
    for which, sum_before, limit in (
        ("case", 0, limits.per_adjustment),
        ("funder-day", before.funder, limits.per_day),
        ("agent-day", before.agent, agent),
        ("member-month", before.member, month),
    ):
        if sum_before + points > limit:
            raise AdjustmentLimitReached(which, sum_before + points, limit)
