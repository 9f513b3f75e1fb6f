"""A product with a small batch of items, and what stands under their covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert

from ledger_service.db.engine import Database
from ledger_service.merchants.models import merchant
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct, items_of

GTIN, OWNER = "09506000134352", 9506000000013
AT = datetime(2026, 5, 1, tzinfo=UTC)
MASTER = b"m" * 32


class Seeds:
    def random_bytes(self, count: int) -> bytes:
        return b"\x07" * count


@dataclass(frozen=True)
class Stock:
    """Items as (code, serial, PIN), in order."""

    batch_no: int
    items: list[tuple[str, str, str]]

    def code(self, index: int) -> str:
        return self.items[index][0]

    def pin(self, index: int) -> str:
        return self.items[index][2]


def stock_up(
    database: Database,
    master: bytes = MASTER,
    owner: int = OWNER,
    at: datetime = AT,
    markets: tuple[str, ...] = (),
) -> Stock:
    """Ten items of a batch; the merchant is there already where it is another than ``OWNER``."""
    goods = Goods(master, Seeds())
    with database.begin() as conn:
        if owner == OWNER:
            keys = {f"{k}_key": bytes(20) for k in ("admin", "operations", "settlement")}
            row = {"merchant_id": OWNER, "name": "M", "status": "active", "created_at": at}
            conn.execute(insert(merchant).values({**row, **keys}))
        goods.add_product(conn, NewProduct(GTIN, owner, ("Tea", "茶", "茶"), "Leaf", markets), at)
        batch_no = goods.open_batch(conn, NewBatch(GTIN, owner, "L1", 10, "290101"), at)
        goods.make_items(conn, batch_no)
        key = codes.batch_key(master, b"\x07" * 16)
        items = [(f"https://id.gs1.org/01/{gtin}/21/{serial}", serial, codes.pin_of(key, index))
                 for index, gtin, serial in items_of(conn, batch_no)]  # fmt: skip
    return Stock(batch_no, items)
