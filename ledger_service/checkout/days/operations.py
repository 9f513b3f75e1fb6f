"""What the ledger has of a store's business day, operation by operation, from one index each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, case, select

from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.days.models import day_void
from ledger_service.checkout.days.rules import UNSTATED, Booked, Operation
from ledger_service.checkout.models import refund, sale, unreceipted_return
from ledger_service.checkout.offline.models import offline_sale
from ledger_service.checkout.records import points_value_of, tenders_of
from ledger_service.coupons.stored.models import value_entry
from ledger_service.coupons.stored.rules import Kind
from ledger_service.coupons.tickets import rules as tickets
from ledger_service.coupons.tickets.models import ticket_entry
from ledger_service.kernel.ids import id_text
from ledger_service.points.basis import TenderType


def booked_in(conn: Connection, store_gln: int, day: int) -> list[Booked]:
    """Every operation of the day, late ones included, in no particular order.

    Raises:
        SaleArchived: one of them is whole in an archive alone, so the day cannot be counted any more.
    """
    refunds = _refunds(conn, store_gln, day)
    sold = {one.op_id: one for one in _sales(conn, store_gln, day)}
    booked = []
    for exchanged_for, one in refunds:
        forth = sold.pop(exchanged_for, None) if exchanged_for is not None else None
        booked.append(one if forth is None else _exchange(one, forth))
    beside = (_returns, _voids, _cards, _tickets)
    return [*booked, *sold.values(), *(one for some in beside for one in some(conn, store_gln, day))]


def _sales(conn: Connection, store_gln: int, day: int) -> Iterable[Booked]:
    s = sale.c
    found = select(
        s.sale_id, s.kind, s.reference, s.total_minor, s.spent, s.tenders, s.terminal_id, s.cashier,
        s.occurred_at, offline_sale.c.received_at,
        case((s.receipt == "", s.lines)).label("archived"),
    )  # fmt: skip
    found = found.outerjoin(offline_sale, offline_sale.c.sale_id == s.sale_id)
    for row in conn.execute(found.where(s.store_gln == store_gln, s.business_day == day)):
        if row.archived is not None:
            raise SaleArchived(id_text(row.sale_id), orjson.loads(row.archived))
        yield Booked(
            row.sale_id,
            Operation(row.kind),
            row.reference,
            row.total_minor,
            _paid(row.tenders, row.spent, row.total_minor),
            row.terminal_id,
            row.cashier,
            row.received_at or row.occurred_at,
        )


def _paid(tenders: str | None, spent: str, total_minor: int) -> dict[str, int]:
    if not tenders:
        points = points_value_of(spent)
        return {TenderType.POINTS: points, UNSTATED: total_minor - points}
    paid: dict[str, int] = {}
    for tender in tenders_of(tenders):
        paid[tender.type] = paid.get(tender.type, 0) + tender.amount_minor
    return paid


def _refunds(conn: Connection, store_gln: int, day: int) -> list[tuple[bytes | None, Booked]]:
    r = refund.c
    found = select(
        r.refund_id, r.sale_id, r.exchange_sale_id, r.reference, r.body, r.terminal_id, r.cashier,
        r.occurred_at,
    ).where(r.store_gln == store_gln, r.business_day == day)  # fmt: skip
    refunds = []
    for row in conn.execute(found):
        body = orjson.loads(row.body)
        if isinstance(body, str):
            raise SaleArchived(id_text(row.sale_id), body)
        given = body["cash_minor"] + body["points_value_minor"]
        one = Booked(
            row.refund_id, Operation.REFUND, row.reference, given, _given_back(body), row.terminal_id,
            row.cashier, row.occurred_at,
        )  # fmt: skip
        refunds.append((row.exchange_sale_id, one))
    return refunds


def _given_back(body: Mapping[str, Any]) -> dict[str, int]:
    if "tenders" not in body:
        return {TenderType.POINTS: body["points_value_minor"], UNSTATED: body["cash_minor"]}
    given: dict[str, int] = {}
    for tender in body["tenders"]:
        given[tender["type"]] = given.get(tender["type"], 0) + tender["amount_minor"]
    return given


def _exchange(back: Booked, forth: Booked) -> Booked:
    names = {*back.tenders, *forth.tenders}
    return Booked(
        back.op_id,
        Operation.EXCHANGE,
        forth.reference,
        forth.amount_minor - back.amount_minor,
        {name: forth.tenders.get(name, 0) - back.tenders.get(name, 0) for name in names},
        forth.terminal_id,
        forth.cashier,
        back.recorded_at,
    )


def _returns(conn: Connection, store_gln: int, day: int) -> Iterable[Booked]:
    u = unreceipted_return.c
    found = select(u.return_id, u.body, u.terminal_id, u.cashier, u.occurred_at)
    for row in conn.execute(found.where(u.store_gln == store_gln, u.business_day == day)):
        body = orjson.loads(row.body)
        credit = body["store_credit_minor"]
        yield Booked(
            row.return_id, Operation.RETURN, body["reference"], credit, {TenderType.STORED_VALUE: credit},
            row.terminal_id, row.cashier, row.occurred_at,
        )  # fmt: skip


def _cards(conn: Connection, store_gln: int, day: int) -> Iterable[Booked]:
    """Money for stored-value cards, and out of them; what cards paid is of sales and refunds."""
    e = value_entry.c
    found = select(e.ref, e.kind, e.reference, e.amount_minor, e.paid_with, e.terminal_id, e.cashier, e.at)
    mine = (e.store_gln == store_gln) & (e.business_day == day)
    for row in conn.execute(found.where(mine, e.kind.in_((Kind.ISSUE, Kind.LOAD, Kind.PAY_OUT)))):
        out = row.kind == Kind.PAY_OUT
        paid = {TenderType.CASH: row.amount_minor} if out else orjson.loads(row.paid_with)
        operation = Operation.PAY_OUT if out else Operation.LOAD
        yield Booked(
            row.ref, operation, row.reference, row.amount_minor, paid, row.terminal_id, row.cashier, row.at
        )


def _tickets(conn: Connection, store_gln: int, day: int) -> Iterable[Booked]:
    """Money for tickets, and back for them; who enters pays nothing."""
    e = ticket_entry.c
    found = select(e.ref, e.kind, e.reference, e.amount_minor, e.paid_with, e.terminal_id, e.cashier, e.at)
    mine = (e.store_gln == store_gln) & (e.business_day == day) & (e.amount_minor > 0)
    for row in conn.execute(found.where(mine)):
        operation = Operation.PAY_OUT if row.kind == tickets.Kind.REFUNDED else Operation.LOAD
        yield Booked(
            row.ref, operation, row.reference, row.amount_minor, orjson.loads(row.paid_with),
            row.terminal_id, row.cashier, row.at,
        )  # fmt: skip


def _voids(conn: Connection, store_gln: int, day: int) -> Iterable[Booked]:
    v = day_void.c
    found = select(v.hold_id, v.reference, v.terminal_id, v.cashier, v.occurred_at)
    for row in conn.execute(found.where(v.store_gln == store_gln, v.business_day == day)):
        yield Booked(
            row.hold_id, Operation.VOID, row.reference, 0, {}, row.terminal_id, row.cashier, row.occurred_at
        )
