"""Who is in a segment as of an instant: the rule as one SQL statement over the merchant's own books.

Only facts that the merchant owns: its sales, its campaigns' links, its coupons, its receipts, its tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, text

from ledger_service.insight.fifths import SCORES, fifths_of
from ledger_service.insight.valuing import PAST, WORTH, worth_of
from ledger_service.kernel.clock import micros_of
from ledger_service.members.segments.rules import (
    ACTIVE_DAYS,
    AT_RISK_DAYS,
    COLLECTS_FROM,
    NEW_DAYS,
    STAGES,
    VALUE,
    Between,
    Condition,
    Group,
    SegmentRule,
    used_by,
)

_DAY = 86_400_000_000
# All that is left of a sale's member after a merge or an erasure is who it is now.
_BOUGHT = """
bought AS (
 SELECT member_id, MIN(occurred_at) AS first_at, MAX(occurred_at) AS last_at,
  CAST(SUM(CASE WHEN occurred_at > :since THEN 1 ELSE 0 END) AS BIGINT) AS frequency,
  CAST(SUM(CASE WHEN occurred_at > :since THEN total_minor ELSE 0 END) AS BIGINT) AS monetary_minor{past}
 FROM sale WHERE merchant_id = :merchant AND member_id IS NOT NULL AND occurred_at <= :at GROUP BY member_id
 UNION ALL
 SELECT DISTINCT member_id, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), 0, 0{none} FROM member_tag AS t
 WHERE merchant_id = :merchant AND since <= :at AND (until IS NULL OR until > :at) AND NOT EXISTS
  (SELECT 1 FROM sale AS x WHERE x.member_id = t.member_id AND x.merchant_id = :merchant
   AND x.occurred_at <= :at)
)"""
_OF_CAMPAIGN = "JOIN share_campaign AS c ON c.campaign_id = x.campaign_id AND c.merchant_id = :merchant"
_BESIDE = {
    "links": f"SELECT x.member_id AS who FROM share_link AS x {_OF_CAMPAIGN} WHERE x.made_at <= :at",
    "brought": f"SELECT x.sharer_id AS who FROM share_purchase AS x {_OF_CAMPAIGN} WHERE x.sold_at <= :at",
    "followed": f"SELECT x.member_id AS who FROM share_bind AS x {_OF_CAMPAIGN} WHERE x.bound_at <= :at",
    "friends": f"SELECT t.sharer_id AS who FROM share_tie AS t JOIN share_bind AS x ON x.number = t.number"
    f" {_OF_CAMPAIGN} WHERE x.bound_at <= :at",
    "friends_of_friends": "SELECT u.sharer_id AS who FROM share_tie AS t"
    f" JOIN share_bind AS x ON x.number = t.number {_OF_CAMPAIGN}"
    " JOIN share_tie AS u ON u.member_id = t.sharer_id"
    " JOIN share_bind AS y ON y.number = u.number JOIN share_campaign AS e ON e.campaign_id = y.campaign_id"
    " AND e.merchant_id = :merchant WHERE x.bound_at <= :at AND y.bound_at <= :at",
    "claims": "SELECT member_id AS who FROM claim WHERE merchant_id = :merchant AND filed_at <= :at",
    "coupons": "SELECT x.claimant AS who FROM coupon AS x JOIN coupon_definition AS d"
    " ON d.definition_id = x.definition_id AND d.merchant_id = :merchant WHERE x.claimed_at <= :at",
    "items": "SELECT x.member_id AS who FROM trace_claim AS x JOIN programme AS p"
    " ON p.programme_id = x.programme_id AND p.merchant_id = :merchant WHERE x.claimed_at <= :at",
}
_FACTS = {
    "recency_days": f"((:at - s.last_at) / {_DAY})",
    "tenure_days": f"((:at - s.first_at) / {_DAY})",
    "average_minor": "(CASE WHEN s.frequency = 0 THEN 0 ELSE s.monetary_minor / s.frequency END)",
    **{name: f"COALESCE(beside.{name}, 0)" for name in _BESIDE},
    **SCORES,
    VALUE: "COALESCE((worth.base + worth.weight * (s.spent / s.days)) / 1000000, 0)",
}
_STAGE = f"""(CASE WHEN s.last_at IS NULL THEN 'prospect'
 WHEN (:at - s.first_at) / {_DAY} < {NEW_DAYS} THEN 'new'
 WHEN (:at - s.last_at) / {_DAY} < {ACTIVE_DAYS} THEN 'active'
 WHEN (:at - s.last_at) / {_DAY} < {AT_RISK_DAYS} THEN 'at-risk' ELSE 'lapsed' END)"""
_BEHAVIOUR = f"""(CASE WHEN beside.brought > 0 THEN 'creator' WHEN beside.links > 0 THEN 'conversationalist'
 WHEN beside.claims > 0 THEN 'critic' WHEN beside.coupons >= {COLLECTS_FROM} THEN 'collector'
 WHEN beside.followed > 0 THEN 'joiner' WHEN s.frequency > 0 THEN 'spectator' ELSE 'inactive' END)"""
_TAGGED = """EXISTS (SELECT 1 FROM member_tag AS t
 WHERE t.merchant_id = :merchant AND t.member_id = s.member_id AND t.tag = {0}
 AND t.since <= :at AND (t.until IS NULL OR t.until > :at))"""


class Count(NamedTuple):
    """How many members a rule takes in, of whom by stage of life."""

    size: int
    stages: Mapping[str, int]


def members_of(conn: Connection, merchant_id: int, rule: SegmentRule, at: datetime) -> list[int]:
    """The members that the rule takes in as of ``at``, in the order of their row numbers.

    Args:
        conn: a snapshot.
        merchant_id: whose books are read.
        rule: checked before.
        at: purchases and everything else up to and with this instant count.

    Raises:
        CustomerValueUnknown: the rule asks for a value, and no model was fitted by then.
    """
    statement, values = _statement(conn, rule, ("s.member_id", "ORDER BY s.member_id"))
    values |= _instants(conn, merchant_id, rule, at)
    return list(conn.execute(statement, values).scalars())


def count_of(conn: Connection, merchant_id: int, rule: SegmentRule, at: datetime) -> Count:
    """How many the rule would take in as of ``at``; writes nothing.

    Raises:
        CustomerValueUnknown: the rule asks for a value, and no model was fitted by then.
    """
    statement, values = _statement(conn, rule, (f"{_STAGE} AS stage, COUNT(*) AS n", "GROUP BY 1"))
    values |= _instants(conn, merchant_id, rule, at)
    rows = conn.execute(statement, values).all()
    found = {row.stage: int(row.n) for row in rows}
    return Count(sum(found.values()), {stage: found.get(stage, 0) for stage in STAGES})


def _instants(conn: Connection, merchant_id: int, rule: SegmentRule, at: datetime) -> dict[str, Any]:
    since = at - timedelta(days=rule.window_days)
    found = {"merchant": merchant_id, "at": micros_of(at), "since": micros_of(since)}
    found |= fifths_of(conn, [name for name in SCORES if name in used_by(rule.condition)], found)
    return found | (worth_of(conn, merchant_id, rule.horizon_days, at) if rule.foretells else {})


def _statement(
    conn: Connection, rule: SegmentRule, told: tuple[str, str]
) -> tuple[TextClause, dict[str, Any]]:
    (columns, rest), used = told, used_by(rule.condition)
    values: dict[str, Any] = {}
    past, none = (f", {PAST}", ", CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)") if rule.foretells else ("", "")
    bought = _BOUGHT.format(past=past, none=none)
    joins = _beside([name for name in _BESIDE if name in used])
    if rule.foretells:
        joins += WORTH[conn.dialect.name]
    condition = _sql(rule.condition, values)
    sql = (
        f"WITH {bought} SELECT {columns} FROM bought AS s"
        f" JOIN member AS m ON m.member_id = s.member_id AND m.status <> 'erased'{joins}"
        f" WHERE {condition} {rest}"
    )
    return text(sql), values


def _beside(names: Sequence[str]) -> str:
    """What is counted beside purchases, one join for all of it: a join for each multiplies its guess at rows
    with those before it, and a planner that expects quadrillions loops."""
    if not names:
        return ""
    marked = (f"SELECT who, {place} AS kind FROM ({_BESIDE[name]}) AS x" for place, name in enumerate(names))
    sums = ", ".join(
        f"SUM(CASE WHEN kind = {place} THEN 1 ELSE 0 END) AS {name}" for place, name in enumerate(names)
    )
    return (
        f" LEFT JOIN (SELECT who, {sums} FROM ({' UNION ALL '.join(marked)}) AS r GROUP BY who) AS beside"
        " ON beside.who = s.member_id"
    )


def _sql(condition: Condition, values: dict[str, Any]) -> str:
    """A condition as SQL; what a merchant wrote becomes a bound value, never text."""
    if isinstance(condition, Group):
        parts = [_sql(part, values) for part in condition.parts]
        if condition.how == "not":
            return f"NOT COALESCE({parts[0]}, FALSE)"
        return "(" + (" AND " if condition.how == "all" else " OR ").join(parts) + ")"
    if isinstance(condition, Between):
        fact = _FACTS.get(condition.fact, f"s.{condition.fact}")
        bounds = ((">=", condition.at_least), ("<=", condition.at_most))
        parts = [f"{fact} {op} {_bind(bound, values)}" for op, bound in bounds if bound is not None]
        return f"({' AND '.join(parts)})"
    if condition.what == "tag":
        return _TAGGED.format(_bind(condition.values[0], values))
    shown = _STAGE if condition.what == "stage" else _BEHAVIOUR
    return f"{shown} IN ({', '.join(_bind(value, values) for value in condition.values)})"


def _bind(value: int | str, values: dict[str, Any]) -> str:
    name = f"v{len(values)}"
    values[name] = value
    return f":{name}"
