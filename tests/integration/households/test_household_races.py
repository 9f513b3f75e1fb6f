"""Mates of one household at two tills at once, and a removal or a freeze in between (INV-2, INV-9)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import NotEnoughPoints
from ledger_service.db.engine import Database
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.ledger.models import lot
from ledger_service.members import standing
from ledger_service.members.households.errors import HouseholdLimitReached, HouseholdSpendRefused
from ledger_service.members.households.requests import Rights
from tests.integration.checkout.shop import Phone, Shop, line, lots_equal_postings
from tests.integration.checkout.test_races import at_once

from .home import Home

RACES = 1_000 if os.environ.get("ALLIANCE_TEST_DEEP") == "1" else 40
Pair = tuple[Home, Shop]


@pytest.fixture
def pair(database: Database) -> Iterator[Pair]:
    """A household over one worker, and a second worker over the same database."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield Home(one), two
    one.close()
    two.close()
    lots_equal_postings(one)


def household(home: Home, rights: Rights | None = None) -> tuple[Phone, Phone, Phone, Phone]:
    owner, mate = home.enrol(), home.enrol()
    ours = home.begin(owner)
    return owner, mate, ours, home.join(owner, mate, rights or Rights("all", None, True))


def one_point(shop: Shop, phone: Phone) -> dict[str, object]:
    spend = [{"programme": "GROC", "points": 1}]
    return shop.sale_body(line("1", 1), member={"pay_code": phone.pay_code(shop.clock.at)}, spend=spend)


def test_two_mates_want_the_last_point_and_one_gets_it_each_time(pair: Pair) -> None:
    home, two = pair
    *_, ours, theirs = household(home)
    winners: Counter[int] = Counter()
    for _ in range(RACES):
        home.shop.stock(ours, 1, 1)
        bodies = [one_point(home.shop, ours), one_point(home.shop, theirs)]
        answers = at_once(lambda b=bodies[0]: home.shop.send_sale(b), lambda b=bodies[1]: two.send_sale(b))
        won = [i for i, answer in enumerate(answers) if isinstance(answer, Answer)]
        assert len(won) == 1, answers
        assert isinstance(answers[1 - won[0]], (NotEnoughPoints, InsufficientPoints))
        winners[won[0]] += 1
    assert home.shop.balance(ours, 1) == 0
    assert len(winners) == 2, f"the race was no race: {winners}"


def test_a_limit_holds_whatever_many_tills_ask_for_at_once(pair: Pair) -> None:
    home, two = pair
    *_, ours, theirs = household(home, Rights("day", 100_000, True))
    home.shop.stock(ours, 1, 64)
    sales = [(shop, one_point(shop, theirs)) for shop in (home.shop, two) * 16]
    answers = at_once(*[lambda s=shop, b=body: s.send_sale(b) for shop, body in sales])
    assert sum(isinstance(a, Answer) for a in answers) == 10
    assert all(isinstance(a, (Answer, HouseholdLimitReached)) for a in answers), answers
    assert home.shop.balance(ours, 1) == 54


@pytest.mark.parametrize("act", ["right", "freeze"])
def test_no_sale_of_a_mate_is_acknowledged_after_its_right_ends_or_its_freeze(pair: Pair, act: str) -> None:
    home, _ = pair
    people = household(home)
    owner, mate, ours, _ = people
    home.shop.stock(ours, 1, 2 * RACES)
    ended: Counter[int] = Counter()
    for number in range(RACES):
        ended[sales_against_the_end(pair, people, act, number)] += 1
        home.write(lambda conn: standing.set_frozen(conn, mate.number, False, home.shop.clock.at))
        home.rights(owner, mate, Rights("all", None, True))
    assert len(ended) >= 2, f"the race was no race: {ended}"


def sales_against_the_end(pair: Pair, people: tuple[Phone, ...], act: str, number: int) -> int:
    """Two sales of the mate and its end at once: the end finds those on the books that are done; how many."""
    (home, two), (owner, mate, ours, theirs) = pair, people
    before, seen, house = home.shop.balance(ours, 1), [], home.id

    def ends(conn: Connection) -> None:
        if act == "freeze":
            standing.set_frozen(conn, mate.number, True, home.shop.clock.at)
        else:
            none = Rights("none", None, True)
            home.desk.set_rights(conn, home.number, mate.member_id, none, home.by(owner))
        seen.append(sum(conn.execute(select(lot.c.available).where(lot.c.member_id == house)).scalars()))

    bodies = [one_point(home.shop, theirs) for _ in range(2)]
    calls = [
        lambda: home.shop.send_sale(bodies[0]),
        lambda: two.send_sale(bodies[1]),
        lambda: home.write(ends),
    ]
    turn = number % 3
    answers = [a for a in at_once(*calls[turn:], *calls[:turn]) if a is not None]
    assert all(isinstance(a, (Answer, HouseholdSpendRefused)) for a in answers), answers
    done = sum(isinstance(a, Answer) for a in answers)
    assert seen == [before - done], "a sale was acknowledged after the mate was out"
    return done
