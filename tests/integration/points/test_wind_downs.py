"""A programme ends: notices, last issues, last acceptance, and what is left converts, on both databases."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.errors import ProgrammeWithoutTerms
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.events import EndAnnounced, EndGone
from ledger_service.kernel.operations import Convert
from ledger_service.kernel.points import Leg
from ledger_service.ledger.models import lot
from ledger_service.merchants.models import merchant
from ledger_service.points.conversion import service
from ledger_service.points.conversion.errors import ConversionNotOffered
from ledger_service.points.errors import GiftRefused
from ledger_service.points.models import expiry_notice, programme_terms
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, START, Phone, Shop, line
from tests.integration.checkout.test_races import at_once
from tests.integration.points.refusals import differences, refuse
from tests.integration.points.test_conversions import convert, desk_of, offer, stocked
from tests.integration.points.test_points import epoch_end, gift, make_pending, operations

DAY = 86_400
NOW = seconds_floor(START)
ISSUES, ENDS = NOW + 10 * DAY, NOW + 60 * DAY


def announce(shop: Shop, source: int = 1, target: int = 2, ends: int = ENDS) -> None:
    """What the index tells of an end that was announced now: a hundred points are 196 of the fuel station."""
    told = EndAnnounced(source, target, ISSUES, ends, 200, 2, 10_000, 0, 12, NOW)
    with shop.database.begin() as conn:
        service.note(conn, [told])
    shop.catalogue.refresh()


def at(shop: Shop, second: int) -> None:
    shop.clock.at = instant_of_seconds(second)


def wind_down(shop: Shop) -> int:
    steps = 0
    while desk_of(shop).wind_down_due(shop.clock.at):
        steps += 1
    return steps


def conversions(shop: Shop) -> list[Convert]:
    return [operation for operation in operations(shop) if isinstance(operation, Convert)]


def earn(shop: Shop, phone: Phone) -> str | None:
    found: str | None = shop.sell(phone, line("1", 1_000))["earned"][0]["reason"]
    return found


def test_issues_end_at_their_date_and_acceptance_at_the_end(shop: Shop) -> None:
    phone = stocked(shop)
    announce(shop)
    at(shop, ISSUES - 1)
    assert earn(shop, phone) is None
    at(shop, ISSUES)
    assert earn(shop, phone) == "programme-ends"
    spend = [{"programme": "GROC", "points": 10}]
    at(shop, ENDS - 1)
    sale = shop.sell(phone, line("1", 900), at=FUEL, spend=spend)
    at(shop, ENDS)
    with pytest.raises(ProgrammeWithoutTerms):
        shop.sell(phone, line("1", 900), at=FUEL, spend=spend)
    shop.refund(sale["sale_id"], at=FUEL)
    assert shop.balance(phone, 1) == 160


def test_gifts_and_willed_conversions_end_with_the_programme(shop: Shop, points: PointsService) -> None:
    phone, friend = stocked(shop), shop.enrol()
    epoch, _ = epoch_end(shop)
    offer(shop)
    announce(shop)
    at(shop, ENDS - 1)
    convert(shop, phone)
    points.gift(gift(shop, phone, friend, Leg(1, 2, epoch, 5)), shop.clock.at)
    at(shop, ENDS)
    with pytest.raises(ConversionNotOffered):
        convert(shop, phone)
    with pytest.raises(GiftRefused):
        points.gift(gift(shop, phone, friend, Leg(1, 2, epoch, 5)), shop.clock.at)


def test_points_that_would_vest_after_the_last_issue_are_not_promised(shop: Shop) -> None:
    make_pending(shop, 14)
    announce(shop)
    phone = shop.enrol()
    assert earn(shop, phone) == "programme-ends"
    assert shop.balance(phone, 1, "pending") == 0


def test_what_is_left_converts_once_and_not_before(shop: Shop) -> None:
    phones = [stocked(shop, points) for points in (100, 7, 250)]
    announce(shop)
    at(shop, ENDS - 1)
    assert wind_down(shop) == 0
    at(shop, ENDS)
    assert wind_down(shop) == 1
    assert wind_down(shop) == 0
    assert [shop.balance(phone, 1) for phone in phones] == [0, 0, 0]
    assert [shop.balance(phone, 2) for phone in phones] == [196, 13, 490]
    for one in conversions(shop):
        assert (one.terms, one.nonce, one.signature, one.merchant) == (0, 0, b"", FUEL)
        assert one.legs[0].terms_version == 2
    assert differences(shop) == []


def test_a_job_that_was_cut_off_goes_on_and_two_at_once_convert_everybody_once(shop: Shop) -> None:
    phones = [stocked(shop, 100) for _ in range(6)]
    announce(shop)
    at(shop, ENDS)
    desk = desk_of(shop)
    at_once(*[partial(desk.wind_down_due, shop.clock.at) for _ in range(4)])
    wind_down(shop)
    assert [shop.balance(phone, 2) for phone in phones] == [196] * 6
    assert len(conversions(shop)) == 6


def test_what_comes_back_or_was_held_converts_later(shop: Shop) -> None:
    phone = stocked(shop, 100)
    announce(shop)
    at(shop, ENDS - 60)
    hold = shop.authorise(phone, 900, [{"programme": "GROC", "points": 40}], ttl_seconds=3_600)["hold_id"]
    at(shop, ENDS)
    wind_down(shop)
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (0, 117)
    shop.void(hold)
    shop.clock.forward(seconds=1)
    wind_down(shop)
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (0, 117 + 78)


def test_many_lots_convert_eight_at_a_time_and_dust_stays(shop: Shop) -> None:
    phone, poor = shop.enrol(), shop.enrol()
    for _ in range(10):
        shop.stock(phone, 1, 10)
        shop.clock.forward(days=3)
    with shop.database.begin() as conn:
        # As if bought over ten months: each in an epoch of its own.
        mine = (lot.c.member_id == phone.member_id) & (lot.c.programme_id == 1)
        rows = conn.execute(select(lot.c.epoch, lot.c.available).where(mine)).all()
    assert sum(row.available for row in rows) == 100
    shop.stock(poor, 3, 1)
    announce(shop, 1, 3)
    at(shop, ENDS)
    wind_down(shop)
    assert shop.balance(phone, 3) == 32
    shop.stock(poor, 2, 1)
    assert wind_down(shop) == 0


def test_an_exhausted_cap_and_a_suspended_issuer_wait_and_lose_nothing(shop: Shop) -> None:
    phones = [stocked(shop, 100) for _ in range(3)]
    announce(shop)
    set_cap(shop, 400)
    at(shop, ENDS)
    wind_down(shop)
    assert sorted(shop.balance(phone, 1) for phone in phones) == [0, 0, 100]
    set_cap(shop, 10_000)
    suspend(shop, "suspended")
    assert wind_down(shop) == 0
    suspend(shop, "active")
    wind_down(shop)
    assert [shop.balance(phone, 2) for phone in phones] == [196] * 3


def set_cap(shop: Shop, cap: int) -> None:
    with shop.database.begin() as conn:
        mine = programme_terms.c.programme_id == 2
        conn.execute(update(programme_terms).where(mine).values(issuance_cap=cap))
        service.note(conn, [EndGone(9)])
    shop.catalogue.refresh()


def suspend(shop: Shop, status: str) -> None:
    with shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == FUEL).values(status=status))


def test_what_was_live_at_the_end_converts_and_does_not_expire(shop: Shop, points: PointsService) -> None:
    phone = stocked(shop, 100)
    _, over = epoch_end(shop)
    announce(shop, ends=over - DAY)
    at(shop, over + DAY)
    assert points.expire_due(shop.clock.at) == 0
    wind_down(shop)
    assert (shop.balance(phone, 1), shop.balance(phone, 2)) == (0, 196)


def test_what_the_contract_refuses_is_written_down_and_waits(shop: Shop, points: PointsService) -> None:
    phone = stocked(shop, 100)
    announce(shop)
    at(shop, ENDS)
    wind_down(shop)
    refuse(shop, [conversions(shop)[0].op_id], "EpochEnded()")
    points.apply_set_aside(shop.clock.at)
    assert [d for d in differences(shop) if not d.startswith("operation-set-aside")] == []
    shop.stock(phone, 2, 1)
    assert wind_down(shop) == 0


def test_members_are_told_of_the_end_at_once_and_before_it(shop: Shop, points: PointsService) -> None:
    phone, other = stocked(shop), shop.enrol()
    announce(shop)
    for days in (0, 1, 29, 30, 31, 52, 53, 54, 59.9):
        shop.clock.at = START + timedelta(days=days)
        while points.write_notices(shop.clock.at):
            pass
    row = expiry_notice.c
    with shop.database.read() as conn:
        told = conn.execute(
            select(row.member_id, row.days_before, row.points, row.last_day)
            .where(row.epoch == 0)
            .order_by(row.notice_id)
        ).all()
    last = "2026-05-09"
    mine = phone.member_id
    assert other.member_id != mine
    assert [tuple(each) for each in told] == [
        (mine, 61, 150, last), (mine, 30, 150, last), (mine, 7, 150, last), (mine, 1, 150, last),
    ]  # fmt: skip


def test_a_reorganisation_takes_the_end_back(shop: Shop) -> None:
    phone = stocked(shop)
    announce(shop)
    with shop.database.begin() as conn:
        service.note(conn, [EndGone(1)])
    shop.catalogue.refresh()
    at(shop, ENDS)
    assert wind_down(shop) == 0
    assert earn(shop, phone) is None
