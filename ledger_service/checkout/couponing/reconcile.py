"""Coupons in the database against themselves and against what the chain was told and made of it.

That the contract's bits are those of the operations it applied, ``chain.beside.audit`` asks the node; here it
is shown that the operations are those of the coupons that sales used, gave back and members gave away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, text

from ledger_service.checkout.couponing.clearing import debts_of, every_coupon
from ledger_service.coupons.codes.rules import chain_id_of
from ledger_service.kernel.coupon_operations import CODEC, Consume, Give, Reverse
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.ledger.reconcile import Difference

_ROWS_AT_ONCE = 2_000
# Of each coupon the last use or giving back says whether it is used.
_STATES = text(
    "SELECT c.coupon_id, c.state, e.kind FROM coupon AS c LEFT JOIN coupon_event AS e"
    " ON e.coupon_id = c.coupon_id AND e.position = (SELECT MAX(f.position) FROM coupon_event AS f"
    " WHERE f.coupon_id = c.coupon_id AND f.kind IN ('consumed', 'given-back'))"
    " WHERE (c.state = 'consumed') <> (e.kind IS NOT NULL AND e.kind = 'consumed')"
)
# A use has its sale's line, and a line its use.
_UNSOLD = text(
    "SELECT e.coupon_id FROM coupon_event AS e LEFT JOIN sale_coupon AS s"
    " ON s.sale_id = e.ref AND s.coupon_id = e.coupon_id WHERE e.kind = 'consumed' AND s.sale_id IS NULL"
)
_UNUSED = text(
    "SELECT s.coupon_id FROM sale_coupon AS s LEFT JOIN coupon_event AS e"
    " ON e.coupon_id = s.coupon_id AND e.ref = s.sale_id AND e.kind = 'consumed' WHERE e.ref IS NULL"
)
_UNTOLD = text(
    "SELECT e.coupon_id, e.kind FROM coupon_event AS e LEFT JOIN coupon_telling AS t"
    " ON t.coupon_id = e.coupon_id AND t.position = e.position"
    " WHERE e.kind IN ('consumed', 'given-back', 'given') AND t.coupon_id IS NULL"
)
# Of those that were told: lost, or refused. What cites a refused operation is named with that one alone.
_TOLD = text(
    "SELECT e.coupon_id, e.kind, i.op_id, i.reason FROM coupon_telling AS t JOIN coupon_event AS e"
    " ON e.coupon_id = t.coupon_id AND e.position = t.position LEFT JOIN beside_intent AS i"
    " ON i.op_id = t.op_id WHERE t.op_id IS NOT NULL"
    " AND (i.op_id IS NULL OR (i.reason IS NOT NULL AND i.reason <> 'OriginalRefused()'))"
)
_UNKNOWN = text(
    "SELECT i.op_id FROM beside_intent AS i LEFT JOIN coupon_telling AS t ON t.op_id = i.op_id"
    " WHERE i.target = 'coupons' AND i.kind IN (3, 4, 5) AND t.op_id IS NULL"
)
_NUMBERS = text(
    "SELECT t.coupon_id, k.gcn, k.serial, i.payload FROM coupon_telling AS t JOIN beside_intent AS i"
    " ON i.op_id = t.op_id LEFT JOIN coupon_token AS k ON k.coupon_id = t.coupon_id"
)
_PARTS = text("SELECT coupon_id, discount_minor, parts FROM sale_coupon")
_PERIODS = text(
    "SELECT period FROM sale_coupon WHERE period IS NOT NULL UNION SELECT period FROM sale_coupon_return"
    " WHERE period IS NOT NULL UNION SELECT period FROM coupon_debt ORDER BY 1"
)
_RETURNS = text(
    "SELECT s.coupon_id, s.discount_minor, SUM(r.returned_minor) FROM sale_coupon_return AS r"
    " JOIN sale_coupon AS s ON s.sale_id = r.sale_id AND s.coupon_id = r.coupon_id"
    " GROUP BY s.sale_id, s.coupon_id, s.discount_minor HAVING SUM(r.returned_minor) > s.discount_minor"
)


def differences(conn: Connection) -> Iterator[Difference]:
    """What differs: state, sale, telling, refusal, an operation of nobody's, funding.

    Args:
        conn: a snapshot; of what agrees nothing is kept.
    """
    for coupon, state, kind in conn.execute(_STATES):
        yield Difference("coupon-state", _name(coupon), f"as after {kind or 'no use'}", str(state))
    for (coupon,) in conn.execute(_UNSOLD):
        yield Difference("coupon-sale", _name(coupon), "a sale's discount", "a use alone")
    for (coupon,) in conn.execute(_UNUSED):
        yield Difference("coupon-sale", _name(coupon), "a use", "a sale's discount alone")
    for coupon, kind in conn.execute(_UNTOLD):
        yield Difference("coupon-untold", _name(coupon), f"the chain is told that it was {kind}", "nothing")
    for coupon, kind, op_id, reason in conn.execute(_TOLD):
        check = "coupon-lost" if op_id is None else "coupon-refused"
        yield Difference(check, _name(coupon), kind, "no operation" if op_id is None else str(reason))
    for (op_id,) in conn.execute(_UNKNOWN):
        yield Difference("coupon-unknown", _name(op_id), "a coupon's use, return or gift", "none")
    yield from _numbers(conn)
    yield from _funding(conn)


def _numbers(conn: Connection) -> Iterator[Difference]:
    for coupon, gcn, serial, payload in conn.execute(_NUMBERS.execution_options(yield_per=_ROWS_AT_ONCE)):
        operation = CODEC.read(payload)
        number = None if gcn is None else chain_id_of(gcn, serial)
        told = operation.coupon if isinstance(operation, (Consume, Reverse, Give)) else None
        if number is None or told != number:
            yield Difference("coupon-number", _name(coupon), str(number), str(told))


def _funding(conn: Connection) -> Iterator[Difference]:
    for coupon, minor, parts in conn.execute(_PARTS.execution_options(yield_per=_ROWS_AT_ONCE)):
        paid = sum(part[2] for part in orjson.loads(parts))
        if paid != minor:
            yield Difference("coupon-funding", _name(coupon), f"{minor} from funders", str(paid))
    for coupon, minor, returned in conn.execute(_RETURNS):
        yield Difference("coupon-funding", _name(coupon), f"at most {minor} returned", str(returned))
    yield from _debts(conn)


def _debts(conn: Connection) -> Iterator[Difference]:
    """Each period's debts against the lines that it clears."""
    for (period,) in conn.execute(_PERIODS).all():
        lines: Counter[tuple[int, int]] = Counter()
        for one in every_coupon(conn, period):
            lines.update(one.debts)
        kept = debts_of(conn, period)
        for pair in sorted(lines.keys() | kept.keys()):
            if lines.get(pair, 0) != kept.get(pair, 0):
                who = f"period {period}, {gln_text(pair[0])} to {gln_text(pair[1])}"
                yield Difference("coupon-debt", who, str(lines.get(pair, 0)), str(kept.get(pair, 0)))


def _name(raw: bytes) -> str:
    return id_text(bytes(raw))
