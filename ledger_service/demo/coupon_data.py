"""The data set's real coupon campaigns, converted once into a small SQLite file beside the baskets.

Campaigns, the households that each was sent to, the products of each coupon, and every redemption with the
checkout at which it is shown here. Days are those of the American east coast, as in the whole run.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger_service.demo.alliance_plan import merchant_of_department
from ledger_service.demo.dataset import Basket, data_folder, stream
from ledger_service.kernel.clock import seconds_floor

_COAST = ZoneInfo("America/New_York")
_SCHEMA = """
CREATE TABLE campaign (campaign INTEGER PRIMARY KEY, kind TEXT NOT NULL, begins INTEGER NOT NULL,
    ends INTEGER NOT NULL);
CREATE TABLE sent (campaign INTEGER NOT NULL, household INTEGER NOT NULL);
CREATE TABLE coupon (campaign INTEGER NOT NULL, upc INTEGER NOT NULL, merchant TEXT NOT NULL);
CREATE TABLE goods (campaign INTEGER NOT NULL, upc INTEGER NOT NULL, product INTEGER NOT NULL);
CREATE TABLE redemption (number INTEGER PRIMARY KEY, household INTEGER NOT NULL, campaign INTEGER NOT NULL,
    upc INTEGER NOT NULL, day INTEGER NOT NULL, basket INTEGER NOT NULL, merchant TEXT NOT NULL);
"""
Printed = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One real campaign: its kind in the data, its span (seconds), and to whom it was sent."""

    number: int
    kind: str
    begins: int
    ends: int
    households: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Printing:
    """One coupon of a campaign: its number in the data, the merchant that gives it, and its products."""

    campaign: int
    upc: int
    merchant: str
    products: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Redemption:
    """A household shows a coupon at one checkout: of basket ``basket``, at ``merchant``."""

    number: int
    household: int
    campaign: int
    upc: int
    basket: int
    merchant: str


def ensure_coupons(path: Path, baskets: Path) -> None:
    """Leave the converted data at ``path``, made in a process of its own."""
    if not path.exists():
        command = [sys.executable, "-m", "ledger_service.demo.coupon_data", str(path), str(baskets)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def campaigns(path: Path) -> list[Campaign]:
    """All campaigns, by number."""
    with _open(path) as conn:
        sent: dict[int, list[int]] = defaultdict(list)
        for number, household in conn.execute("SELECT campaign, household FROM sent ORDER BY 1, 2"):
            sent[number].append(household)
        rows = conn.execute("SELECT campaign, kind, begins, ends FROM campaign ORDER BY 1")
        return [Campaign(n, kind, begins, ends, tuple(sent[n])) for n, kind, begins, ends in rows]


def printings(path: Path, campaign: int) -> list[Printing]:
    """The coupons of a campaign with their products."""
    with _open(path) as conn:
        goods: dict[int, list[int]] = defaultdict(list)
        query = "SELECT upc, product FROM goods WHERE campaign = ? ORDER BY 1, 2"
        for upc, product in conn.execute(query, (campaign,)):
            goods[upc].append(product)
        rows = conn.execute("SELECT upc, merchant FROM coupon WHERE campaign = ? ORDER BY 1", (campaign,))
        return [Printing(campaign, upc, merchant, tuple(goods[upc])) for upc, merchant in rows]


def redemptions(path: Path, until: datetime) -> list[Redemption]:
    """Those whose day ends by an instant, in the data's order."""
    with _open(path) as conn:
        query = "SELECT number, household, campaign, upc, basket, merchant FROM redemption WHERE day < ?"
        return [Redemption(*row) for row in conn.execute(f"{query} ORDER BY number", (seconds_floor(until),))]


def convert(path: Path, baskets: Path) -> None:
    """Write the file beside its final name and move it there whole."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as conn:
        conn.executescript(_SCHEMA)
        for row in _rows("campaign_descriptions"):
            span = _midnight(row["start_date"].date()), _midnight(row["end_date"].date() + timedelta(days=1))
            conn.execute("INSERT INTO campaign VALUES (?, ?, ?, ?)",
                         (row["campaign_id"], row["campaign_type"], *span))  # fmt: skip
        conn.executemany("INSERT INTO sent VALUES (:campaign_id, :household_id)", _rows("campaigns"))
        goods = _goods()
        for (campaign, upc), products in sorted(goods.items()):
            conn.execute("INSERT INTO coupon VALUES (?, ?, ?)", (campaign, upc, _giver(products)))
            conn.executemany("INSERT INTO goods VALUES (?, ?, ?)", ((campaign, upc, p) for p in products))
        conn.executemany("INSERT INTO redemption VALUES (?, ?, ?, ?, ?, ?, ?)", _shown(goods, baskets))
        conn.commit()
    unfinished.replace(path)


def _goods() -> dict[Printed, dict[int, str]]:
    """The products of each coupon with the merchant that sells each."""
    departments = {row["product_id"]: row["department"] for row in _rows("products")}
    goods: dict[Printed, dict[int, str]] = defaultdict(dict)
    for row in _rows("coupons"):
        product = row["product_id"]
        seller = merchant_of_department(departments.get(product)).key
        goods[row["campaign_id"], row["coupon_upc"]][product] = seller
    return goods


def _giver(products: Mapping[int, str]) -> str:
    """The merchant that sells most of the coupon's products; of equals the first by name."""
    counted = Counter(products.values())
    return min(counted, key=lambda key: (-counted[key], key))


def _shown(goods: Mapping[Printed, Mapping[int, str]], baskets: Path) -> Iterator[tuple[Any, ...]]:
    wanted = list(_rows("coupon_redemptions"))
    visits: dict[tuple[int, date], list[Basket]] = {
        (row["household_id"], row["redemption_date"].date()): [] for row in wanted
    }
    for basket in stream(baskets, 0, datetime(2019, 1, 1, tzinfo=UTC)):
        of_day = visits.get((basket.household, basket.at.astimezone(_COAST).date()))
        if of_day is not None:
            of_day.append(basket)
    for number, row in enumerate(wanted, start=1):
        printed, day = (row["campaign_id"], row["coupon_upc"]), row["redemption_date"].date()
        basket_id, merchant = place_of(visits[row["household_id"], day], goods[printed])
        yield (number, row["household_id"], *printed, _midnight(day), basket_id, merchant)


def place_of(visits: list[Basket], products: Mapping[int, str]) -> tuple[int, str]:
    """The day's first checkout at the giver with one of the products that cost something; else one with any
    of them; else the giver's first checkout, else the first checkout of all.
    """
    giver = _giver(products)

    def rank(place: tuple[Basket, str]) -> int:
        basket, key = place
        hits = [line.paid_minor for line in basket.checkouts[key] if line.product in products]
        return 3 if key != giver else 0 if any(hits) else 1 if hits else 2

    places = [(basket, key) for basket in visits for key in basket.checkouts]
    basket, key = min(places, key=rank)
    return basket.basket_id, key


def _midnight(day: date) -> int:
    return seconds_floor(datetime.combine(day, time(), _COAST).astimezone(UTC))


def _rows(name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet

    return list(pyarrow.parquet.read_table(data_folder() / f"{name}.parquet").to_pylist())


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        yield conn


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
