"""The set-based recount says of many members what the pure rule says of each, on both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import delete, update

from ledger_service.db.engine import Database
from ledger_service.tiers.models import member_tier, qualifying_day
from ledger_service.tiers.recompute import Run, moves, progress_of, step
from ledger_service.tiers.rules import Downgrade, Ladder, Tier, Window, place_at
from tests.integration.checkout.shop import START, Shop

from .people import cached, write_days

RUNGS = (Tier("BASE", "Base", 0), Tier("SILVER", "S", 50), Tier("GOLD", "G", 100), Tier("TOP", "T", 200))
TODAY = START.toordinal()
PEOPLE = 60


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()


def histories(seed: int) -> dict[int, dict[int, int]]:
    dice = random.Random(seed)
    return {
        member: {
            TODAY - dice.randrange(1200): dice.choice([0, 1, 20, 50, 60, 110, 250])
            for _ in range(dice.choice([0, 1, 2, 5, 12]))
        }
        for member in range(1, PEOPLE + 1)
    }


def write(shop: Shop, seed: int) -> dict[int, dict[int, int]]:
    amounts = histories(seed)
    with shop.database.begin() as conn:
        conn.execute(delete(member_tier))
        conn.execute(delete(qualifying_day))
        for member, days in amounts.items():
            write_days(conn, member, 1, days)
    return {member: days for member, days in amounts.items() if days}


def run_all(shop: Shop, run: Run, count: int = 7) -> int:
    steps = 0
    while True:
        with shop.database.begin() as conn:
            steps += 1
            if step(conn, run, START, count).ended:
                return steps


def test_the_recount_is_the_rule_for_every_kind_of_ladder(shop: Shop) -> None:
    for _ in range(PEOPLE):
        shop.enrol()
    kinds = product(Window, Downgrade, ([365, 0], [30, 31], [1, 400]))
    for number, (window, downgrade, (days, grace)) in enumerate(kinds, 1):
        amounts = write(shop, number)
        ladder = Ladder(number, 0, RUNGS, window, days, grace, downgrade)
        run_all(shop, Run("tiers", 1, ladder, TODAY), 25)
        expected = {}
        for member, own in amounts.items():
            place = place_at(ladder, own, TODAY)
            expected[member] = (place.level, place.until_day, sum(own.values()), number)
        assert cached(shop, 1) == expected, (window, downgrade, days, grace)
        assert len({row[0] for row in expected.values()}) > 1, "the histories reach nothing"


def test_a_ladder_of_one_tier_and_years_around_a_turn(shop: Shop) -> None:
    phone = shop.enrol()
    with shop.database.begin() as conn:
        write_days(conn, phone.member_id, 1, {TODAY: 5})
    run_all(shop, Run("tiers", 1, Ladder(1, 0, RUNGS[:1]), TODAY))
    assert cached(shop, 1) == {phone.member_id: (0, None, 5, 1)}


def test_an_interrupted_run_goes_on_and_a_finished_one_changes_nothing(shop: Shop) -> None:
    for _ in range(PEOPLE):
        shop.enrol()
    amounts = write(shop, 1)
    run = Run("tiers", 1, Ladder(1, 0, RUNGS), TODAY)
    with shop.database.begin() as conn:
        assert step(conn, run, START, 20).last_member_id == 20
    assert set(cached(shop, 1)) == {member for member in amounts if member <= 20}
    with shop.database.begin() as conn:
        step(conn, run, START, 20)
        conn.rollback()  # killed before its commit
    assert run_all(shop, run, 20) == 3
    assert set(cached(shop, 1)) == set(amounts)
    with shop.database.begin() as conn:
        conn.execute(update(member_tier).values(level=0))
    assert run_all(shop, run, 20) == 1, "a finished run is not begun again"
    later = Run("tiers", 1, run.ladder, TODAY + 1)
    with shop.database.read() as conn:
        assert progress_of(conn, later) is None
    run_all(shop, later)
    assert any(row[0] for row in cached(shop, 1).values())


def test_a_dry_run_counts_who_would_move(shop: Shop) -> None:
    for _ in range(3):
        shop.enrol()
    with shop.database.begin() as conn:
        for member, amount in ((1, 60), (2, 110), (3, 10)):
            write_days(conn, member, 1, {TODAY: amount})
    before = Ladder(1, 0, RUNGS[:2])
    after = Ladder(2, 0, (RUNGS[0], Tier("SILVER", "S", 100)))
    with shop.database.snapshot() as conn:
        assert moves(conn, 1, (before, after), TODAY) == {(1, 0): 1, (1, 1): 1, (0, 0): 1}
        assert moves(conn, 1, (None, before), TODAY) == {(0, 1): 2, (0, 0): 1}
        assert moves(conn, 2, (before, after), TODAY) == {}
