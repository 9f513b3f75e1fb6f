"""Tiers at the till: the next purchase earns at the new rate, a hold keeps its tier, a refund breaks one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text, update

from ledger_service.checkout.errors import RefundExceedsSale
from ledger_service.db.engine import Database
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.models import member
from ledger_service.merchants.models import store
from ledger_service.tiers.benefits import Birthday, MemberDay, Stacking
from ledger_service.tiers.rules import place_at
from tests.integration.checkout.shop import GROCER, START, Phone, Shop, line, lots_equal_postings

from .people import amounts_by_member, cached, earned, publish

NEW_YORK = ZoneInfo("America/New_York")
DAY = START.astimezone(NEW_YORK).toordinal()


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    shop = Shop(database)
    shop.found()
    yield shop
    kept_rows_are_the_rule(shop)
    shop.close()
    lots_equal_postings(shop)


def kept_rows_are_the_rule(shop: Shop) -> None:
    """What a checkout left in the cache is what the rule says of the days."""
    amounts = amounts_by_member(shop, 1)
    ladders = shop.ladders.refresh().of(1)
    for member_id, (level, until, total, version) in cached(shop, 1).items():
        own = amounts[member_id]
        place = place_at(ladders[version - 1], own, max(own))
        assert total == sum(own.values())
        assert level <= place.level or until is not None
        today = shop.clock.at.astimezone(NEW_YORK).toordinal()
        if until is None or until >= today:
            assert level == place_at(ladders[version - 1], own, max([today, *own])).level


def quoted(shop: Shop, phone: Phone, amount: int, at: int = GROCER) -> dict[str, object]:
    body = shop.sale_body(line("1", amount), at=at, member={"number": phone.number})
    return dict(shop.quote(body)["earned"][0])


def test_without_a_ladder_nothing_is_counted_and_no_tier_is_named(shop: Shop) -> None:
    phone = shop.enrol()
    assert earned(shop.sell(phone, line("1", 60_000))) == (600, None)
    assert quoted(shop, phone, 100)["tier"] is None
    publish(shop, programme_id=2)
    assert earned(shop.sell(phone, line("1", 60_000))) == (600, None)
    assert (shop.count("qualifying_day"), shop.count("member_tier")) == (0, 0)


def test_the_purchase_that_reaches_a_tier_still_earns_by_the_one_before(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop)
    assert earned(shop.sell(phone, line("1", 60_000))) == (600, "BASE")
    told = quoted(shop, phone, 333)
    assert told["points"] == 333 * 5 // 400
    assert told["tier"] == {
        "tier": "SILVER", "ladder_version": 1, "rate": {"numerator": 5, "denominator": 4}, "name": "Silver",
        "reason": "reached", "benefits": ["tier"], "stacking": "best", "next_tier": "GOLD",
        "to_next_minor": 40_000,
    }  # fmt: skip
    answer = shop.sell(phone, line("1", 333))
    assert earned(answer) == (told["points"], "SILVER")
    assert answer["earned"][0]["tier"]["ladder_version"] == 1
    facts = entries(shop)[-1]
    assert '"ladder":1' in facts
    assert '"tier":"SILVER"' in facts
    assert cached(shop, 1) == {phone.member_id: (1, date(2026, 12, 31).toordinal(), 60_333, 1)}


def entries(shop: Shop) -> list[str]:
    with shop.database.read() as conn:
        return list(conn.execute(text("SELECT body FROM entry ORDER BY sequence")).scalars())


def test_what_points_pay_and_what_earns_nothing_does_not_count(database: Database) -> None:
    shop = Shop(database)
    shop.found(excluded=frozenset({"FUEL"}))
    publish(shop)
    phone = shop.enrol()
    shop.sell(phone, line("1", 10_000))
    spend = [{"programme": "GROC", "points": 100}]
    shop.sell(phone, line("1", 5_000), line("2", 7_000, category="FUEL"), spend=spend)
    paid_by_points = 100 * 5_000 // 12_000
    assert amounts_by_member(shop, 1) == {phone.member_id: {DAY: 10_000 + 5_000 - paid_by_points}}
    shop.close()


def test_a_hold_keeps_the_tier_that_its_authorisation_decided(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 100)
    publish(shop)
    spend = [{"programme": "FUEL", "points": 4}]
    before = shop.authorise(phone, 5_000, spend)["hold_id"]
    shop.sell(phone, line("1", 120_000))
    after = shop.authorise(phone, 5_000, spend)["hold_id"]
    late = shop.capture(before, line("1", 5_000), spend=spend)
    assert earned(late) == ((5_000 - 2) // 100, "BASE"), "promoted between authorise and capture"
    shop.refund(big_sale(shop))
    assert earned(shop.capture(after, line("1", 5_000), spend=spend)) == (2 * (5_000 - 2) // 100, "GOLD")
    assert earned(shop.sell(phone, line("1", 5_000))) == (50, "BASE")


def big_sale(shop: Shop) -> str:
    with shop.database.read() as conn:
        found = conn.execute(text("SELECT sale_id FROM sale WHERE total_minor = 120000")).scalar_one()
    return bytes(found).hex()


def test_a_hold_made_before_a_ladder_counts_without_one(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 100)
    spend = [{"programme": "FUEL", "points": 4}]
    held = shop.authorise(phone, 5_000, spend)["hold_id"]
    publish(shop)
    assert earned(shop.capture(held, line("1", 5_000), spend=spend)) == (49, None)


def test_a_refund_takes_off_the_day_of_its_sale_and_breaks_the_tier_from_now_on(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop, grace_days=365)
    first = shop.sell(phone, line("1", 60_000, 3))
    shop.clock.forward(days=2)
    second = shop.sell(phone, line("1", 20_000))
    assert earned(second) == (250, "SILVER")
    shop.clock.forward(days=300)  # another year: the grace would keep the tier, but it was never reached
    assert earned(shop.sell(phone, line("1", 100))) == (1, "SILVER")
    points = shop.balance(phone, 1)
    shop.refund(first["sale_id"], [("1", 2)])
    assert amounts_by_member(shop, 1)[phone.member_id][DAY] == 20_000
    assert shop.balance(phone, 1) == points - 400, "what was earned in between at the higher rate stays"
    assert earned(shop.sell(phone, line("1", 10_000))) == (100, "BASE")
    shop.refund(first["sale_id"])
    assert amounts_by_member(shop, 1)[phone.member_id][DAY] == 0


@pytest.mark.parametrize("split", [[3], [1, 2], [1, 1, 1]])
def test_a_promotion_that_is_returned_takes_every_bonus_back_once_and_no_other(
    shop: Shop, split: list[int]
) -> None:
    """The earn of a sale goes back at the rate that it was given, also when nothing of that tier is left."""
    phone = shop.enrol()
    publish(shop)
    promoting = shop.sell(phone, line("1", 60_000, 3))
    bonus = shop.sell(phone, line("1", 12_000, 3))
    assert (earned(promoting), earned(bonus)) == ((600, "BASE"), (150, "SILVER"))
    for pieces in split:
        shop.refund(promoting["sale_id"], [("1", pieces)])
        kept_rows_are_the_rule(shop)
    assert shop.balance(phone, 1) == 150, "what other sales earned at the higher rate stays"
    assert [level for level, *_ in cached(shop, 1).values()] == [0]
    for pieces in split:
        shop.refund(bonus["sale_id"], [("1", pieces)])
    assert shop.balance(phone, 1) == 0
    for done in (promoting, bonus):
        with pytest.raises(RefundExceedsSale):
            shop.refund(done["sale_id"], [("1", 1)])
    assert amounts_by_member(shop, 1) == {phone.member_id: {DAY: 0}}


@pytest.mark.parametrize("split", [[3], [1, 2], [2, 1], [1, 1, 1]])
def test_every_split_of_a_refund_undoes_a_tiers_earn_exactly(shop: Shop, split: list[int]) -> None:
    phone = shop.enrol()
    publish(shop)
    shop.sell(phone, line("1", 50_000))
    before = shop.balance(phone, 1)
    sold = shop.sell(phone, line("1", 1_111, 3), line("2", 777))
    assert earned(sold) == ((1_111 + 777) * 5 // 400, "SILVER")
    for pieces in split:
        shop.refund(sold["sale_id"], [("1", pieces)])
    assert shop.balance(phone, 1) - before == 777 * 5 // 400, "INV-13"
    shop.refund(sold["sale_id"])
    assert shop.balance(phone, 1) == before
    assert amounts_by_member(shop, 1)[phone.member_id] == {DAY: 50_000}


def test_a_ladder_of_tomorrow_counts_today_and_decides_tomorrow(shop: Shop) -> None:
    phone = shop.enrol()
    publish(shop, effective=datetime(2026, 3, 12, tzinfo=UTC))
    assert earned(shop.sell(phone, line("1", 60_000))) == (600, None)
    shop.clock.forward(days=2)
    assert earned(shop.sell(phone, line("1", 10_000))) == (125, "SILVER")


def test_the_daily_cap_holds_at_every_rate(database: Database) -> None:
    shop = Shop(database)
    shop.found(daily_cap=700)
    publish(shop)
    phone = shop.enrol()
    shop.sell(phone, line("1", 60_000))
    assert earned(shop.sell(phone, line("1", 10_000))) == (100, "SILVER")
    shop.close()


SOUTH, WEST = (int(with_check_digit(f"95200100000{i}")) for i in (1, 2))
ZONES = {GROCER: "UTC", SOUTH: "Pacific/Auckland", WEST: "America/Los_Angeles"}


def open_stores(shop: Shop) -> None:
    with shop.database.begin() as conn:
        for gln, zone in ZONES.items():
            if gln != GROCER:
                row = {"gln": gln, "merchant_id": GROCER, "name": "S", "timezone": zone, "status": "active"}
                conn.execute(insert(store).values({**row, "created_at": START}))


@pytest.mark.parametrize(
    ("now", "days"),
    [
        # The same instant is another day of the month in each store.
        ("2026-03-08T11:30:00+00:00", {"UTC": True, "Pacific/Auckland": False, "America/Los_Angeles": True}),
        ("2026-03-08T08:30:00+00:00", {"UTC": True, "Pacific/Auckland": True, "America/Los_Angeles": True}),
        ("2026-03-08T07:59:59+00:00", {"UTC": True, "Pacific/Auckland": True, "America/Los_Angeles": False}),
        # The day whose hour from 2 to 3 Los Angeles skips ends an hour early.
        ("2026-03-09T06:59:59+00:00", {"UTC": False, "Pacific/Auckland": False, "America/Los_Angeles": True}),
        (
            "2026-03-09T07:00:00+00:00",
            {"UTC": False, "Pacific/Auckland": False, "America/Los_Angeles": False},
        ),
    ],
)
def test_a_member_day_and_a_birthday_are_days_of_the_store(
    shop: Shop, now: str, days: dict[str, bool]
) -> None:
    open_stores(shop)
    shop.clock.at = datetime.fromisoformat(now)
    publish(shop, member_days=(MemberDay(15_000, frozenset({8})),), birthday=Birthday(30_000))
    phone, born = shop.enrol(), shop.enrol()
    with shop.database.begin() as conn:
        conn.execute(update(member).where(member.c.member_id == born.member_id).values(birthday=308))
    for gln, zone in ZONES.items():
        assert quoted_at(shop, phone, gln) == (150 if days[zone] else 100)
        assert quoted_at(shop, born, gln) == (300 if days[zone] else 100)


def quoted_at(shop: Shop, phone: Phone, gln: int) -> int:
    body = shop.sale_body(line("1", 10_000), at=gln, member={"number": phone.number})
    return int(shop.quote(body, merchant_id=GROCER)["earned"][0]["points"])


@pytest.mark.parametrize(
    ("stacking", "rate"),
    [(Stacking.BEST, Fraction(3)), (Stacking.ADD, Fraction(15, 4)), (Stacking.MULTIPLY, Fraction(45, 8))],
)
def test_benefits_stack_as_the_ladder_says(shop: Shop, stacking: Stacking, rate: Fraction) -> None:
    phone = shop.enrol()
    with shop.database.begin() as conn:
        conn.execute(update(member).values(birthday=310))
    tuesday = MemberDay(15_000, weekdays=frozenset({2}), least_level=1)
    publish(shop, member_days=(tuesday,), birthday=Birthday(30_000), stacking=stacking)
    shop.sell(phone, line("1", 50_000))  # 10 March 2026 is a Tuesday
    told = quoted(shop, phone, 999)
    assert told["points"] == 999 * rate // 100
    answer = shop.sell(phone, line("1", 999))
    assert earned(answer) == (told["points"], "SILVER")
    with shop.database.read() as conn:
        kept = conn.execute(text("SELECT earned FROM sale")).scalars().all()
    assert not any("birthday" in row for row in kept), "a birthday would outlive the member's erasure"
    shop.refund(answer["sale_id"])
