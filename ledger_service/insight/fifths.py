"""Fifths of those who ever bought (RFM): where each ends is found first, so that a count sorts nobody itself.

The ends are five places in an order of few columns. A count that numbered its rows by each order would carry
everything else that it reads through every sort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

_ENDS = range(1, 5)
# What each score goes by. Equal members stand in the order of their row numbers, whatever the database.
_BY = {"recency_score": "last_at", "frequency_score": "frequency", "monetary_score": "monetary_minor"}
_BOUGHT = """SELECT member_id, MAX(occurred_at) AS last_at,
 CAST(SUM(CASE WHEN occurred_at > :since THEN 1 ELSE 0 END) AS BIGINT) AS frequency,
 CAST(SUM(CASE WHEN occurred_at > :since THEN total_minor ELSE 0 END) AS BIGINT) AS monetary_minor
 FROM sale WHERE merchant_id = :merchant AND member_id IS NOT NULL AND occurred_at <= :at
 GROUP BY member_id"""
# The first fifths have one more where the number is no multiple of five, as NTILE has it.
_LASTS = ", ".join(f"{k} * n.whole + CASE WHEN n.rest < {k} THEN n.rest ELSE {k} END" for k in _ENDS)
_ENDS_OF = f"""SELECT {{place}} AS score, v, member_id, r FROM
 (SELECT {{by}} AS v, member_id, ROW_NUMBER() OVER (ORDER BY {{by}}, member_id) AS r FROM bought) AS o
 CROSS JOIN n WHERE r IN ({_LASTS})"""


def _score(name: str) -> str:
    value = f"s.{_BY[name]}"
    ends = "".join(
        f" WHEN {value} < :{name}_{k} OR ({value} = :{name}_{k} AND s.member_id <= :{name}_who_{k}) THEN {k}"
        for k in _ENDS
    )
    return f"(CASE WHEN s.last_at IS NULL THEN 0{ends} ELSE 5 END)"


# 1 to 5, 5 the best, of a row ``s`` with what was bought; 0 of one who never did. SQL over the values that
# ``fifths_of`` finds.
SCORES: Mapping[str, str] = {name: _score(name) for name in _BY}


def fifths_of(conn: Connection, scores: Sequence[str], values: Mapping[str, Any]) -> dict[str, int]:
    """The bound values of these ``SCORES``: where each fifth but the last ends.

    Args:
        conn: the snapshot that is counted in.
        scores: some of ``SCORES``; of none nothing is read.
        values: merchant, at and since, as the count binds them.
    """
    if not scores:
        return {}
    parts = " UNION ALL ".join(
        _ENDS_OF.format(place=place, by=_BY[name]) for place, name in enumerate(scores)
    )
    sql = (
        f"WITH bought AS ({_BOUGHT}),"
        f" n AS (SELECT COUNT(*) / 5 AS whole, COUNT(*) % 5 AS rest FROM bought) {parts} ORDER BY 1, 4"
    )
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in scores}
    for row in conn.execute(text(sql), dict(values)):
        found[scores[row.score]].append((int(row.v), int(row.member_id)))
    return {key: value for name in scores for key, value in _bound(name, found[name]).items()}


def _bound(name: str, ends: Sequence[tuple[int, int]]) -> dict[str, int]:
    """Of fewer than four customers some fifths are nobody's, and end where the one before does."""
    last = ends[-1] if ends else (0, 0)
    whole = [*ends, *[last] * (len(_ENDS) - len(ends))]
    return {
        key: value
        for k, (end, who) in zip(_ENDS, whole, strict=True)
        for key, value in ((f"{name}_{k}", end), (f"{name}_who_{k}", who))
    }
