"""Conversions at once with each other and with redemptions: real threads, two workers, one database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ledger_service.checkout.errors import NotEnoughPoints
from ledger_service.db.engine import Database
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.points.conversion.command import Converted
from ledger_service.points.conversion.errors import ConversionPermitInvalid
from tests.integration.checkout.shop import FUEL, Phone, Shop, line, lots_equal_postings
from tests.integration.checkout.test_races import at_once
from tests.integration.points.refusals import differences
from tests.integration.points.test_conversions import WISH, convert, desk_of, offer, signed, stocked

Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers over one database; the grocer's points convert into the fuel station's."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    offer(one)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def test_of_two_conversions_of_the_last_points_one_is_done(shops: Shops) -> None:
    phone = stocked(shops[0], 150)
    wishes = [partial(convert, shop, phone) for shop in shops * 3]
    outcomes = at_once(*wishes)
    assert sum(isinstance(outcome, Converted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InsufficientPoints) for outcome in outcomes) == 5
    assert (shops[0].balance(phone, 1), shops[0].balance(phone, 2)) == (50, 196)
    assert differences(shops[0]) == []


def test_one_permit_sent_by_many_at_once_converts_once(shops: Shops) -> None:
    phone = stocked(shops[0], 500)
    request = signed(shops[0], phone)
    outcomes = at_once(*(partial(desk_of(s).convert, request, s.clock.at) for s in shops * 3))
    assert sum(isinstance(outcome, Converted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ConversionPermitInvalid) for outcome in outcomes) == 5
    assert (shops[0].balance(phone, 1), shops[0].balance(phone, 2)) == (400, 196)


def spend(shop: Shop, phone: Phone, points: int) -> Any:
    return shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": points}])


def test_conversions_and_redemptions_share_the_last_points(shops: Shops) -> None:
    """Whichever come first: never more than there was, and nothing is lost."""
    phones = [stocked(shops[0], 100) for _ in range(4)]
    small = replace(WISH, points=60)
    calls = []
    for number, phone in enumerate(phones):
        calls.append(partial(convert, shops[number % 2], phone, small, least=1))
        calls.append(partial(spend, shops[1 - number % 2], phone, 60))
    outcomes = at_once(*calls)
    for done, phone in zip(zip(outcomes[::2], outcomes[1::2], strict=True), phones, strict=True):
        converted, sold = done
        assert isinstance(converted, Converted) is not isinstance(sold, dict)
        assert isinstance(converted, Converted | InsufficientPoints)
        assert isinstance(sold, dict | NotEnoughPoints)
        assert shops[0].balance(phone, 1) == 40
    assert differences(shops[0]) == []
