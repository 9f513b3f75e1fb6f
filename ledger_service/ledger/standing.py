"""What a member holds and owes, as two columns of whatever row names the member.

One row instead of many: a thread gives the interpreter away at every row that it fetches, and with many
reads at once getting it back costs more than the query.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.ledger.queries import LotView
from ledger_service.ledger.rules import Part, of_member

# SQLite has the standard's name of this function only since 3.44.
_AGGREGATE = {"sqlite": "group_concat", "postgresql": "string_agg"}


class Standing(NamedTuple):
    """Every lot that is not empty, by programme and epoch, and what is owed by programme."""

    lots: list[LotView]
    debts: dict[int, int]


def standing_columns(dialect: str, member: str) -> tuple[str, str]:
    """SQL of the two columns, a text each or NULL; the outer query calls the member's row ``member``."""
    joined, debt = _AGGREGATE[dialect], f"{member}.ledger_base + {Part.DEBT}"
    return (
        f"(SELECT {joined}("
        "programme_id || ' ' || epoch || ' ' || available || ' ' || held || ' ' || pending, ',')"
        f" FROM lot WHERE member_id = {member}.member_id AND available + held + pending > 0)",
        f"(SELECT {joined}(programme_id || ' ' || points, ',') FROM ("
        " SELECT programme_id, SUM(amount) AS points FROM ("
        f" SELECT programme_id, amount FROM posting WHERE destination_id = {debt}"
        f" AND {of_member('destination_id')} UNION ALL"
        f" SELECT programme_id, -amount FROM posting WHERE source_id = {debt}"
        f" AND {of_member('source_id')}"
        f" UNION ALL SELECT programme_id, amount FROM carried WHERE destination_id = {debt}"
        f" UNION ALL SELECT programme_id, -amount FROM carried WHERE source_id = {debt}"
        ") AS moved GROUP BY programme_id HAVING SUM(amount) <> 0) AS owed)",
    )


def standing_of(lots: str | None, debts: str | None) -> Standing:
    """What the two columns of a row say."""
    owed = {row[0]: row[1] for row in _rows(debts)}
    return Standing(sorted(LotView(*row) for row in _rows(lots)), owed)


def _rows(joined: str | None) -> list[list[int]]:
    return [[int(part) for part in row.split()] for row in joined.split(",")] if joined else []
