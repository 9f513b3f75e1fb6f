"""Links of products and batches: set in versions by their brand, found for a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, RowMapping, func, insert, select

from ledger_service.traceability.goods.errors import BatchUnknown
from ledger_service.traceability.goods.models import trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.queries import lock_product
from ledger_service.traceability.goods.service import INDEX_BITS
from ledger_service.traceability.linking.models import trace_link_set
from ledger_service.traceability.linking.rules import Link, merged

OF_PRODUCT = ""


@dataclass(frozen=True, slots=True)
class Led:
    """A product that a code leads to, with the links that count for it; ``recalled`` tells of its batch."""

    product: RowMapping
    links: Sequence[Link]
    recalled: bool


def set_links(
    conn: Connection, about: tuple[str, str, int | None], links: Sequence[Link], by: str, at: datetime
) -> int:
    """The links count from now on; returns their version.

    Args:
        conn: of the caller, which commits.
        about: GTIN, lot (empty for the product's own), and whose product it must be (None for anybody's).
        links: all of them; none takes the batch's own away.
        by: who.
        at: when.

    Raises:
        ProductUnknown, BatchUnknown: no such product or lot.

    Locks: the product's row.
    """
    gtin, lot, merchant_id = about
    lock_product(conn, gtin, merchant_id)
    b, s = trace_batch.c, trace_link_set.c
    known = select(b.batch_no).where((b.gtin == gtin) & (b.lot == lot))
    if lot and conn.execute(known).first() is None:
        raise BatchUnknown
    last = select(func.coalesce(func.max(s.version), 0)).where((s.gtin == gtin) & (s.lot == lot))
    version = int(conn.execute(last).scalar_one()) + 1
    text = orjson.dumps([asdict(link) for link in links]).decode()
    row = {"gtin": gtin, "lot": lot, "version": version, "links": text, "set_by": by, "set_at": at}
    conn.execute(insert(trace_link_set).values(row))
    return version


def links_of(conn: Connection, gtin: str, lot: str) -> tuple[int, list[Link]]:
    """The version and links of a product or one lot; version 0 and none where nothing was ever set."""
    s = trace_link_set.c
    mine = select(s.version, s.links).where((s.gtin == gtin) & (s.lot == lot))
    row = conn.execute(mine.order_by(s.version.desc()).limit(1)).one_or_none()
    if row is None:
        return 0, []
    made = [Link(**{**one, "languages": tuple(one["languages"])}) for one in orjson.loads(row.links)]
    return int(row.version), made


def find_links(conn: Connection, gtin: str, lot: str | None, serial: str | None) -> Led | None:
    """Where a code leads; None for a GTIN that is no product. An unknown lot or serial is its product's."""
    product = conn.execute(select(trace_product).where(trace_product.c.gtin == gtin)).mappings().one_or_none()
    if product is None:
        return None
    batch = _batch(conn, gtin, lot, serial)
    _, own = links_of(conn, gtin, OF_PRODUCT)
    if batch is None:
        return Led(product, own, False)
    _, of_lot = links_of(conn, gtin, batch["lot"])
    return Led(product, merged(own, of_lot), batch["recalled_at"] is not None)


def _batch(conn: Connection, gtin: str, lot: str | None, serial: str | None) -> RowMapping | None:
    b, i = trace_batch.c, trace_item.c
    if serial is not None:
        item = select(i.item_id).where((i.serial == serial) & (i.gtin == gtin))
        item_id = conn.execute(item).scalar_one_or_none()
        if item_id is not None:
            mine = b.batch_no == item_id >> INDEX_BITS
            return conn.execute(select(trace_batch).where(mine)).mappings().one_or_none()
    if lot is None:
        return None
    return conn.execute(select(trace_batch).where((b.gtin == gtin) & (b.lot == lot))).mappings().one_or_none()
