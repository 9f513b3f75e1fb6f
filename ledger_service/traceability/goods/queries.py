"""Reading goods: products of a brand, their batches, items with their states; page by page."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, Select, select

from ledger_service.traceability.goods.errors import BatchUnknown, ProductUnknown
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.service import INDEX_BITS


def lock_product(conn: Connection, gtin: str, merchant_id: int | None) -> RowMapping:
    """The product, its row locked.

    Raises:
        ProductUnknown: there is none, or it is another merchant's (any may be seen where that is None).
    """
    wanted = select(trace_product).where(trace_product.c.gtin == gtin).with_for_update()
    return _product(conn, wanted, merchant_id)


def find_product(conn: Connection, gtin: str, merchant_id: int | None) -> RowMapping:
    """The product; raises as ``lock_product``."""
    return _product(conn, select(trace_product).where(trace_product.c.gtin == gtin), merchant_id)


def products_of(conn: Connection, merchant_id: int | None, after: str | None, most: int) -> list[RowMapping]:
    """Products of a merchant (all where None) by GTIN, behind ``after``."""
    p = trace_product.c
    query = select(trace_product).where(p.gtin > (after or ""))
    if merchant_id is not None:
        query = query.where(p.merchant_id == merchant_id)
    return list(conn.execute(query.order_by(p.gtin).limit(most)).mappings())


def batches_of(conn: Connection, gtin: str, after: int | None, most: int) -> list[RowMapping]:
    """Batches of a product by number, behind ``after``; without the seed of their codes."""
    b = trace_batch.c
    columns = [column for column in b if column.name != "seed"]
    query = select(*columns).where((b.gtin == gtin) & (b.batch_no > (after or 0)))
    return list(conn.execute(query.order_by(b.batch_no).limit(most)).mappings())


def find_batch(conn: Connection, batch_no: int, merchant_id: int | None, *, lock: bool = False) -> RowMapping:
    """The batch with its product's owner.

    Raises:
        BatchUnknown: there is none, or it is another merchant's (any may be seen where that is None).
    """
    b, p = trace_batch.c, trace_product.c
    joined = trace_batch.join(trace_product, p.gtin == b.gtin)
    query = select(trace_batch, p.merchant_id).select_from(joined).where(b.batch_no == batch_no)
    row = conn.execute(query.with_for_update(of=trace_batch) if lock else query).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise BatchUnknown
    return row


def items_after(conn: Connection, batch_no: int, after: int | None, most: int) -> list[RowMapping]:
    """Items of a batch by index, behind ``after``; no PIN, no hash of one."""
    i, first = trace_item.c, batch_no << INDEX_BITS
    last = first - 1 if after is None else first + after
    mine = (i.item_id > last) & (i.item_id < batch_no + 1 << INDEX_BITS)
    query = select(i.item_id, i.serial, i.state, i.state_at).where(mine)
    return list(conn.execute(query.order_by(i.item_id).limit(most)).mappings())


def next_unmade(conn: Connection) -> int | None:
    """A batch that lacks items; None where there is none."""
    b = trace_batch.c
    lacking = select(b.batch_no).where(b.made < b.size).order_by(b.batch_no).limit(1)
    return conn.execute(lacking).scalar_one_or_none()


def unmade(conn: Connection, most: int) -> list[RowMapping]:
    """Batches that lack items, the oldest first: number, GTIN, how many are made, of how many."""
    b = trace_batch.c
    lacking = select(b.batch_no, b.gtin, b.made, b.size).where(b.made < b.size)
    return list(conn.execute(lacking.order_by(b.batch_no).limit(most)).mappings())


def _product(conn: Connection, query: Select[tuple[object, ...]], merchant_id: int | None) -> RowMapping:
    row = conn.execute(query).mappings().one_or_none()
    if row is None or merchant_id not in (None, row["merchant_id"]):
        raise ProductUnknown
    return row
