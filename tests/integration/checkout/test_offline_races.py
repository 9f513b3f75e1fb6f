"""Two workers merge at the same time: one winner for each permit, and no window of an allowance overrun."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ledger_service.db.engine import Database

from .alone import OfflineShop
from .shop import FUEL, lots_equal_postings
from .test_races import at_once

Shops = tuple[OfflineShop, OfflineShop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers, each with its own writer and connection, over one database."""
    one = OfflineShop(database)
    one.found()
    two = OfflineShop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def test_a_permit_at_two_tills_that_are_merged_at_once_has_one_winner(shops: Shops) -> None:
    one, two = shops
    phone, first, second = one.enrol(), one.till(), one.till(FUEL)
    one.stock(phone, 1, 1_000)
    for number in range(20):
        at = one.clock.at + timedelta(seconds=number)
        code = phone.pay_code(at)
        first.spend(at, code, 10, 10)
        second.spend(at + timedelta(seconds=1), code, 10, 10)
    one.clock.forward(hours=1)
    merged = at_once(lambda: one.upload(first), lambda: two.upload(second))
    losses = [[m.content["loss"] for m in some] for some in merged]
    assert all((mine is None) != (other is None) for mine, other in zip(*losses, strict=True))
    assert one.balance(phone, 1) == 800
    assert one.losses() == (200, 0)


def test_one_till_merged_by_two_workers_at_once_stays_within_its_window(shops: Shops) -> None:
    one, two = shops
    till = one.till(allowance_minor=100)
    phones = [one.enrol() for _ in range(20)]
    for number, phone in enumerate(phones):
        one.stock(phone, 1, 100)
        till.spend(one.clock.at, phone.pay_code(one.clock.at), 10, 10)
        till.items[-1]["key"] = f"k{number}"
    one.clock.forward(hours=1)
    half = len(till.items) // 2
    merged = at_once(lambda: one.upload(till, till.items[:half]), lambda: two.upload(till, till.items[half:]))
    assert one.used(till) == 100
    beyond = [m for some in merged for m in some if m.content["loss"] is not None]
    assert len(beyond) == 10
    assert one.losses() == (0, 100)


def test_the_same_batch_at_both_workers_at_once_is_booked_once(shops: Shops) -> None:
    one, two = shops
    phone, till = one.enrol(), one.till()
    for number in range(30):
        till.earn(one.clock.at + timedelta(seconds=number), phone, 1_000)
    one.clock.forward(hours=1)
    merged = at_once(lambda: one.upload(till), lambda: two.upload(till))
    assert [m.content for m in merged[0]] == [m.content for m in merged[1]]
    assert one.balance(phone, 1) == 300
    assert one.count("offline_sale") == 30
