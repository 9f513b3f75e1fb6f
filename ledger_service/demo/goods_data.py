"""Which real products carry codes in the main run, where they are sold, and in which baskets; written once.

The most sold products of the manufacturers that sell most in the first nine days. What each basket takes of
them follows from the data alone: items are given out in the order of the baskets, so a run that goes on after
a crash sells the same ones again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_service.demo.alliance_plan import merchant_of_department
from ledger_service.demo.dataset import Basket, Line, data_folder, stream
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import with_check_digit

DAYS, MANUFACTURERS, PRODUCTS_EACH, MOST_SOLD, SPARE = 9, 20, 3, 150, 1
LOT = "A1"
# The prefix of the makers' numbers, under the one of GS1 for examples; merchants have 9520 and 9521.
_PREFIX = "9529"
Item = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Lot:
    """A product with its one lot: items from ``first`` on, so many of them, went to each store."""

    gtin: str
    manufacturer: int
    name: str
    merchant: str
    size: int
    stores: dict[int, tuple[int, int]]

    @property
    def maker(self) -> str:
        """The GLN of the manufacturer's works."""
        return works(self.manufacturer)


@dataclass(frozen=True, slots=True)
class Plan:
    """All lots, and the items that each checkout (its name) takes away, with when (seconds)."""

    lots: tuple[Lot, ...]
    sold: dict[str, tuple[Item, ...]]
    at: dict[str, int]


def works(manufacturer: int) -> str:
    """The GLN of a manufacturer; number 0 is the distribution centre."""
    return with_check_digit(f"{_PREFIX}{manufacturer:04d}0000")


def container(manufacturer: int, number: int) -> str:
    """The SSCC of a case or pallet."""
    return with_check_digit(f"0{_PREFIX}{manufacturer:04d}{number:08d}")


def ensure_goods(baskets: Path, manufacturers: int) -> Plan:
    """The plan beside the converted data, made in a process of its own where it is not there yet."""
    path = baskets.with_name(f"goods-{manufacturers}.json")
    if not path.exists():
        command = [
            sys.executable, "-m", "ledger_service.demo.goods_data",
            str(path), str(baskets), str(manufacturers),
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    told = json.loads(path.read_text())
    lots = tuple(
        Lot(gtin, maker, name, merchant, size, {int(store): (at, count) for store, (at, count) in of.items()})
        for gtin, maker, name, merchant, size, of in told["lots"]
    )
    sold = {name: tuple((gtin, index) for gtin, index in items) for name, items in told["sold"].items()}
    return Plan(lots, sold, told["at"])


def plan_of(
    baskets: Iterator[Basket], products: dict[int, dict[str, Any]], manufacturers: int = MANUFACTURERS
) -> dict[str, Any]:
    """The plan as JSON, from the baskets of the first days and the products' own rows."""
    found = list(baskets)
    chosen = _chosen(found, products, manufacturers)
    sold: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    taken: Counter[int] = Counter()
    of_store: dict[int, Counter[int]] = {product: Counter() for product in chosen}
    for name, store, line in _bought(found):
        if line.product not in chosen or taken[line.product] + line.quantity > MOST_SOLD:
            continue
        taken[line.product] += line.quantity
        place = of_store[line.product][store]
        of_store[line.product][store] += line.quantity
        sold[name] += [(line.product, store, place + n) for n in range(line.quantity)]
    lots = {product: _lot(gtin, products[product], of_store[product]) for product, gtin in chosen.items()}
    named = {
        name: [(lots[p][0], lots[p][5][store][0] + place) for p, store, place in items]
        for name, items in sold.items()
    }
    at = {f"{b.basket_id}-{key}": seconds_floor(b.at) for b in found for key in b.checkouts}
    return {"lots": sorted(lots.values()), "sold": named, "at": {name: at[name] for name in named}}


def _bought(baskets: list[Basket]) -> Iterator[tuple[str, int, Line]]:
    """Every line with the name of its checkout and its store."""
    for basket in baskets:
        for key, lines in basket.checkouts.items():
            yield from ((f"{basket.basket_id}-{key}", basket.store, line) for line in lines)


def _chosen(baskets: list[Basket], products: dict[int, dict[str, Any]], manufacturers: int) -> dict[int, str]:
    """The GTINs of the products that carry codes."""
    lines: Counter[int] = Counter(
        line.product
        for basket in baskets
        for key, some in basket.checkouts.items()
        for line in some
        if key != "NONE" and line.product in products and products[line.product]["product_type"]
    )
    makers: Counter[int] = Counter()
    for product, count in lines.items():
        makers[products[product]["manufacturer_id"]] += count
    chosen: dict[int, str] = {}
    for maker, _ in sorted(makers.items(), key=lambda one: (-one[1], one[0]))[:manufacturers]:
        own = [(-count, product) for product, count in lines.items()
               if products[product]["manufacturer_id"] == maker]  # fmt: skip
        for number, (_, product) in enumerate(sorted(own)[:PRODUCTS_EACH], start=1):
            chosen[product] = with_check_digit(f"0{_PREFIX}{maker:04d}{number:04d}")
    return chosen


def _lot(gtin: str, product: dict[str, Any], sold: Counter[int]) -> list[Any]:
    first, stores = 0, {}
    for store in sorted(sold):
        stores[store] = (first, sold[store] + SPARE)
        first += sold[store] + SPARE
    name = " ".join(part for part in (product["product_type"].capitalize(), product["package_size"]) if part)
    merchant = merchant_of_department(product["department"]).key
    return [gtin, product["manufacturer_id"], name, merchant, first, stores]


def _main(path: Path, baskets: Path, manufacturers: int) -> None:
    import pyarrow.parquet

    from ledger_service.demo.replay import end_of_day

    rows = pyarrow.parquet.read_table(data_folder() / "products.parquet").to_pylist()
    products = {row["product_id"]: row for row in rows}
    plan = plan_of(stream(baskets, 0, end_of_day(DAYS)), products, manufacturers)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(plan))
    unfinished.replace(path)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
