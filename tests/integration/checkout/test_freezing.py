"""What a freeze does to holds that are older than it, and who wins when a capture meets it (ADR 0014)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select, update

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.errors import HoldFrozen
from ledger_service.checkout.parsing import parse_capture
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant
from ledger_service.ledger.errors import HoldClosed
from ledger_service.ledger.models import entry, lot
from ledger_service.members import standing
from ledger_service.members.models import member

from .shop import Phone, Shop, line, loads, lots_equal_postings
from .test_races import at_once

SPEND = [{"programme": "GROC", "points": 100}]
RACES = 1_000 if os.environ.get("ALLIANCE_TEST_DEEP") == "1" else 40


def freeze(shop: Shop, phone: Phone, frozen: bool = True, at: datetime | None = None) -> None:
    shop.writer.run(lambda conn: standing.set_frozen(conn, phone.number, frozen, at or shop.clock.at))


def held(shop: Shop, **more: Any) -> tuple[Phone, str]:
    """A member with 100 points held since an hour."""
    phone = shop.enrol()
    shop.stock(phone, 1, 100)
    hold = shop.authorise(phone, 500, SPEND, ttl_seconds=6 * 3_600, **more)["hold_id"]
    shop.clock.forward(seconds=3_600)
    return phone, hold


def ago(shop: Shop, minutes: int) -> str:
    return format_instant(shop.clock.at - timedelta(minutes=minutes))


def test_nothing_is_captured_from_a_frozen_members_hold_until_it_is_thawed(shop: Shop) -> None:
    phone, hold = held(shop)
    freeze(shop, phone)
    entries = shop.count("entry")
    for spend in (None, SPEND, {"max_value_minor": 1}):
        with pytest.raises(HoldFrozen):
            shop.capture(hold, line("1", 500), spend=spend)
    assert shop.count("entry") == entries
    freeze(shop, phone, False)
    assert shop.capture(hold, line("1", 500))["points_value_minor"] == 100


def test_void_extension_and_refund_of_a_frozen_member_go_on(shop: Shop) -> None:
    phone, hold = held(shop, several=True)
    half = [{"programme": "GROC", "points": 50}]
    sale = shop.capture(hold, line("1", 250), spend=half, final=False)["sale_id"]
    freeze(shop, phone)
    shop.extend(hold, 12 * 3_600)
    assert shop.refund(sale)["refund_id"]
    shop.void(hold)
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "held")) == (100, 0)
    with pytest.raises(HoldClosed):
        shop.capture(hold, line("1", 500))


def test_goods_that_left_before_the_freeze_are_paid_and_the_merchants_word_is_kept(shop: Shop) -> None:
    phone, hold = held(shop)
    freeze(shop, phone)
    left = ago(shop, 5)
    sale = shop.capture(hold, line("1", 500), delivered_at=left)
    assert sale["points_value_minor"] == 100
    with shop.database.read() as conn:
        body = conn.execute(select(entry.c.body).where(entry.c.kind == "capture")).scalar_one()
    assert orjson.loads(body)["delivered_at"] == left


@pytest.mark.parametrize("minutes", [0, -5, 61])
def test_a_delivery_after_the_freeze_or_before_the_hold_pays_nothing(shop: Shop, minutes: int) -> None:
    phone, hold = held(shop)
    freeze(shop, phone)
    with pytest.raises(HoldFrozen):
        shop.capture(hold, line("1", 500), delivered_at=ago(shop, minutes))


def test_freezing_again_keeps_the_beginning_and_erasing_does_not_lift_it(shop: Shop) -> None:
    phone, hold = held(shop)
    freeze(shop, phone, at=shop.clock.at - timedelta(minutes=30))
    freeze(shop, phone)
    with pytest.raises(HoldFrozen):
        shop.capture(hold, line("1", 500), delivered_at=ago(shop, 10))
    with shop.database.begin() as conn:
        gone = {"status": "erased", "erased_at": shop.clock.at, "member_number": None}
        conn.execute(update(member).where(member.c.member_id == phone.member_id).values(gone))
    with pytest.raises(HoldFrozen):
        shop.capture(hold, line("1", 500))


def test_a_member_frozen_before_freezes_had_a_beginning_is_frozen(shop: Shop) -> None:
    phone, hold = held(shop)
    with shop.database.begin() as conn:
        conn.execute(update(member).where(member.c.member_id == phone.member_id).values(status="frozen"))
    with pytest.raises(HoldFrozen):
        shop.capture(hold, line("1", 500), delivered_at=ago(shop, 5))


@pytest.fixture
def shops(database: Database) -> Iterator[tuple[Shop, Shop]]:
    """Two workers over one database."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield one, two
    one.close()
    two.close()
    lots_equal_postings(one)


def test_captures_race_a_freeze_and_none_is_acknowledged_after_it(shops: tuple[Shop, Shop]) -> None:
    one, two = shops
    phone = one.enrol()
    one.stock(phone, 1, 20)
    ended: Counter[str] = Counter()
    for number in range(RACES):
        ended[capture_against_freeze(one, two, phone, number)] += 1
    assert len(ended) == 2, f"the race was no race: {ended}"
    assert one.balance(phone, 1) == 20


def capture_against_freeze(one: Shop, two: Shop, phone: Phone, number: int) -> str:
    """Two captures of two holds and a freeze at once: the freeze finds those on the books that are done."""
    legs = [{"programme": "GROC", "points": 10}]
    holds = [one.authorise(phone, 90, legs)["hold_id"] for _ in range(2)]
    body = {"lines": [line("1", 90)], "reference": "c"}
    writes = [shop.write("capture", body) for shop in (one, two)]
    seen: list[int] = []

    def frozen(conn: Connection) -> None:
        standing.set_frozen(conn, phone.number, True, one.clock.at)
        mine = lot.c.member_id == phone.member_id
        seen.append(sum(conn.execute(select(lot.c.held).where(mine)).scalars()))

    calls = [
        lambda: one.service.capture(writes[0], parse_capture(holds[0], body)),
        lambda: two.service.capture(writes[1], parse_capture(holds[1], body)),
        lambda: one.writer.run(frozen),
    ]
    turn = number % 3
    answers = at_once(*calls[turn:], *calls[:turn])
    captures = [a for a in answers if a is not None]
    done = [a for a in captures if isinstance(a, Answer)]
    assert all(isinstance(a, (Answer, HoldFrozen)) for a in captures), captures
    assert seen == [20 - 10 * len(done)], "a capture was done after the freeze"
    freeze(one, phone, False)
    for hold in holds:
        try:
            one.void(hold)
        except HoldClosed:
            continue
    for answer in done:
        one.refund(loads(answer)["sale_id"])
    return "before" if len(done) == 2 else "after"
