"""A store that opened a moment ago sells at once; a process does not have to wait for its next look."""

from __future__ import annotations

import pytest

from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.merchants.errors import StoreUnknown
from ledger_service.merchants.requests import OpenStore
from ledger_service.merchants.service import MerchantsService
from tests.integration.checkout.shop import FUEL, GROCER, START, Shop

NEW_STORE = int(with_check_digit("952000000777"))


class NoIds:
    def random_bytes(self, count: int) -> bytes:
        raise AssertionError(f"{count} bytes were asked for")


def test_a_store_that_opened_just_now_sells(shop: Shop) -> None:
    places = shop.admission._sources.directory
    assert GROCER in places.current().merchant_of_store
    caller = shop.caller(GROCER)
    with pytest.raises(StoreUnknown):
        places.knowing(NEW_STORE).check(caller, NEW_STORE)
    with shop.database.begin() as conn:
        MerchantsService(NoIds()).open_store(conn, OpenStore(NEW_STORE, GROCER, "New", "UTC"), START)
    assert NEW_STORE not in places.current().merchant_of_store, "the clock of the test stands still"
    places.knowing(NEW_STORE).check(caller, NEW_STORE)


def test_looking_for_a_store_does_not_open_others(shop: Shop) -> None:
    places = shop.admission._sources.directory
    places.knowing(FUEL).check(shop.caller(FUEL), FUEL)
    with pytest.raises(StoreUnknown):
        places.knowing(NEW_STORE).check(shop.caller(FUEL), NEW_STORE)
