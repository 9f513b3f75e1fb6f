"""Closes, lines and sales of one day at once, with real connections: every close is kept, no sale is lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.day_errors import DayLinesIncomplete
from ledger_service.checkout.days import queries
from ledger_service.checkout.days.rules import Line, differences, totals_of
from ledger_service.checkout.days.service import Close, Day, close_day, keep_lines
from ledger_service.db.engine import Database
from ledger_service.merchants.business_day import day_number

from .shop import GROCER, START, Shop, StandingClock, line, lots_equal_postings
from .test_races import at_once

ROUNDS = 20
TODAY = Day(GROCER, day_number(START.date()), GROCER)
Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers, each with its own writer and connection; the second one's clock is a second ahead."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", StandingClock(START))
    two.clock.forward(seconds=1)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def close(shop: Shop, parts: int = 0) -> dict[str, Any]:
    """The till says what the ledger has by now."""
    with shop.database.snapshot() as conn:
        ledger = totals_of(queries.seen_at(conn, TODAY, shop.clock.at).counted)
    told = Close(ledger, ledger, differences(ledger, ledger), parts, 0, "terminal:t")
    return shop.writer.run(partial(close_day, day=TODAY, close=told, at=shop.clock.at))


def send(shop: Shop, part: int) -> dict[str, Any]:
    def act(conn: Connection) -> dict[str, Any]:
        return keep_lines(conn, TODAY, part, [Line("sale", "r", part)])

    return shop.writer.run(act)


def sell(shop: Shop) -> Answer:
    return shop.send_sale(shop.sale_body(line("1", 100)))


def test_each_of_many_closes_at_once_has_its_own_number(shops: Shops) -> None:
    one, two = shops
    numbers = []
    for _ in range(ROUNDS):
        answers = at_once(lambda: close(one), lambda: close(two), lambda: sell(one), lambda: sell(two))
        numbers += [answer["close"] for answer in answers[:2]]
        assert all(isinstance(answer, Answer) for answer in answers[2:])
    assert sorted(numbers) == list(range(1, 2 * ROUNDS + 1))
    with one.database.snapshot() as conn:
        assert len(queries.closes_before(conn, TODAY, None, 1_000)) == 2 * ROUNDS
        seen = queries.day_as_it_stands(conn, TODAY)
        booked = queries.seen_at(conn, TODAY, None).counted
    assert seen["ledger"][0]["count"] == len(booked) == 2 * ROUNDS
    late = {one_late.op_id for one_late in _late(one)}
    counted = {b.op_id for b in booked} - late
    assert len(counted) + len(late) == 2 * ROUNDS


def _late(shop: Shop) -> list[Any]:
    with shop.database.snapshot() as conn:
        return queries.late_in(conn, TODAY)


def test_a_close_that_was_overtaken_does_not_compare_lines_of_another(shops: Shops) -> None:
    one, two = shops
    for number in range(ROUNDS):
        send(one, 1)
        answers = at_once(lambda: close(one, 1), lambda: close(two, 1))
        lost = [answer for answer in answers if isinstance(answer, DayLinesIncomplete)]
        assert len(lost) == 1, answers
        with one.database.snapshot() as conn:
            closes = queries.closes_before(conn, TODAY, None, 1_000)
        assert len(closes) == number + 1


def test_parts_that_are_sent_at_once_are_all_kept(shops: Shops) -> None:
    one, two = shops
    for _ in range(ROUNDS):
        answers = at_once(
            lambda: send(one, 1), lambda: send(two, 2), lambda: send(one, 3), lambda: send(two, 1)
        )
        assert {answer["close"] for answer in answers} == {1}
    assert close(one, 3)["close"] == 1
