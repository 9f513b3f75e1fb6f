"""A change of tier is written down once, where it is first found: by a purchase, a refund, or the job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from ledger_service.checkout.recounting import recounts
from ledger_service.db.engine import Database
from ledger_service.members.merging import Merge
from ledger_service.members.models import member
from ledger_service.tiers.merging import follow_merge
from ledger_service.tiers.models import member_tier, tier_change
from ledger_service.tiers.rules import Tier, Window
from tests.integration.checkout.shop import START, Phone, Shop, line

from .people import RUNGS, cached, publish
from .test_work_budget import cost_of

NEW_YORK = ZoneInfo("America/New_York")
TODAY = START.astimezone(NEW_YORK).toordinal()
NEW_YEAR = date(START.year + 1, 1, 1).toordinal()


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()


def changes(shop: Shop, phone: Phone | None = None) -> list[tuple[str, int, int, str, int]]:
    """(change, level before, level now, cause, day) in the order in which they were found."""
    c = tier_change.c
    its = select(c.change, c.was, c.level, c.cause, c.day).order_by(c.change_id)
    if phone is not None:
        its = its.where(c.member_id == phone.member_id)
    with shop.database.read() as conn:
        return [tuple(row) for row in conn.execute(its)]


def count(shop: Shop, *, from_sales: bool = False) -> None:
    """The job counts every programme by the present day, as if it had never done so."""
    catalogue, ladders, at = shop.catalogue.current(), shop.ladders.refresh(), shop.clock.at
    for one in recounts(catalogue, ladders, at, from_sales=from_sales):
        with shop.database.begin() as conn:
            conn.exec_driver_sql("DELETE FROM tier_run")
        ended = False
        while not ended:
            with shop.database.begin() as conn:
                ended = one.step(conn, shop.clock.at).ended


def to(shop: Shop, day: int) -> None:
    """It is noon of the day in New York, or about."""
    shop.clock.forward(days=day - shop.clock.at.astimezone(NEW_YORK).toordinal())


def test_a_purchase_that_reaches_a_tier_is_one_change_and_a_refund_that_breaks_it_another(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 40_000))
    assert changes(shop) == []
    sold = shop.sell(phone, line("1", 20_000))
    shop.sell(phone, line("1", 100))
    assert changes(shop) == [("reached", 0, 1, "purchase", TODAY)]
    shop.refund(sold["sale_id"], [("1", 1)])
    assert changes(shop)[1:] == [("fell", 1, 0, "refund", TODAY)]


def test_counting_the_same_again_finds_nothing_twice_however_it_is_counted(shop: Shop) -> None:
    phone, other = shop.enrol(), shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 60_000))
    shop.sell(other, line("1", 120_000))
    found = changes(shop)
    assert [row[:3] for row in found] == [("reached", 0, 1), ("reached", 0, 2)]
    count(shop)
    count(shop, from_sales=True)
    with shop.database.begin() as conn:
        conn.execute(delete(member_tier))
    count(shop)
    shop.clock.forward(days=1)
    count(shop)
    assert changes(shop) == found


def test_what_time_ends_is_not_found_twice_and_holds_from_the_day_behind_the_last(shop: Shop) -> None:
    phone, gone = shop.enrol(), shop.enrol()
    publish(shop)
    for one in (phone, gone):
        shop.sell(one, line("1", 60_000))
    with shop.database.begin() as conn:
        conn.execute(update(member).where(member.c.member_id == gone.member_id).values(status="erased"))
    to(shop, NEW_YEAR + 3)
    count(shop)
    count(shop)
    assert changes(shop, phone)[1:] == [("fell", 1, 0, "time", NEW_YEAR)]
    assert len(changes(shop, gone)) == 1, "of who is erased nothing more is found"


def test_a_purchase_behind_the_end_of_a_tier_is_told_from_the_end(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 120_000))
    to(shop, NEW_YEAR + 3)
    shop.sell(phone, line("1", 60_000))
    count(shop)
    assert changes(shop)[1:] == [
        ("fell", 2, 0, "time", NEW_YEAR), ("reached", 0, 1, "purchase", NEW_YEAR + 3),
    ]  # fmt: skip


def test_a_tier_that_is_reached_again_in_another_year_is_renewed(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop, grace_days=30)
    shop.sell(phone, line("1", 60_000))
    to(shop, NEW_YEAR + 3)
    count(shop)
    shop.sell(phone, line("1", 20_000))
    sold = shop.sell(phone, line("1", 40_000))
    shop.refund(sold["sale_id"], [("1", 1)])
    count(shop)
    assert changes(shop)[1:] == [
        ("renewed", 1, 1, "purchase", NEW_YEAR + 3), ("shortened", 1, 1, "refund", NEW_YEAR + 3),
    ]  # fmt: skip


def test_in_a_rolling_window_a_later_end_is_no_change(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop, window=Window.ROLLING_DAYS, window_days=30)
    for _ in range(3):
        shop.sell(phone, line("1", 60_000))
        shop.clock.forward(days=1)
        count(shop)
    assert [row[0] for row in changes(shop)] == ["reached", "reached"]
    to(shop, TODAY + 40)
    count(shop)
    # Gold holds while two of the purchases lie in the window; silver, which one of them keeps, was passed.
    assert changes(shop)[2:] == [("fell", 2, 0, "time", TODAY + 31)]


@pytest.mark.parametrize("by_purchase", [True, False])
def test_a_new_ladder_moves_whom_it_moves_and_a_rung_between_nobody(shop: Shop, by_purchase: bool) -> None:
    phone, other = shop.enrol(), shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 120_000))
    shop.sell(other, line("1", 60_000))
    shop.clock.forward(days=1)
    between = (*RUNGS[:2], Tier("PLUS", "Plus", 70_000), Tier("GOLD", "Gold", 100_000))
    publish(shop, tiers=between)
    if by_purchase:
        shop.sell(phone, line("1", 100))
    count(shop)
    assert len(changes(shop)) == 2
    shop.clock.forward(days=1)
    publish(shop, tiers=(RUNGS[0], Tier("SILVER", "Silver", 50_000), Tier("PLUS", "Plus", 130_000)))
    if by_purchase:
        shop.sell(phone, line("1", 100))
    count(shop)
    day = TODAY + 2
    # Gold is no rung of it any more: by its height it would be the third, which is not reached.
    assert changes(shop, phone)[1:] == [("fell", 2, 1, "ladder", day)]
    assert len(changes(shop, other)) == 1


def test_a_ladder_before_its_time_changes_nothing_yet(shop: Shop) -> None:
    phone = shop.enrol()
    later = shop.clock.at.replace(hour=23)
    publish(shop, effective=later)
    shop.sell(phone, line("1", 60_000))
    count(shop)
    assert (changes(shop), cached(shop, 1)[phone.member_id][0]) == ([], 1)
    shop.clock.forward(days=1)
    count(shop)
    assert [row[:3] for row in changes(shop)] == [("reached", 0, 1)]


def test_what_two_members_bought_together_is_one_change_of_who_stays(shop: Shop) -> None:
    stays, closes, third = shop.enrol(), shop.enrol(), shop.enrol()
    publish(shop)
    shop.sell(stays, line("1", 60_000))
    shop.sell(closes, line("1", 60_000))
    for one in ((closes, stays), (stays, third)):
        with shop.database.begin() as conn:
            follow_merge(conn, Merge(one[0].member_id, one[1].member_id, shop.clock.at))
            gone = member.c.member_id == one[0].member_id
            conn.execute(update(member).where(gone).values(status="erased"))
        assert cached(shop, 1)[one[1].member_id][2] == 120_000, "a ladder since joining goes by the sum"
        count(shop)
    assert [row[:3] for row in changes(shop, stays)] == [("reached", 0, 1), ("reached", 1, 2)]
    assert [row[:3] for row in changes(shop, third)] == [("reached", 0, 2)]
    assert len(changes(shop, closes)) == 1


def test_sales_that_change_no_tier_write_nothing_more_and_those_that_do_one_statement(shop: Shop) -> None:
    phone, opened = shop.enrol(), set[tuple[str, object]]()
    shop.stock(phone, 1, 1000)
    shop.stock(phone, 2, 1000)
    publish(shop)
    shop.sell(phone, line("1", 100))
    cost_of(shop, phone, "warm", opened)
    plain = cost_of(shop, phone, "plain", opened)[1]
    with shop.database.begin() as conn:
        conn.exec_driver_sql("UPDATE qualifying_day SET amount_minor = 99999")
    reaching = cost_of(shop, phone, "reaching", opened)[1]
    assert (len(changes(shop)), reaching - plain) == (1, 1)
