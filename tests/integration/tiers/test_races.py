"""Tiers under several workers at once, and counted anew while tills sell and give back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.checkout.recounting import recounts
from ledger_service.db.engine import Database
from ledger_service.tiers.rules import place_at
from tests.integration.checkout.shop import START, Shop, StandingClock, line, lots_equal_postings
from tests.integration.checkout.test_races import at_once

from .people import amounts_by_member, cached, publish

TODAY = START.toordinal()


@pytest.fixture
def shops(database: Database) -> Iterator[tuple[Shop, Shop]]:
    """Two workers with a connection each, who know the ladder."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock())
    two.catalogue.refresh()
    publish(one)
    two.ladders.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def all_kept_is_the_rule(shop: Shop) -> None:
    amounts = amounts_by_member(shop, 1)
    (ladder,) = shop.ladders.current().of(1)
    expected = {}
    for member, own in amounts.items():
        place = place_at(ladder, own, TODAY)
        expected[member] = (place.level, place.until_day, sum(own.values()), 1)
    assert cached(shop, 1) == expected


def test_no_purchase_of_two_tills_at_once_is_forgotten(shops: tuple[Shop, Shop]) -> None:
    phone = shops[0].enrol()
    calls = [lambda s=shops[i % 2]: s.sell(phone, line("1", 7_000)) for i in range(24)]
    answers = at_once(*calls)
    tiers = sorted(answer["earned"][0]["tier"]["tier"] for answer in answers)
    # 7 purchases reach 49,000 cents and 8 reach 56,000; 14 reach 98,000 and 15 reach 105,000.
    assert tiers == ["BASE"] * 8 + ["GOLD"] * 9 + ["SILVER"] * 7
    assert amounts_by_member(shops[0], 1) == {phone.member_id: {TODAY: 24 * 7_000}}
    all_kept_is_the_rule(shops[0])


def test_counting_anew_beside_tills_loses_nothing(shops: tuple[Shop, Shop]) -> None:
    one, two = shops
    phones = [one.enrol() for _ in range(4)]
    sold = [one.sell(phone, line("1", 30_000, 3))["sale_id"] for phone in phones]

    def count_anew(from_sales: bool) -> None:
        for recount in recounts(
            one.catalogue.current(), one.ladders.current(), one.clock.at, from_sales=from_sales
        ):
            ended = False
            while not ended:
                with one.database.begin() as conn:
                    ended = recount.step(conn, one.clock.at, 2).ended

    calls = [lambda p=phone: two.sell(p, line("1", 9_999)) for phone in phones * 3]
    calls += [lambda s=sale: one.refund(s, [("1", 1)]) for sale in sold]
    at_once(lambda: count_anew(True), *calls, lambda: count_anew(False))
    expected = {phone.member_id: {TODAY: 20_000 + 3 * 9_999} for phone in phones}
    assert amounts_by_member(one, 1) == expected
    all_kept_is_the_rule(one)
