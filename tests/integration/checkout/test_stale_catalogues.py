"""What one process has published a moment ago is known in another one as soon as a sale made by it is met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points import programmes
from ledger_service.points.requests import NewProgramme
from ledger_service.points.rules import Cycle, EarnRule, Terms

from .shop import GROCER, Phone, Shop, line


@pytest.fixture
def one(database: Database) -> Iterator[Shop]:
    """The process where a programme and a rule are published."""
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()


@pytest.fixture
def sale(one: Shop) -> dict[str, Any]:
    """A sale by what was published; ``holder`` is its member."""
    holder = one.enrol()
    at, old = seconds_floor(one.clock.at), one.catalogue.current().programmes[1]
    with one.database.begin() as conn:
        programmes.add_rule(conn, "GROC", EarnRule(2, at, 2, 100))
        whose = ("NEW", GROCER, "New", "USD", old.timezone, Cycle.MONTH, old.epoch_ends)
        new = NewProgramme(4, *whose, Terms(1, 0, 10_000, 0, 10**6, 12), EarnRule(1, 0, 1, 100))
        programmes.create(conn, new, one.clock.at)
    one.catalogue.refresh()
    sale = one.sell(holder, line("1", 5_000))
    assert [(e["programme"], e["points"]) for e in sale["earned"]] == [("GROC", 100), ("NEW", 50)]
    return {**sale, "holder": holder}


@pytest.fixture
def two(one: Shop) -> Iterator[Shop]:
    """Another process over the same database, whose catalogue is from before; asked for first."""
    shop = Shop(one.database, "w2", one.clock)
    assert set(shop.catalogue.current().programmes) == {1, 2, 3}
    yield shop
    shop.close()


def test_a_refund_undoes_what_the_new_rule_and_programme_gave(two: Shop, sale: dict[str, Any]) -> None:
    refund = two.refund(sale["sale_id"])
    assert [(c["programme"], c["points"]) for c in refund["clawed"]] == [("GROC", 100), ("NEW", 50)]


def test_a_capture_redeems_points_of_the_new_programme(two: Shop, one: Shop, sale: dict[str, Any]) -> None:
    holder: Phone = sale["holder"]
    hold = one.authorise(holder, 100, [{"programme": "NEW", "points": 20}])["hold_id"]
    assert two.capture(hold, line("1", 100))["points_value_minor"] == 20


def test_the_sale_is_found_with_the_code_of_the_new_programme(two: Shop, sale: dict[str, Any]) -> None:
    found = orjson.loads(two.service.find_sale(two.caller(), bytes.fromhex(sale["sale_id"])))
    assert [e["programme"] for e in found["earned"]] == ["GROC", "NEW"]
