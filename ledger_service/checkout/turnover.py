"""What members paid a merchant, added up by periods that the asker names: one pass over its sales."""

from __future__ import annotations

from sqlalchemy import Connection, text


def member_sales_minor(conn: Connection, merchant_id: int, case: str) -> dict[int, int]:
    """The totals of sales to members, before returns, by what ``case`` makes of their instant.

    Args:
        conn: for reading.
        merchant_id: whose.
        case: SQL over ``s.occurred_at`` in micros that gives a whole number; never built from input.
    """
    query = text(
        f"SELECT {case} AS span, CAST(SUM(s.total_minor) AS BIGINT) FROM sale AS s"
        " WHERE s.merchant_id = :merchant AND s.member_id IS NOT NULL GROUP BY 1"
    )
    return {span: int(total) for span, total in conn.execute(query, {"merchant": merchant_id})}
