"""Reads of sales: one by its id, and look-ups by invoice, member or the till's own reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, select

from ledger_service.checkout.attach.models import sale_attachment
from ledger_service.checkout.basket import quantity_view
from ledger_service.checkout.couponing.used import coupons_of_sales
from ledger_service.checkout.errors import UnknownSale
from ledger_service.checkout.invoices import Paper, invoice_of
from ledger_service.checkout.models import invoice, refund, sale, sale_event
from ledger_service.checkout.record_views import answer_of
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.checkout.return_rules import ReturnPolicy, takes_back
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of, seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.members.models import member
from ledger_service.merchants.business_day import DAY_SECONDS
from ledger_service.merchants.models import store

Json = dict[str, Any]
Codes = Callable[[Iterable[int]], Mapping[int, str]]
# A business day is within two days of the day of UTC: one for zone and hour, one for the till's own word.
# What a till sold alone counts from its upload, up to seven days after its business day.
DAYS_BEFORE, DAYS_AFTER = 9, 2


@dataclass(frozen=True, slots=True)
class SaleSearch:
    """Which sales of a merchant: by exactly one of ``invoice``, ``member`` (number) and ``reference``.

    ``since`` and ``until`` bound a reference, ``store`` narrows it; ``after`` is the position of a page.
    """

    invoice: str | None = None
    member: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    store: int | None = None
    after: str | None = None
    most: int = 50


def sale_for(
    conn: Connection, merchant_id: int, sale_id: bytes, policies: Mapping[int, ReturnPolicy], codes: Codes
) -> Json:
    """The sale with its lines, refunds, events and numbers so far, for its seller and who takes back for it.

    The number of its invoice is the seller's alone to see.

    Raises:
        UnknownSale: no such sale, or another merchant's.
        SaleArchived: it stands in an archive.
    """
    row = conn.execute(select(sale).where(sale.c.sale_id == sale_id)).mappings().one_or_none()
    if row is None or not takes_back(policies, row["merchant_id"], merchant_id):
        raise UnknownSale(id_text(sale_id))
    document = _documents(conn, [dict(row)], codes)[0]
    if row["merchant_id"] != merchant_id:
        document.pop("invoice", None)
    return document


def sale_of_member(conn: Connection, member_id: int, wanted: bytes, codes: Codes) -> Json:
    """The member's own purchase with its lines, refunds and events so far; also one joined to it afterwards.

    Args:
        conn: the db transaction.
        member_id: whose.
        wanted: the sale's id, or that of the operation which spent the member's points in it.
        codes: what programmes are called.

    Raises:
        UnknownSale: no such sale, or another member's.
    """
    joined = select(sale_attachment.c.sale_id).where(sale_attachment.c.member_id == member_id)
    own = sale.c.member_id == member_id
    ways = (
        (sale.c.sale_id == wanted) & (own | sale.c.sale_id.in_(joined)),
        own & sale.c.spent.startswith(f'["{wanted.hex()}"'),
    )
    found = (conn.execute(select(sale).where(way)).mappings().one_or_none() for way in ways)
    row = next((one for one in found if one is not None), None)
    if row is None:
        raise UnknownSale(id_text(wanted))
    document = _documents(conn, [dict(row)], codes)[0]
    document.pop("invoice", None)
    return document


def sales_of_merchant(
    conn: Connection, merchant_id: int, search: SaleSearch, codes: Codes
) -> list[tuple[str, Json]]:
    """The sales that a search finds, newest first, each with its position for the next page.

    What stands in an archive is found by the number of its invoice alone.

    Raises:
        SaleArchived: the invoice is that of such a sale.
    """
    found = _found(merchant_id, search)
    if search.after is not None:
        micros, _, last = search.after.partition(" ")
        at, last_id = instant_of_micros(int(micros)), bytes.fromhex(last)
        found = found.where(
            (sale.c.occurred_at < at) | ((sale.c.occurred_at == at) & (sale.c.sale_id < last_id))
        )
    ordered = found.order_by(sale.c.occurred_at.desc(), sale.c.sale_id.desc()).limit(search.most)
    rows = [dict(row) for row in conn.execute(ordered).mappings()]
    positions = [f"{micros_of(row['occurred_at'])} {row['sale_id'].hex()}" for row in rows]
    return list(zip(positions, _documents(conn, rows, codes), strict=True))


def _found(merchant_id: int, search: SaleSearch) -> Select[Any]:
    mine = select(sale).where(sale.c.merchant_id == merchant_id)
    if search.invoice is not None:
        numbered = select(invoice.c.sale_id).where(
            invoice.c.merchant_id == merchant_id, invoice.c.number == search.invoice
        )
        return mine.where(sale.c.sale_id.in_(numbered))
    mine = mine.where(sale.c.receipt != "")
    if search.member is not None:
        whose = select(member.c.member_id).where(member.c.member_number == search.member)
        return mine.where(sale.c.member_id == whose.scalar_subquery())
    return mine.where(*_referenced(merchant_id, search))


def _referenced(merchant_id: int, search: SaleSearch) -> Iterable[ColumnElement[bool]]:
    """One step in the index of references for each store and day of the window."""
    since, until = search.since, search.until
    if since is None or until is None:
        raise ValueError("a search by reference is bounded")
    if search.store is None:
        yield sale.c.store_gln.in_(select(store.c.gln).where(store.c.merchant_id == merchant_id))
    else:
        yield sale.c.store_gln == search.store
    first, last = seconds_floor(since) // DAY_SECONDS, seconds_floor(until) // DAY_SECONDS
    yield sale.c.business_day.in_(range(first - DAYS_BEFORE, last + DAYS_AFTER + 1))
    yield sale.c.reference == search.reference
    yield sale.c.occurred_at.between(since, until)


def _documents(conn: Connection, rows: Sequence[Mapping[str, Any]], codes: Codes) -> list[Json]:
    records = [record_of(row) for row in rows]
    ids = [record.sale_id for record in records]
    refunds: dict[bytes, list[Json]] = {}
    order = (refund.c.occurred_at, refund.c.refund_id)
    chosen = select(refund.c.sale_id, refund.c.body).where(refund.c.sale_id.in_(ids)).order_by(*order)
    for found in conn.execute(chosen):
        refunds.setdefault(found.sale_id, []).append(orjson.loads(found.body))
    numbers = conn.execute(
        select(invoice).where(invoice.c.sale_id.in_(ids), invoice.c.paper == Paper.INVOICE.value)
    ).mappings()
    invoices = {row["sale_id"]: {"invoice": invoice_of(dict(row)).view()} for row in numbers}
    events, coupons = _events(conn, ids), coupons_of_sales(conn, ids)
    names = codes({p for record in records for p in record.programmes()})
    return [
        {
            **answer_of(record, names),
            **invoices.get(record.sale_id, {}),
            **({"coupons": coupons[record.sale_id]} if record.sale_id in coupons else {}),
            "lines": [*_lines(record)],
            "refunds": refunds.get(record.sale_id, []),
            "events": events.get(record.sale_id, []),
        }
        for record in records
    ]


def _events(conn: Connection, sale_ids: Sequence[bytes]) -> dict[bytes, list[Json]]:
    told: dict[bytes, list[Json]] = {}
    wanted = select(sale_event.c.sale_id, sale_event.c.name, sale_event.c.recorded_at)
    order = (sale_event.c.recorded_at, sale_event.c.name)
    for sale_id, name, at in conn.execute(wanted.where(sale_event.c.sale_id.in_(sale_ids)).order_by(*order)):
        told.setdefault(sale_id, []).append({"event": name, "recorded_at": format_instant(at)})
    return told


def _lines(record: SaleRecord) -> Iterable[Json]:
    """The lines as a till that takes them back wants them: what each cost, and how much of it is left."""
    for line, part in record.lines:
        detail = line.detail
        left = line.quantity - record.returned.pieces.get(line.line, 0)
        yield {
            "line": line.line,
            "category": line.category,
            "sku": line.sku,
            "gtin": line.gtin,
            **quantity_view(line.quantity, line.unit),
            "amount_minor": line.amount_minor,
            "points_minor": part,
            "tax_minor": None if detail is None or detail.tax is None else detail.tax_minor,
            "left": quantity_view(left, line.unit) if left else None,
        }


def merchants_of(conn: Connection, sale_ids: Sequence[bytes]) -> dict[bytes, int]:
    """At whose tills these sales were made; unknown ones are left out."""
    wanted = sale.c.sale_id.in_(list(sale_ids))
    return {row[0]: row[1] for row in conn.execute(select(sale.c.sale_id, sale.c.merchant_id).where(wanted))}
