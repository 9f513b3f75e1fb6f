"""Races with real threads and connections: one effect per key, one winner for the last point."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import NotEnoughPoints
from ledger_service.checkout.parsing import parse_capture, parse_void
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode_errors import PayCodeUsed
from ledger_service.ledger.errors import HoldClosed, InsufficientPoints
from ledger_service.points import programmes

from .shop import Phone, Shop, line, lots_equal_postings

Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[tuple[Shop, Shop]]:
    """Two workers, each with its own writer and connection, over one database."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or raised, all started together."""
    results: list[Any] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = calls[index]()
        except DomainError as refusal:
            results[index] = refusal

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def body_of(shop: Shop, phone: Phone, points: int, code: str | None = None) -> dict[str, Any]:
    spend = [{"programme": "GROC", "points": points}]
    pay_code = code or phone.pay_code(shop.clock.at)
    return shop.sale_body(line("1", 90), member={"pay_code": pay_code}, spend=spend)


def test_the_same_request_64_times_at_once_has_one_effect(shops: Shops) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 10)
    body = body_of(one, phone, 10)
    calls = [lambda s=s: s.send_sale(body, "once") for s in (one, two) for _ in range(32)]
    answers = at_once(*calls)
    assert all(isinstance(a, Answer) for a in answers), [a for a in answers if not isinstance(a, Answer)]
    assert len({(a.status, a.body) for a in answers}) == 1
    assert sum(not a.replayed for a in answers) == 1
    assert one.count("sale") == 2
    assert one.balance(phone, 1) == 0


def test_the_same_sale_without_a_member_64_times_at_once_has_one_effect(shops: Shops) -> None:
    one, two = shops
    body = one.sale_body(line("1", 90))
    answers = at_once(*[lambda s=s: s.send_sale(body, "once") for s in (one, two) for _ in range(32)])
    assert len({a.body for a in answers}) == 1
    assert one.count("sale") == 1


@pytest.mark.parametrize("trial", range(6))
def test_two_terminals_race_for_the_last_point_and_exactly_one_wins(shops: Shops, trial: int) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 1)
    bodies = [body_of(one, phone, 1) for _ in range(8)]
    answers = at_once(*[lambda s=(one, two)[i % 2], b=b: s.send_sale(b) for i, b in enumerate(bodies)])
    won = [a for a in answers if isinstance(a, Answer)]
    assert len(won) == 1, answers
    assert all(isinstance(a, (NotEnoughPoints, InsufficientPoints)) for a in answers if a not in won)
    assert one.balance(phone, 1) == 0


def test_one_pay_code_at_two_terminals_pays_once(shops: Shops) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 10)
    code = phone.pay_code(one.clock.at)
    answers = at_once(*[lambda s=s: s.send_sale(body_of(s, phone, 1, code)) for s in (one, two, one, two)])
    assert sum(isinstance(a, Answer) for a in answers) == 1
    assert sum(isinstance(a, PayCodeUsed) for a in answers) == 3


@pytest.mark.parametrize("trial", range(4))
def test_capture_and_void_of_one_hold_have_one_winner(shops: Shops, trial: int) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 20)
    hold = one.authorise(phone, 90, [{"programme": "GROC", "points": 20}])["hold_id"]
    capture = {"lines": [line("1", 90)], "reference": "c"}
    captures = one.write("capture", capture), parse_capture(hold, capture)
    voids = two.write("void", {}, f"void-{trial}"), parse_void(hold, {})
    answers = at_once(lambda: one.service.capture(*captures), lambda: two.service.void(*voids))
    assert sum(isinstance(a, Answer) for a in answers) == 1
    assert sum(isinstance(a, HoldClosed) for a in answers) == 1
    assert one.balance(phone, 1, "held") == 0


def test_two_refunds_of_the_last_piece_have_one_winner(shops: Shops) -> None:
    one, two = shops
    sale = one.sell(None, line("1", 90))["sale_id"]
    answers = at_once(
        lambda: one.refund(sale, [("1", 1)], key="a"), lambda: two.refund(sale, [("1", 1)], key="b")
    )
    assert sum(isinstance(a, dict) for a in answers) == 1
    assert one.count("refund") == 1


def test_a_cap_is_met_exactly_by_two_workers_at_once(database: Database) -> None:
    one = Shop(database)
    one.found(cap=100)
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    phones = [one.enrol() for _ in range(4)]
    calls = [
        lambda s=(one, two)[i % 2], p=phones[i % 4]: s.sell(p, line("1", 700))["earned"] for i in range(32)
    ]
    earned = [e for answer in at_once(*calls) for e in answer]
    points = sum(e["points"] for e in earned)
    assert points == 98  # fourteen earns of seven; the fifteenth does not fit
    assert {e["reason"] for e in earned if not e["points"]} == {"cap-exhausted"}
    assert sum(one.balance(p, 1) for p in phones) == points
    one.close()
    two.close()


def test_sixty_tills_at_once_all_earn_while_the_cap_has_room_for_them(database: Database) -> None:
    shop = Shop(database)
    shop.found(cap=1_000)
    phones = [shop.enrol() for _ in range(60)]
    earned = at_once(*[lambda p=phone: shop.sell(p, line("1", 1_000))["earned"][0] for phone in phones])
    assert [(e["points"], e["reason"]) for e in earned] == [(10, None)] * 60
    shop.close()


def test_pending_points_that_another_worker_takes_back_can_be_earned_again(database: Database) -> None:
    one = Shop(database)
    one.found(cap=100)
    with database.begin() as conn:
        programmes.set_pending_days(conn, "GROC", 14)
    one.catalogue.refresh()
    two = Shop(database, "w2", one.clock)
    phone = one.enrol()
    promised = one.sell(phone, line("1", 10_000))
    assert promised["earned"][0]["points"] == 100
    two.refund(promised["sale_id"])
    assert two.sell(phone, line("1", 10_000))["earned"][0]["points"] == 100
    assert two.sell(phone, line("1", 100))["earned"][0]["reason"] == "cap-exhausted"
    one.close()
    two.close()
