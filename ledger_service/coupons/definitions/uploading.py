"""Goods lists and facts of products from files: read as a stream in bounded memory, whatever the file is.

A bad row is named by its line and left out. A row that is there already is no change, so a file that was cut
off is simply given again; of a product that comes twice the later row holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection

from ledger_service.coupons.definitions.lists import the_list
from ledger_service.coupons.definitions.models import coupon_goods_item, coupon_product
from ledger_service.coupons.definitions.upload_errors import GoodsFileRefused
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gtin
from ledger_service.kernel.text import clean_text

PIECE = 2_000
MOST_BAD = 100_000
_LONGEST = 1_024
_SKIP = 1 << 16
_LONGEST_FIELD = 64
GTIN, SKU, PRODUCT = "gtin", "sku", "sku,brand,manufacturer"
Reject = Callable[[int, str], None]
Take = Callable[[Connection, list["Row"]], int]


class Row(NamedTuple):
    """A row of a file; ``reason`` says why it is bad."""

    line: int
    fields: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(slots=True)
class Tally:
    """What came of the rows: new or changed, there already, bad; and the last line read."""

    added: int = 0
    known: int = 0
    bad: int = 0
    line: int = 0


@dataclass
class Upload:
    """One reading of a file; ``reject`` is told every bad row's line and reason."""

    database: Database
    reject: Reject
    tally: Tally = field(default_factory=Tally)

    def goods(self, file: BinaryIO, merchant_id: int, code: str) -> Tally:
        """The merchant's list of this code has every good row of the file, beside what it had.

        Raises:
            GoodsListUnknown: it has no such list.
            GoodsFileRefused: the first line says neither ``gtin`` nor ``sku``, or too many rows are bad.
        """
        with self.database.read() as conn:
            list_id = the_list(conn, merchant_id, code)["list_id"]
        return self._run(file, (GTIN, SKU), lambda conn, rows: put_goods(conn, list_id, rows))

    def products(self, file: BinaryIO, merchant_id: int) -> Tally:
        """Brand and manufacturer of every good row's article hold at the merchant's tills.

        Raises:
            GoodsFileRefused: the first line is not ``sku,brand,manufacturer``, or too many rows are bad.
        """
        return self._run(file, (PRODUCT,), lambda conn, rows: put_products(conn, merchant_id, rows))

    def _run(self, file: BinaryIO, headers: tuple[str, ...], take: Take) -> Tally:
        rows = rows_of(file, headers)
        while piece := list(islice(rows, PIECE)):
            self.tally.line = piece[-1].line
            good = [row for row in piece if row.reason is None]
            with self.database.begin() as conn:
                added = take(conn, good) if good else 0
            self.tally.added += added
            self.tally.known += len(good) - added
            self._refuse(row for row in piece if row.reason is not None)
        return self.tally

    def _refuse(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.tally.bad += 1
            self.reject(row.line, row.reason or "")
            if self.tally.bad >= MOST_BAD:
                raise GoodsFileRefused("too-many-bad-rows", row.line)


def rows_of(file: BinaryIO, headers: tuple[str, ...]) -> Iterator[Row]:
    """The rows behind the header; a line of any length takes no more memory than a short one.

    Raises:
        GoodsFileRefused: the first line is none of the headers.
    """
    header = _header(file, headers)
    number = 1
    while raw := file.readline(_LONGEST + 1):
        number += 1
        if len(raw) > _LONGEST:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(_SKIP)
            yield Row(number, reason="too-long")
        elif raw.strip():
            yield _row(number, raw, header)


def _header(file: BinaryIO, headers: tuple[str, ...]) -> str:
    first = file.readline(_LONGEST + 1).removeprefix(b"\xef\xbb\xbf").strip().lower()
    found = next((header for header in headers if first == header.encode()), None)
    if found is None:
        raise GoodsFileRefused("columns", 1)
    return found


def _row(number: int, raw: bytes, header: str) -> Row:
    try:
        cells = tuple(cell.strip() for cell in raw.decode().split(","))
    except UnicodeDecodeError:
        return Row(number, reason="not-utf-8")
    return row_of(number, cells, header)


def row_of(number: int, cells: tuple[str, ...], header: str) -> Row:
    """The row with these cells under the header, bad where a cell is."""
    if len(cells) != header.count(",") + 1:
        return Row(number, reason="columns")
    try:
        if header == GTIN:
            return Row(number, (parse_gtin(cells[0], "gtin"),))
        first = clean_text(cells[0], "sku", _LONGEST_FIELD)
        rest = (clean_text(cell, "cell", _LONGEST_FIELD, shortest=0) for cell in cells[1:])
        return Row(number, (first, *rest))
    except MalformedField as error:
        return Row(number, reason="gtin" if error.field == "gtin" else "text")


def put_goods(conn: Connection, list_id: int, rows: list[Row]) -> int:
    """The good rows are in the list; returns how many are new."""
    wanted = dict.fromkeys((row.fields[0], list_id) for row in rows)
    sql = sql_of(coupon_goods_item, conn)
    found = sql.select(conn, ("article", "list_id"), list(wanted))
    there = {(row["article"], row["list_id"]) for row in found}
    fresh = [key for key in wanted if key not in there]
    if fresh:
        items = [{"article": article, "list_id": key} for article, key in fresh]
        sql.insert(conn, items, or_ignore=True)
    return len(fresh)


def put_products(conn: Connection, merchant_id: int, rows: list[Row]) -> int:
    """The good rows hold for their articles; returns how many are new or changed."""
    wanted = {row.fields[0]: row.fields for row in rows}
    sql = sql_of(coupon_product, conn)
    keys = [(merchant_id, sku) for sku in wanted]
    there = {row["sku"]: row for row in sql.select(conn, ("merchant_id", "sku"), keys)}
    said = {
        sku: {"merchant_id": merchant_id, "sku": sku, "brand": brand, "manufacturer": maker}
        for sku, brand, maker in wanted.values()
    }
    fresh = [row for sku, row in said.items() if sku not in there]
    other = [row for sku, row in said.items() if sku in there and there[sku] != row]
    if fresh:
        sql.insert(conn, fresh, or_ignore=True)
    if other:
        sql.update(conn, ("brand", "manufacturer"), other)
    return len(fresh) + len(other)
