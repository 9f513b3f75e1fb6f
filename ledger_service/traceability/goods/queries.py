"""Reading goods: products of a brand, their batches, items with their states; page by page."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, Select, select

from ledger_service.traceability.goods.errors import BatchUnknown, ProductUnknown
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.service import INDEX_BITS

_P, _B, _I = trace_product.c, trace_batch.c, trace_item.c


def lock_product(conn: Connection, gtin: str, merchant_id: int | None) -> RowMapping:
    """The product, its row locked.

    Raises:
        ProductUnknown: there is none, or it is another merchant's (any may be seen where that is None).
    """
    return _product(conn, select(trace_product).where(gtin == _P.gtin).with_for_update(), merchant_id)


def find_product(conn: Connection, gtin: str, merchant_id: int | None) -> RowMapping:
    """The product; raises as ``lock_product``."""
    return _product(conn, select(trace_product).where(gtin == _P.gtin), merchant_id)


def products_of(conn: Connection, merchant_id: int | None, after: str | None, most: int) -> list[RowMapping]:
    """Products of a merchant (all where None) by GTIN, behind ``after``."""
    query = select(trace_product).where(_P.gtin > (after or ""))
    if merchant_id is not None:
        query = query.where(_P.merchant_id == merchant_id)
    return list(conn.execute(query.order_by(_P.gtin).limit(most)).mappings())


def batches_of(conn: Connection, gtin: str, after: int | None, most: int) -> list[RowMapping]:
    """Batches of a product by number, behind ``after``; without the seed of their codes."""
    columns = [column for column in trace_batch.c if column.name != "seed"]
    query = select(*columns).where((gtin == _B.gtin) & (_B.batch_no > (after or 0)))
    return list(conn.execute(query.order_by(_B.batch_no).limit(most)).mappings())


def find_batch(conn: Connection, batch_no: int, merchant_id: int | None, *, lock: bool = False) -> RowMapping:
    """The batch with its product's owner.

    Raises:
        BatchUnknown: there is none, or it is another merchant's (any may be seen where that is None).
    """
    joined = trace_batch.join(trace_product, _P.gtin == _B.gtin)
    query = select(trace_batch, _P.merchant_id).select_from(joined).where(batch_no == _B.batch_no)
    row = conn.execute(query.with_for_update(of=trace_batch) if lock else query).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise BatchUnknown
    return row


def items_after(conn: Connection, batch_no: int, after: int | None, most: int) -> list[RowMapping]:
    """Items of a batch by index, behind ``after``; no PIN, no hash of one."""
    first = batch_no << INDEX_BITS
    last = first - 1 if after is None else first + after
    mine = (_I.item_id > last) & (_I.item_id < batch_no + 1 << INDEX_BITS)
    query = select(_I.item_id, _I.serial, _I.state, _I.state_at).where(mine)
    return list(conn.execute(query.order_by(_I.item_id).limit(most)).mappings())


def _product(conn: Connection, query: Select[tuple[object, ...]], merchant_id: int | None) -> RowMapping:
    row = conn.execute(query).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise ProductUnknown
    return row
