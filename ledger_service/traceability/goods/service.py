"""Products, batches and their items; the caller commits.

Items are made in steps, each whole in one db transaction, so a run that was killed goes on behind the last
step that stands and ends with the codes that it would have made. ``items_of`` is what a batch's root on
chain is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.db.bulk import sql_of
from ledger_service.kernel.digital_link.identifiers import identifiers
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gtin
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.text import clean_integer, clean_text
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import MOST_ITEMS, trace_batch, trace_item, trace_product
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.prefixes.service import require_own

STEP_ITEMS = 20_000
PAGE_ITEMS = 10_000
INDEX_BITS = 24
_SEED_BYTES = 16
_COUNTRY = re.compile(r"[A-Z]{2}")
_LOT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product; names in English, simplified and traditional Chinese; no markets for all countries."""

    gtin: str
    merchant_id: int
    names: tuple[str, str, str]
    brand: str
    markets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch of a merchant's own product: lot, number of items, and expiry as YYMMDD or None."""

    gtin: str
    merchant_id: int
    lot: str
    size: int
    expiry: str | None = None


@dataclass(frozen=True)
class Goods:
    """Commands on goods; ``master`` is the service's secret behind all codes and PINs."""

    master: bytes = field(repr=False)
    ids: IdSource

    def add_product(self, conn: Connection, new: NewProduct, at: datetime) -> None:
        """The product is the merchant's.

        Raises:
            MalformedField: no GTIN, one that is taken, or a text that is none.
            GtinOfAnother: it lies under the company prefix of another merchant.
        """
        gtin = parse_gtin(new.gtin, "gtin")
        require_own(conn, gtin, new.merchant_id)
        if conn.execute(select(trace_product.c.gtin).where(trace_product.c.gtin == gtin)).first():
            raise MalformedField("gtin", "is a product already")
        if not all(_COUNTRY.fullmatch(market) for market in new.markets):
            raise MalformedField("markets", "must be countries of two capitals")
        names = ("name_en", "name_zh_hans", "name_zh_hant")
        row = {name: clean_text(text, name, 200) for name, text in zip(names, new.names, strict=True)}
        row |= {"gtin": gtin, "brand": clean_text(new.brand, "brand", 100)}
        markets = ",".join(new.markets)
        made = {"merchant_id": new.merchant_id, "markets": markets, "made_at": at}
        conn.execute(insert(trace_product).values(row | made))

    def open_batch(self, conn: Connection, new: NewBatch, at: datetime) -> int:
        """The batch waits for its items; returns its number.

        Raises:
            MalformedField: another merchant's product, a lot that is none or taken, a size out of range.
            LinkMalformed: an expiry that is no day.
        """
        gtin, p = parse_gtin(new.gtin, "gtin"), trace_product.c
        owner = conn.execute(select(p.merchant_id).where(p.gtin == gtin)).scalar_one_or_none()
        if owner != new.merchant_id:
            raise MalformedField("gtin", "must be a product of the merchant")
        if not 1 <= len(new.lot) <= 20 or not _LOT.issuperset(new.lot):
            raise MalformedField("lot", "must be 1 to 20 capitals, digits or hyphens")
        if new.expiry is not None:
            identifiers()["17"].check(new.expiry)
        b = trace_batch.c
        if conn.execute(select(b.batch_no).where((b.gtin == gtin) & (b.lot == new.lot))).first():
            raise MalformedField("lot", "is a batch of the product already")
        row = {"gtin": gtin, "lot": new.lot, "expiry": new.expiry, "made": 0, "opened_at": at,
               "size": clean_integer(new.size, "size", 1, MOST_ITEMS),
               "seed": self.ids.random_bytes(_SEED_BYTES)}  # fmt: skip
        made = conn.execute(insert(trace_batch).values(row).returning(b.batch_no))
        return int(made.scalar_one())

    def make_items(self, conn: Connection, batch_no: int, most: int = STEP_ITEMS) -> tuple[int, int]:
        """Some more items of the batch are stored; returns how many are by now, and how many there will be.

        Raises:
            MalformedField: no such batch.

        Idempotency: repeat until both are equal. Locks: the batch's row.
        """
        b = trace_batch.c
        found = conn.execute(select(trace_batch).where(b.batch_no == batch_no).with_for_update())
        batch = found.mappings().one_or_none()
        if batch is None:
            raise MalformedField("batch", "is unknown")
        end = min(batch["made"] + most, batch["size"])
        rows = self._items(conn, batch, end)
        if rows:
            sql_of(trace_item, conn).insert(conn, rows)
            conn.execute(update(trace_batch).where(b.batch_no == batch_no).values(made=end))
        return end, batch["size"]

    def is_opened_by(self, conn: Connection, item: tuple[str, str], pin: str) -> int | None:
        """The item's id where this is its PIN; None for a wrong PIN, an unknown item and a locked one alike.

        A wrong try counts once the caller commits, also when the answer is a refusal; after
        ``MOST_WRONG_PINS`` the right PIN opens nothing either.

        Locks: the item's row.
        """
        i = trace_item.c
        mine = (i.gtin == item[0]) & (i.serial == item[1])
        columns = select(i.item_id, i.pin_hash, i.wrong_pins).where(mine).with_for_update()
        row = conn.execute(columns).one_or_none()
        right = codes.is_right_pin(self.master, item, None if row is None else row.pin_hash, pin)
        if row is None or row.wrong_pins >= codes.MOST_WRONG_PINS:
            return None
        if right:
            return int(row.item_id)
        change = update(trace_item).where(i.item_id == row.item_id).values(wrong_pins=row.wrong_pins + 1)
        conn.execute(change)
        return None

    def _items(self, conn: Connection, batch: RowMapping, end: int) -> list[dict[str, Any]]:
        key, first = codes.batch_key(self.master, batch["seed"]), batch["made"]
        serials = _free_serials(conn, batch["gtin"], key, range(first, end))
        return [self._item(batch, key, first + i, serial) for i, serial in enumerate(serials)]

    def _item(self, batch: RowMapping, key: bytes, index: int, serial: str) -> dict[str, Any]:
        gtin = batch["gtin"]
        hashed = codes.pin_hash(self.master, gtin, serial, codes.pin_of(key, index))
        return {"item_id": batch["batch_no"] << INDEX_BITS | index, "gtin": gtin, "serial": serial,
                "pin_hash": hashed, "state": str(State.GENERATED), "state_before": None, "state_place": None,
                "state_at": None, "wrong_pins": 0, "contradicts": None}  # fmt: skip


