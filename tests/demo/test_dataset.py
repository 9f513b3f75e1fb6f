"""The data set's adapter: prices at the door, nothing dropped, one row at a time."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger_service.demo import dataset

AT = datetime(2017, 1, 1, 11, 53, 26)


def row(product: int, sales: float, coupon: float = 0.0, **others: Any) -> dict[str, Any]:
    return {
        "household_id": 900,
        "store_id": 330,
        "basket_id": 31198570044,
        "product_id": product,
        "quantity": 1,
        "sales_value": sales,
        "coupon_disc": coupon,
        "transaction_timestamp": AT,
        "department": "GROCERY",
    } | others


def converted(
    monkeypatch: pytest.MonkeyPatch, path: Path, baskets: list[list[dict[str, Any]]]
) -> dict[str, int]:
    monkeypatch.setattr(dataset, "_raw_baskets", lambda: iter(baskets))
    return dataset.convert(path)


def test_a_basket_of_several_departments_is_one_checkout_at_each_merchant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [
        row(1, 0.5),
        row(2, 2.99, department="FUEL", quantity=9_123),
        row(3, 0.0, department=None, quantity=0),
    ]
    counted = converted(monkeypatch, tmp_path / "data.db", [rows])
    (basket,) = dataset.stream(tmp_path / "data.db", 0, datetime(2018, 1, 1, tzinfo=UTC))
    assert {
        key: [(line.quantity, line.paid_minor) for line in lines] for key, lines in basket.checkouts.items()
    } == {
        "GROC": [(1, 50)],
        "FUEL": [(1, 299)],
        "NONE": [(1, 0)],
    }
    assert basket.at == AT.replace(tzinfo=UTC)
    assert counted["lines without a product row"] == 1
    assert counted["lines of zero cents"] == 1
    assert counted["lines without a count"] == 1
    assert counted["lines sold by measure"] == 1


@pytest.mark.parametrize(
    ("rows", "paid", "left"),
    [
        ([row(1, 3.00, 0.75)], [225], 0),
        ([row(1, 1.00, 1.60), row(2, 5.00), row(3, 2.00)], [0, 440, 200], 0),
        ([row(1, 0.00, 9.00), row(2, 5.00)], [0, 0], 400),
    ],
)
def test_the_amount_is_what_the_shopper_paid_and_never_negative(
    rows: list[dict[str, Any]], paid: list[int], left: int
) -> None:
    counted: Counter[str] = Counter()
    assert dataset._paid_minor(rows, counted) == paid
    assert counted["coupon cents beyond the checkout"] == left
    before = sum(dataset.cents(r["sales_value"]) - dataset.cents(r["coupon_disc"]) for r in rows)
    assert sum(paid) - left == before


@pytest.mark.parametrize(("dollars", "cents"), [(0.1 + 0.2, 30), (1.005, 100), (840.0, 84_000), (0.29, 29)])
def test_dollars_become_integer_cents(dollars: float, cents: int) -> None:
    assert dataset.cents(dollars) == cents


def test_a_conversion_that_was_cut_off_leaves_no_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> Any:
        yield [row(1, 1.0)]
        raise OSError("disk full")

    monkeypatch.setattr(dataset, "_raw_baskets", broken)
    with pytest.raises(OSError, match="disk full"):
        dataset.convert(tmp_path / "data.db")
    assert not (tmp_path / "data.db").exists()


def test_the_stream_continues_after_a_position_and_stops_before_an_instant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    days = [[row(1, 1.0, basket_id=i, transaction_timestamp=AT.replace(day=i))] for i in (1, 2, 3, 4)]
    converted(monkeypatch, tmp_path / "data.db", days)
    until = datetime(2017, 1, 4, tzinfo=UTC)
    assert [b.basket_id for b in dataset.stream(tmp_path / "data.db", 1, until)] == [2, 3]
    assert dataset.count_until(tmp_path / "data.db", 1, until) == 2


@pytest.mark.deep
def test_the_real_data_is_read_whole(tmp_path: Path) -> None:
    dataset.ensure_cache(tmp_path / "data.db")
    facts = dataset.facts(tmp_path / "data.db")
    assert (facts["baskets"], facts["lines"]) == (155_848, 1_469_307)
    with sqlite3.connect(tmp_path / "data.db") as connection:
        texts = connection.execute("SELECT checkouts FROM basket").fetchall()
    lines = [line for (text,) in texts for part in json.loads(text).values() for line in part]
    assert len(lines) == facts["lines"]
    assert sum(line[3] for line in lines) == facts["paid cents"]
