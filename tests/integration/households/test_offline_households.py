"""A mate's codes at tills that are cut off: judged by who was in when they were shown (INV-9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.alone import OfflineShop
from tests.integration.checkout.shop import GROCER, lots_equal_postings

from .home import Home


@pytest.fixture
def alone(database: Database) -> Iterator[Home]:
    shop = OfflineShop(database)
    shop.found()
    yield Home(shop)
    shop.close()
    lots_equal_postings(shop)


@pytest.mark.parametrize("end", ["own-part", "stays", "dissolved"])
def test_a_code_shown_before_the_mate_was_out_pays_and_one_shown_after_is_the_tills_loss(
    alone: Home, end: str
) -> None:
    shop = alone.shop
    assert isinstance(shop, OfflineShop)
    owner, mate = alone.enrol(), alone.enrol()
    ours = alone.begin(owner, "own-part" if end == "dissolved" else end)
    theirs = alone.join(owner, mate)
    shop.stock(ours, 1, 100)
    shop.stock(mate, 1, 10)
    alone.gift(mate, alone.account, 10)
    till = shop.till(GROCER, 10_000)
    shop.clock.forward(seconds=5)
    till.spend(shop.clock.at, theirs.pay_code(shop.clock.at), 700, 30)
    shop.clock.forward(seconds=5)
    if end == "dissolved":
        alone.write(lambda conn: alone.parting.dissolve(conn, alone.number, alone.by(owner)))
    else:
        alone.remove(mate, alone.by(owner))
    shop.clock.forward(seconds=5)
    till.spend(shop.clock.at, theirs.pay_code(shop.clock.at), 700, 30)
    shop.clock.forward(seconds=5)
    assert [merged.state for merged in shop.upload(till, till.items)] == ["certain", "certain"]
    assert shop.losses() == (30, 0)