def _free_serials(conn: Connection, gtin: str, key: bytes, indices: range) -> Sequence[str]:
    """A serial for each index; where one is taken, by chance once in millions of batches, the next."""
    made = [codes.serial_of(key, index) for index in indices]
    sql = sql_of(trace_item, conn)
    taken = {row["serial"] for row in sql.select(conn, ("serial", "gtin"), [(s, gtin) for s in set(made)])}
    for place, index in enumerate(indices):
        attempt = 0
        while made[place] in taken:
            attempt += 1
            made[place] = codes.serial_of(key, index, attempt)
        taken.add(made[place])
    return made


def items_of(
    conn: Connection, batch_no: int, part: tuple[int, int] = (0, MOST_ITEMS)
) -> Iterator[tuple[int, str, str]]:
    """Index, GTIN and serial of a batch's items in order, from an index on; for roots, labels and exports."""
    i = trace_item.c
    first = batch_no << INDEX_BITS
    behind, after = first + min(sum(part), 1 << INDEX_BITS), first + part[0] - 1
    while True:
        wanted = select(i.item_id, i.gtin, i.serial).where((i.item_id > after) & (i.item_id < behind))
        page = conn.execute(wanted.order_by(i.item_id).limit(PAGE_ITEMS)).all()
        for item_id, gtin, serial in page:
            yield item_id - first, gtin, serial
        if len(page) < PAGE_ITEMS:
            return
        after = page[-1].item_id
