"""The part of an export that says what was bought and how it was paid: lines with their taxes, tenders,
refunds line by line, invoices, and the coupons that took something off.

Of a sale in the archive the lines and tenders stand there and not here; ``archived_minor`` of
``sale_details`` says how much that was, so that it and the lines together come to the total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import select

from ledger_service.checkout.basket import LineDetail
from ledger_service.checkout.couponing.models import sale_coupon, sale_coupon_return
from ledger_service.checkout.models import invoice, refund, sale
from ledger_service.checkout.records import line_of, tenders_of
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.merchants.business_day import day_text
from ledger_service.moving_in.snapshot import Export, pages
from ledger_service.moving_in.writing import Cells

# A basket has up to 200 lines, so fewer sales are read at a time than rows elsewhere.
_SALES_AT_ONCE = 1_000
BASKETS = {
    "sale_details": ("sale_id", "store", "terminal", "reference", "currency", "total_minor", "business_date",
                     "cashier", "archived"),
    "sale_lines": ("sale_id", "line", "category", "quantity", "unit", "amount_minor", "points_minor", "sku",
                   "gtin", "kind", "tax_rate_bps", "tax_minor", "tax_included", "regular_minor",
                   "override_reason", "staff_discount_minor"),
    "tenders": ("sale_id", "position", "type", "amount_minor", "programme", "points", "funder", "reference"),
    "refunds": ("refund_id", "sale_id", "merchant", "store", "reference", "business_date", "cashier",
                "exchange_sale_id", "refunded_minor", "cash_minor", "points_value_minor",
                "cash_withheld_minor", "occurred_at"),
    "refund_tenders": ("refund_id", "position", "type", "amount_minor", "programme", "reference"),
    "refund_lines": ("refund_id", "line", "quantity", "unit", "tax_minor"),
    "invoices": ("merchant", "scheme", "paper", "number", "sale_id", "refund_id", "carrier", "carrier_id"),
    "coupon_uses": ("sale_id", "coupon_id", "merchant", "definition", "discount_minor", "used_at"),
    "coupon_returns": ("refund_id", "coupon_id", "sale_id", "returned_minor", "returned_at"),
}  # fmt: skip
_MONEY_BACK = ("refunded_minor", "cash_minor", "points_value_minor", "cash_withheld_minor")


def baskets(told: Export) -> Iterator[str]:
    """The tables of ``BASKETS`` are written; gives the name of the table after each page of it."""
    yield from _sold(told)
    yield from _refunded(told)
    yield from _invoices(told)
    yield from _coupons_used(told)
    yield from _coupons_returned(told)


def _sold(told: Export) -> Iterator[str]:
    s = sale.c
    query = select(s.sale_id, s.store_gln, s.terminal_id, s.reference, s.currency, s.total_minor,
                   s.business_day, s.cashier, s.lines, s.tenders)  # fmt: skip
    for page in pages(told.conn, told.of_whom(query, sale), [s.sale_id], _SALES_AT_ONCE):
        for row in page:
            stored = orjson.loads(row.lines)
            archived = isinstance(stored, str)
            _add_details(told, row, archived)
            if not archived:
                _add_lines(told, row.sale_id.hex(), stored)
                _add_tenders(told, row)
        yield "sale_lines"


def _add_details(told: Export, row: Any, archived: bool) -> None:
    cells = (row.sale_id.hex(), gln_text(row.store_gln), row.terminal_id, row.reference, row.currency,
             str(row.total_minor), _day(row.business_day), row.cashier or "", _flag(archived))  # fmt: skip
    told.tables["sale_details"].add([cells])
    told.tables["sale_details"].sums["total_minor"] += row.total_minor
    told.tables["sale_details"].sums["archived_minor"] += row.total_minor if archived else 0


def _add_lines(told: Export, sale_id: str, stored: list[list[Any]]) -> None:
    table, rows = told.tables["sale_lines"], list[Cells]()
    for values in stored:
        line, points_minor = line_of(values)
        detail = line.detail or LineDetail()
        rows.append((
            sale_id, line.line, line.category, str(line.quantity), detail.unit, str(line.amount_minor),
            str(points_minor), line.sku or "", line.gtin or "", detail.kind, *_tax(detail),
            _number(detail.regular_minor), detail.override_reason, str(detail.staff_discount_minor),
        ))  # fmt: skip
        table.sums["amount_minor"] += line.amount_minor
        table.sums["points_minor"] += points_minor
        table.sums["tax_minor"] += detail.tax_minor
    table.add(rows)


def _tax(detail: LineDetail) -> Cells:
    tax = detail.tax
    return ("", "", "") if tax is None else (str(tax.rate_bps), str(tax.amount_minor), _flag(tax.included))


def _add_tenders(told: Export, row: Any) -> None:
    table = told.tables["tenders"]
    some = tenders_of(row.tenders) if row.tenders else ()
    for one in some:
        table.sums[f"{one.type}_minor"] += one.amount_minor
        table.points[one.programme] += one.points if one.programme else 0
    table.add([
        (row.sale_id.hex(), str(place), one.type, str(one.amount_minor), one.programme,
         str(one.points) if one.programme else "", "" if one.funder is None else gln_text(one.funder),
         one.reference)
        for place, one in enumerate(some)
    ])  # fmt: skip


def _refunded(told: Export) -> Iterator[str]:
    f, table = refund.c, told.tables["refunds"]
    for page in pages(told.conn, told.of_whom(select(refund), refund), [f.refund_id], _SALES_AT_ONCE):
        rows = list[Cells]()
        for row in page:
            found = orjson.loads(row.body)
            # An archived answer is a text that says where it stands.
            body: dict[str, Any] = found if isinstance(found, dict) else {}
            for name in _MONEY_BACK:
                table.sums[name] += body.get(name, 0)
            rows.append((
                row.refund_id.hex(), row.sale_id.hex(), gln_text(row.merchant_id),
                "" if row.store_gln is None else gln_text(row.store_gln), row.reference,
                _day(row.business_day), row.cashier or "", _hex(row.exchange_sale_id),
                *(_number(body.get(name)) for name in _MONEY_BACK), format_instant(row.occurred_at),
            ))  # fmt: skip
            _add_tenders_back(told, row.refund_id.hex(), body.get("tenders", ()))
            told.tables["refund_lines"].add([_came_back(row.refund_id, one) for one in body.get("lines", ())])
        table.add(rows)
        yield "refunds"


def _add_tenders_back(told: Export, refund_id: str, some: Sequence[dict[str, Any]]) -> None:
    table = told.tables["refund_tenders"]
    for one in some:
        table.sums[f"{one['type']}_minor"] += one["amount_minor"]
    table.add([
        (refund_id, str(place), one["type"], str(one["amount_minor"]), one.get("programme", ""),
         one.get("reference", ""))
        for place, one in enumerate(some)
    ])  # fmt: skip


def _came_back(refund_id: bytes, line: dict[str, Any]) -> Cells:
    measure = line.get("measure")
    if measure is not None:
        quantity, unit = measure["thousandths"], measure["unit"]
    elif "weight_grams" in line:
        quantity, unit = line["weight_grams"], "gram"
    else:
        quantity, unit = line["quantity"], "piece"
    return (refund_id.hex(), line["line"], str(quantity), unit, _number(line.get("tax_minor")))


def _invoices(told: Export) -> Iterator[str]:
    i = invoice.c
    keys = [i.merchant_id, i.number, i.scheme, i.paper, i.period]
    for page in pages(told.conn, told.of_whom(select(invoice), invoice), keys):
        told.tables["invoices"].add([
            (gln_text(row.merchant_id), row.scheme, row.paper, row.number, row.sale_id.hex(),
             _hex(row.refund_id), row.carrier, row.carrier_id)
            for row in page
        ])  # fmt: skip
        yield "invoices"


def _coupons_used(told: Export) -> Iterator[str]:
    u, table = sale_coupon.c, told.tables["coupon_uses"]
    query = select(u.sale_id, u.coupon_id, u.discount_minor, u.used_at, coupon_definition.c.merchant_id,
                   coupon_definition.c.code)  # fmt: skip
    joined = query.join(coupon_definition, coupon_definition.c.definition_id == u.definition_id)
    for page in pages(told.conn, told.of_whom(joined, sale_coupon), [u.sale_id, u.coupon_id]):
        table.sums["discount_minor"] += sum(row.discount_minor for row in page)
        table.add([
            (row.sale_id.hex(), row.coupon_id.hex(), gln_text(row.merchant_id), row.code,
             str(row.discount_minor), format_instant(row.used_at))
            for row in page
        ])  # fmt: skip
        yield "coupon_uses"


def _coupons_returned(told: Export) -> Iterator[str]:
    r, table = sale_coupon_return.c, told.tables["coupon_returns"]
    query = told.of_whom(select(sale_coupon_return), sale_coupon_return)
    for page in pages(told.conn, query, [r.refund_id, r.coupon_id]):
        table.sums["returned_minor"] += sum(row.returned_minor for row in page)
        table.add([
            (row.refund_id.hex(), row.coupon_id.hex(), row.sale_id.hex(), str(row.returned_minor),
             format_instant(row.returned_at))
            for row in page
        ])  # fmt: skip
        yield "coupon_returns"


def _day(day: int | None) -> str:
    return "" if day is None else day_text(day)


def _flag(value: bool) -> str:
    return "yes" if value else "no"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _hex(value: bytes | None) -> str:
    return "" if value is None else value.hex()
