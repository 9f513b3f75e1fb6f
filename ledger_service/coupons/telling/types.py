"""Types of coupons on the chain: a number for each, registered once a version of the terms is live.

A definition's own GCN is that of what it gives out first: codes, or coupons without any. The contract wants
lists for the one and none for the other, so the other gets a further number under the alliance's prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.codes.rules import GENERIC, SEALED, serial_text
from ledger_service.coupons.definitions.changes import lock_changes, next_number
from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.coupons.definitions.numbers import gcn_of
from ledger_service.coupons.telling.models import coupon_type
from ledger_service.coupons.telling.rules import bounds_of
from ledger_service.coupons.terms.text import terms_hash, terms_of
from ledger_service.coupons.terms.values import Terms
from ledger_service.db.models import alliance
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.coupon_operations import (
    CODEC,
    TARGET,
    AnchorRoot,
    CouponOperation,
    RegisterType,
    serial_word,
)
from ledger_service.kernel.ids import derive_id
from ledger_service.outbox.beside.queries import last_queued, standings
from ledger_service.outbox.beside.service import enqueue_now

_A, _D, _L, _T, _V = alliance.c, coupon_definition.c, coupon_code_list.c, coupon_type.c, coupon_version.c


def has_contract(conn: Connection) -> bool:
    """Whether the alliance has a contract of coupons; one founded before there was any goes on without."""
    return conn.execute(select(_A.coupons)).scalar_one_or_none() is not None


def root_id(list_id: int) -> bytes:
    """The operation that anchors a list's root, once for ever."""
    return derive_id("coupon root", list_id)


def type_for(conn: Connection, definition_id: int, *, open_type: bool) -> RowMapping | None:
    """The definition's type for codes, or its open one; made where it is missing.

    Returns:
        None where the alliance's prefix has no number left for it.

    Locks: where it is made, the row of changes.
    """
    mine = select(coupon_type).where(_T.definition_id == definition_id, _T.open == open_type)
    found = conn.execute(mine).mappings().one_or_none()
    if found is not None:
        return found
    number = next_number(conn)
    found = conn.execute(mine).mappings().one_or_none()
    if found is not None:
        return found
    own, prefix = _own_number(conn, definition_id, open_type=open_type), conn.execute(select(_A.gs1_prefix))
    gcn = own if own is not None else gcn_of(prefix.scalar_one_or_none() or "", number)
    if gcn is not None:
        conn.execute(insert(coupon_type).values(gcn=gcn, definition_id=definition_id, open=open_type))
    return conn.execute(mine).mappings().one_or_none()


def register(conn: Connection, definition_id: int, at: datetime) -> None:
    """The chain will know the definition as it is live now, and the lists of it that are sealed.

    Where nothing is live yet nothing is told: the version that goes live calls again.

    Locks: the row of changes, so that of a list that is sealed and terms that go live at once the second
    sees the first.
    """
    if not has_contract(conn):
        return
    lock_changes(conn)
    live = _live(conn, definition_id)
    if not live:
        return
    if not _types(conn, definition_id):
        type_for(conn, definition_id, open_type=not _has_codes(conn, definition_id))
    told: list[CouponOperation] = []
    for row in _types(conn, definition_id):
        if row["terms"] < live[-1][1].version:
            told.append(_registration(conn, row, live, at))
    send(conn, [*told, *_roots(conn, definition_id, at)], at)


def send(conn: Connection, operations: list[CouponOperation], at: datetime) -> None:
    """The operations are in the outbox behind all that waits there, in their order, whatever clock ``at`` is.

    One that the contract judges by what another wrote must not overtake it.
    """
    last = last_queued(conn, TARGET)
    behind = at if last is None else max(at, last + timedelta(microseconds=1))
    enqueue_now(conn, TARGET, CODEC, operations, behind)


def _live(conn: Connection, definition_id: int) -> list[tuple[datetime, Terms]]:
    mine = (_V.definition_id == definition_id) & _V.live_from.is_not(None)
    rows = conn.execute(select(_V.live_from, _V.body).where(mine).order_by(_V.version))
    return [(row.live_from, terms_of(orjson.loads(row.body))) for row in rows]


def _types(conn: Connection, definition_id: int) -> list[RowMapping]:
    mine = select(coupon_type).where(_T.definition_id == definition_id).order_by(_T.gcn)
    return list(conn.execute(mine).mappings())


def _registration(
    conn: Connection, row: RowMapping, live: list[tuple[datetime, Terms]], at: datetime
) -> RegisterType:
    bounds, newest = bounds_of(live, open_type=row["open"]), live[-1][1]
    version = row["version"] + 1
    values = {"version": version, "terms": newest.version}
    conn.execute(update(coupon_type).where(_T.gcn == row["gcn"]).values(**values))
    return RegisterType(
        derive_id("coupon type", row["gcn"], version), newest.merchant, seconds_floor(at), row["gcn"],
        version, bounds.cap, bounds.opens_at, bounds.closes_at, int(bounds.rule), int(row["open"]),
        terms_hash(newest),
    )  # fmt: skip


def _roots(conn: Connection, definition_id: int, at: datetime) -> Iterator[AnchorRoot]:
    """The roots of sealed lists that the chain was not told of; a generic code is everybody's, not a list."""
    mine = (_L.definition_id == definition_id) & (_L.state == SEALED) & (_L.kind != GENERIC)
    numbered = mine & _L.gcn.in_(select(_T.gcn).where(~_T.open))
    rows = conn.execute(select(coupon_code_list).where(numbered).order_by(_L.first)).mappings().all()
    known = standings(conn, [root_id(row["list_id"]) for row in rows])
    for row in rows:
        if root_id(row["list_id"]) not in known:
            yield AnchorRoot(
                root_id(row["list_id"]), row["merchant_id"], seconds_floor(at), row["gcn"], row["root"],
                serial_word(serial_text(row["first"])), row["size"],
            )  # fmt: skip


def _own_number(conn: Connection, definition_id: int, *, open_type: bool) -> int | None:
    """The definition's own GCN, where it is free for such a type."""
    gcn = conn.execute(select(_D.gcn_type).where(_D.definition_id == definition_id)).scalar_one_or_none()
    if gcn is None or conn.execute(select(_T.gcn).where(_T.gcn == gcn)).first() is not None:
        return None
    if open_type and _has_codes(conn, definition_id):
        return None
    return int(gcn)


def _has_codes(conn: Connection, definition_id: int) -> bool:
    mine = (_L.definition_id == definition_id) & (_L.kind != GENERIC)
    return conn.execute(select(_L.list_id).where(mine).limit(1)).first() is not None
