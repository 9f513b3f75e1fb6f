"""Uses and returns of coupons by settlement period: each is cleared in the one that a job finds open.

So a period that is closed gets no further line, however late a till brings in what it sold alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Select, and_, literal, select, tuple_, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.checkout.couponing.models import coupon_debt, sale_coupon, sale_coupon_return
from ledger_service.checkout.models import refund, sale
from ledger_service.coupons.codes.rules import serial_text
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.telling.models import coupon_telling, coupon_token
from ledger_service.coupons.wallet.models import coupon_event
from ledger_service.db.errors import RowVanished
from ledger_service.kernel.coupon_clearing import ClearedCoupon

_S, _R, _D, _K = sale_coupon.c, sale_coupon_return.c, coupon_definition.c, coupon_token.c
_B, _E, _T = coupon_debt.c, coupon_event.c, coupon_telling.c
_ROWS_AT_ONCE = 500
# Tills wait while they are written.
CLEARED_AT_ONCE = 100
Place = tuple[datetime, bytes, bytes]
Columns = tuple[Column[Any], ...]


def clear(conn: Connection, period: int, most: int = CLEARED_AT_ONCE) -> int:
    """Some of what is of no period yet is of this one, for ever, and its debts are the period's.

    Returns:
        how many uses and returns that were.

    Invariants: INV-5. Idempotency: each is cleared once.
    """
    found = [_cleared(row) for row in conn.execute(_page(None, None, most))]
    debts: Counter[tuple[int, int]] = Counter()
    for one in found:
        debts.update(one.debts)
        table, ref = (sale_coupon_return, _R.refund_id) if one.returned else (sale_coupon, _S.sale_id)
        mine = (ref == one.ref) & (table.c.coupon_id == one.coupon_id) & table.c.period.is_(None)
        if conn.execute(update(table).where(mine).values(period=period)).rowcount != 1:
            raise RowVanished(table.name)
    for (funder, acceptor), minor in sorted(debts.items()):
        _add(conn, {"period": period, "funder": funder, "acceptor": acceptor, "minor": minor})
    return len(found)


def debts_of(conn: Connection, period: int) -> dict[tuple[int, int], int]:
    """The period's debts by (funder, acceptor), in minor units, ascending."""
    rows = conn.execute(select(coupon_debt).where(_B.period == period).order_by(_B.funder, _B.acceptor))
    return {(row.funder, row.acceptor): row.minor for row in rows}


def waits(conn: Connection) -> bool:
    """Whether something is of no period yet."""
    tables = (sale_coupon, sale_coupon_return)
    found = (select(t.c.coupon_id).where(t.c.period.is_(None)).limit(1) for t in tables)
    return any(conn.execute(one).first() is not None for one in found)


def coupons_of(
    conn: Connection, period: int, after: Place | None, most: int, merchant: int | None = None
) -> tuple[list[ClearedCoupon], Place | None]:
    """Uses and returns of a period behind a place, by time.

    Args:
        conn: a snapshot.
        period: its number.
        after: the place behind which to begin.
        most: how many are read; of a merchant with few of its own fewer may come, with more behind.
        merchant: whose, as ``ClearedCoupon.of`` has it; None for everybody's.

    Returns:
        them, and the place behind which it goes on; None at the end.
    """
    rows = conn.execute(_page(period, after, most + 1)).all()
    found = [_cleared(row) for row in rows[:most]]
    behind = found[-1].place if len(rows) > most else None
    seen = found if merchant is None else [one for one in (c.of(merchant) for c in found) if one is not None]
    return seen, behind


def every_coupon(conn: Connection, period: int, merchant: int | None = None) -> Iterator[ClearedCoupon]:
    """All of them by time, read as a stream."""
    query = _page(period, None, None).execution_options(yield_per=_ROWS_AT_ONCE)
    with closing(conn.execute(query)) as rows:
        for one in map(_cleared, rows):
            seen = one if merchant is None else one.of(merchant)
            if seen is not None:
                yield seen


def _add(conn: Connection, row: dict[str, int]) -> None:
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    raised = {"minor": _B.minor + row["minor"]}
    keys = [_B.period, _B.funder, _B.acceptor]
    conn.execute(make(coupon_debt).values(row).on_conflict_do_update(index_elements=keys, set_=raised))


def _page(period: int | None, after: Place | None, most: int | None) -> Select[Any]:
    both = union_all(_uses(period, after, most), _returns(period, after, most)).subquery()
    told = both.outerjoin(
        coupon_event,
        and_(_E.coupon_id == both.c.coupon_id, _E.ref == both.c.ref, _E.kind == both.c.kind),
    ).outerjoin(coupon_telling, and_(_T.coupon_id == _E.coupon_id, _T.position == _E.position))
    whole = (
        told.join(sale, sale.c.sale_id == both.c.sale_id)
        .join(coupon_definition, _D.definition_id == both.c.definition_id)
        .outerjoin(coupon_token, _K.coupon_id == both.c.coupon_id)
        .outerjoin(refund, refund.c.refund_id == both.c.ref)
    )
    columns = (
        both, _T.op_id, _D.code, _K.gcn, _K.serial, sale.c.merchant_id, sale.c.store_gln,
        refund.c.store_gln.label("returned_to"),
    )  # fmt: skip
    query = select(*columns).select_from(whole)
    return query.order_by(both.c.at, both.c.ref, both.c.coupon_id).limit(most)


def _uses(period: int | None, after: Place | None, most: int | None) -> Select[Any]:
    query = select(
        _S.used_at.label("at"), _S.sale_id.label("ref"), _S.coupon_id, _S.sale_id, _S.definition_id,
        _S.version, _S.parts, literal("consumed").label("kind"),
    ).where(_S.period == period)  # fmt: skip
    return _some(query, (_S.used_at, _S.sale_id, _S.coupon_id), after, most)


def _returns(period: int | None, after: Place | None, most: int | None) -> Select[Any]:
    same = and_(_S.sale_id == _R.sale_id, _S.coupon_id == _R.coupon_id)
    query = select(
        _R.returned_at.label("at"), _R.refund_id.label("ref"), _R.coupon_id, _R.sale_id, _S.definition_id,
        _S.version, _R.parts, literal("given-back").label("kind"),
    ).select_from(sale_coupon_return.join(sale_coupon, same)).where(_R.period == period)  # fmt: skip
    return _some(query, (_R.returned_at, _R.refund_id, _R.coupon_id), after, most)


def _some(query: Select[Any], place: Columns, after: Place | None, most: int | None) -> Select[Any]:
    """Those behind a place and no more than are wanted, so that a page reads no more than itself."""
    if after is not None:
        query = query.where(tuple_(*place) > after)
    return select(query.order_by(*place).limit(most).subquery()) if most is not None else query


def _cleared(row: Any) -> ClearedCoupon:
    returned = row.kind == "given-back"
    number = None if row.gcn is None else f"{row.gcn:013d}{serial_text(row.serial)}"
    store = row.returned_to if returned and row.returned_to is not None else row.store_gln
    return ClearedCoupon(
        row.at, row.ref, row.coupon_id, returned, row.code, row.version, row.merchant_id, store,
        _paid(orjson.loads(row.parts), returned), number, row.op_id,
    )  # fmt: skip


def _paid(parts: Sequence[Sequence[Any]], returned: bool) -> dict[int, int]:
    """Minor units by funder; the last two of each part say whose and how much."""
    paid: Counter[int] = Counter()
    for *_, funder, minor in parts:
        paid[int(funder)] += -minor if returned else minor
    return dict(paid)
