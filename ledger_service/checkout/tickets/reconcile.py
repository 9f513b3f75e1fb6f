"""Tickets against themselves: entries against states, and places sold against the counters of budgets.

Run in one snapshot; it reads everything, writes nothing, and names each ticket and event that differs.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ledger_service.kernel.ids import id_text
from ledger_service.ledger.reconcile import Difference

_SUM = "COALESCE(SUM(CASE WHEN e.kind = '{}' THEN 1 ELSE 0 END), 0)"
_ONCE = (
    f"CASE WHEN {_SUM.format('sold')} = 1"
    f" AND {_SUM.format('entered')} = CASE WHEN t.state = 'entered' THEN 1 ELSE 0 END"
    f" AND {_SUM.format('refunded')} = CASE WHEN t.state = 'refunded' THEN 1 ELSE 0 END"
    f" AND {_SUM.format('given')} = t.gifts"
    " AND t.entries = COUNT(e.ticket_id) AND t.entries = COALESCE(MAX(e.position), 0)"
    " AND COALESCE(MIN(CASE WHEN e.amount_minor > 0 THEN e.amount_minor END), 0) = t.price_minor"
    " AND COALESCE(MAX(e.amount_minor), 0) = t.price_minor THEN 1 ELSE 0 END"
)
_TICKETS = text(
    "SELECT t.ticket_id, t.state FROM ticket AS t LEFT JOIN ticket_entry AS e ON e.ticket_id = t.ticket_id"
    f" GROUP BY t.ticket_id, t.state, t.gifts, t.entries, t.price_minor HAVING {_ONCE} = 0"
)
_STANDS = "CASE WHEN t.state = 'refunded' THEN 0 ELSE 1 END"
_PLACES = text(
    f"SELECT u.definition_id, u.count, u.value_minor, SUM({_STANDS}), SUM({_STANDS} * t.price_minor)"
    " FROM coupon_use AS u JOIN ticket AS t ON t.definition_id = u.definition_id WHERE u.scope = 'budget'"
    " GROUP BY u.definition_id, u.count, u.value_minor"
    f" HAVING u.count <> SUM({_STANDS}) OR u.value_minor <> SUM({_STANDS} * t.price_minor)"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """Tickets whose entries say something else than they do, and events whose places do not add up.

    Args:
        conn: a snapshot.
    """
    for ticket, state in conn.execute(_TICKETS):
        yield Difference("ticket", id_text(bytes(ticket)), state, "entries that say otherwise")
    for definition, count, minor, sold, price in conn.execute(_PLACES):
        expected = f"{int(sold)} for {int(price)}"
        yield Difference("ticket-places", f"definition {definition}", expected, f"{count} for {minor}")
