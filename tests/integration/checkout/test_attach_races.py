"""Attaches at once, beside one another and beside refunds, over real connections: a sale earns once
(INV-13)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, text

from ledger_service.checkout.attach.errors import SaleHasMember
from ledger_service.checkout.models import sale as sale_table
from ledger_service.db.engine import Database

from .attaching import attach, send
from .shop import Phone, Shop, line, lots_equal_postings
from .test_races import at_once

TRIALS = 12
Shops = tuple[Shop, Shop]


@pytest.fixture
def shops(database: Database) -> Iterator[Shops]:
    """Two workers, each with its own writer and connection, over one database."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def test_one_receipt_attached_to_many_at_once_earns_for_one(shops: Shops) -> None:
    phones = [shops[0].enrol() for _ in range(4)]
    winners: Counter[int] = Counter()
    for _ in range(TRIALS):
        sale = shops[0].sell(None, line("1", 1_000))["sale_id"]
        calls = [lambda s=shops[i % 2], p=phones[i % 4], n=sale: attach(s, n, p) for i in range(8)]
        answers = at_once(*calls)
        won = [i for i, answer in enumerate(answers) if isinstance(answer, dict)]
        assert len(won) == 1, answers
        assert all(isinstance(a, SaleHasMember) for i, a in enumerate(answers) if i not in won)
        winners[won[0] % 2] += 1
    assert sum(shops[0].balance(p, 1) for p in phones) == 10 * TRIALS
    assert shops[0].count("sale_attachment") == TRIALS


def test_one_attach_sent_many_times_at_once_has_one_effect(shops: Shops) -> None:
    phone, sale = shops[0].enrol(), shops[0].sell(None, line("1", 1_000))["sale_id"]
    answers = at_once(*[lambda s=shop: send(s, sale, phone, "once") for shop in shops for _ in range(8)])
    assert len({a.body for a in answers if not isinstance(a, Exception)}) == 1
    assert shops[0].balance(phone, 1) == 10


def test_an_attach_and_the_refunds_of_its_sale_come_to_the_same_in_whatever_order(shops: Shops) -> None:
    one, two = shops
    phones, orders = [one.enrol() for _ in range(TRIALS)], Counter[bool]()
    for turn, phone in enumerate(phones):
        sale = one.sell(None, line("1", 3_000, 3))["sale_id"]

        # By turns the refunds come later, all come at once, and the attach comes later.
        refunds_wait, attach_waits = (max(0, sign * (turn % 3 - 1)) * 0.05 for sign in (-1, 1))

        def refund(shop: Shop, key: str, sale: str = sale, late: float = refunds_wait) -> dict[str, Any]:
            time.sleep(late)
            return shop.refund(sale, [("1", 1)], key=key)

        def join(sale: str = sale, phone: Phone = phone, late: float = attach_waits) -> dict[str, Any]:
            time.sleep(late)
            return attach(one, sale, phone)

        answers = at_once(
            join,
            lambda r=refund, t=turn: r(two, f"a{t}"),
            lambda r=refund, t=turn: r(one, f"b{t}"),
        )
        assert all(isinstance(answer, dict) for answer in answers), answers
        assert one.balance(phone, 1) == 10
        orders[any(a["clawed"] for a in answers[1:])] += 1
        two.refund(sale)
        assert one.balance(phone, 1) == 0
    assert len(orders) == 2, f"the race was no race: {orders}"


@pytest.mark.postgres
def test_a_refund_that_waited_for_an_attach_takes_back_what_it_gave(postgres_database: Database) -> None:
    shop = Shop(postgres_database)
    shop.found()
    other = Shop(postgres_database, "w2", shop.clock)
    other.catalogue.refresh()
    shop.stock(shop.enrol(), 1, 1)  # the worker has a block of the cap: nothing is decided twice for that
    phone, sale = shop.enrol(), shop.sell(None, line("1", 3_000, 3))["sale_id"]
    with postgres_database.writing.connect() as holder:
        holder.execute(select(sale_table).with_for_update())
        first = threading.Thread(target=lambda: attach(shop, sale, phone))
        first.start()
        wait_for_waiters(postgres_database, 1)
        # It has looked: the sale has no member, so no member is locked.
        second = threading.Thread(target=lambda: other.refund(sale, [("1", 1)]))
        second.start()
        wait_for_waiters(postgres_database, 2)
        holder.commit()
    first.join()
    second.join()
    assert (shop.count("sale_attachment"), shop.count("refund"), shop.balance(phone, 1)) == (1, 1, 20)
    shop.close()
    other.close()
    lots_equal_postings(shop)


def wait_for_waiters(database: Database, count: int) -> None:
    for _ in range(500):
        with database.read() as conn:
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            if conn.execute(waiting).scalar_one() >= count:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for the lock")
