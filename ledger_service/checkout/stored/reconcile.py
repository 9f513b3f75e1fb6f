"""Stored value against itself: cards against entries, issuers' liability against cards, holds, and sales.

Run in one snapshot; it reads everything, writes nothing, and names each card that differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, text

from ledger_service.checkout.stored.returning import CARD_AT
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.reconcile import Difference

_ROWS_AT_ONCE = 2_000
_SIGNED = (
    "SUM(CASE WHEN e.destination = 'liability' THEN e.amount_minor"
    " WHEN e.source = 'liability' THEN -e.amount_minor ELSE 0 END)"
)
_CARDS = text(
    f"SELECT c.card_id, c.balance_minor, c.entries, COALESCE({_SIGNED}, 0), COUNT(e.card_id),"
    " COALESCE(MAX(e.position), 0) FROM value_card AS c LEFT JOIN value_entry AS e ON e.card_id = c.card_id"
    " GROUP BY c.card_id, c.balance_minor, c.entries"
    f" HAVING c.balance_minor <> COALESCE({_SIGNED}, 0) OR c.entries <> COUNT(e.card_id)"
    " OR c.entries <> COALESCE(MAX(e.position), 0)"
)
_LIABILITY = text(
    "SELECT merchant_id, currency, SUM(owed), SUM(cards) FROM ("
    " SELECT c.merchant_id, c.currency, CASE WHEN e.destination = 'liability' THEN e.amount_minor"
    "  ELSE -e.amount_minor END AS owed, 0 AS cards FROM value_entry AS e"
    "  JOIN value_card AS c ON c.card_id = e.card_id"
    " UNION ALL SELECT merchant_id, currency, 0, balance_minor FROM value_card"
    ") AS sides GROUP BY merchant_id, currency HAVING SUM(owed) <> SUM(cards) ORDER BY 1, 2"
)
_HELD = text(
    "SELECT c.card_id, c.held_minor, COALESCE(SUM(h.left_minor), 0) FROM value_card AS c"
    " LEFT JOIN value_hold AS h ON h.card_id = c.card_id GROUP BY c.card_id, c.held_minor"
    " HAVING c.held_minor <> COALESCE(SUM(h.left_minor), 0)"
)
# A hold that is over sets nothing apart, and one that nobody made sets nothing apart either.
_OVER = text(
    "SELECT v.card_id, v.left_minor FROM value_hold AS v LEFT JOIN hold AS h ON h.hold_id = v.hold_id"
    " WHERE v.left_minor > 0 AND (h.hold_id IS NULL OR h.state <> 'open')"
)
# An archived sale has no receipt and no tenders here.
_PAID = text(
    "SELECT p.card_id, p.ref, p.minor, s.tenders FROM (SELECT card_id, ref, SUM(amount_minor) AS minor"
    "  FROM value_entry WHERE kind = 'pay' GROUP BY card_id, ref) AS p"
    " LEFT JOIN sale AS s ON s.sale_id = p.ref WHERE s.sale_id IS NULL OR s.receipt <> ''"
)
_RETURNED = text(
    "SELECT e.card_id, e.ref FROM value_entry AS e LEFT JOIN refund AS r ON r.refund_id = e.ref"
    " WHERE e.kind = 'return' AND r.refund_id IS NULL"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """Cards, liabilities, holds, and what sales say that cards paid.

    Args:
        conn: a snapshot.
    """
    for card, balance, entries, posted, count, last in conn.execute(_CARDS):
        if balance != posted:
            yield Difference("value-card", _name(card), str(int(posted)), str(balance))
        if entries != count or entries != last:
            found = f"{count}, up to {last}"
            yield Difference("value-entries", _name(card), f"{entries} without a gap", found)
    for merchant, currency, owed, cards in conn.execute(_LIABILITY):
        subject = f"{gln_text(merchant)} {currency}"
        yield Difference("value-liability", subject, str(int(owed)), f"{int(cards)} on its cards")
    for card, held, left in conn.execute(_HELD):
        yield Difference("value-held", _name(card), str(int(left)), str(held))
    for card, left in conn.execute(_OVER):
        yield Difference("value-hold", _name(card), "nothing of a hold that is over", str(left))
    for card, _ in conn.execute(_RETURNED):
        yield Difference("value-return", _name(card), "a refund", "an entry alone")
    yield from _sales(conn)


def _sales(conn: Connection) -> Iterator[Difference]:
    """What entries say that cards paid, against the tenders of the sales."""
    for card, sale_id, minor, tenders in conn.execute(_PAID.execution_options(yield_per=_ROWS_AT_ONCE)):
        told = Counter[str]()
        for values in orjson.loads(tenders) if tenders else ():
            if len(values) > CARD_AT:
                told[values[CARD_AT]] += values[1]
        if told[_name(card)] != int(minor):
            subject = f"{_name(card)} in sale {_name(sale_id)}"
            yield Difference("value-sale", subject, str(int(minor)), str(told[_name(card)]))


def _name(raw: bytes) -> str:
    return id_text(bytes(raw))
