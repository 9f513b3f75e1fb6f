"""Notices of expiry: each once, by members in order, whatever is cut off or run beside it; both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.members.models import member
from ledger_service.points import notices, programmes
from ledger_service.points.models import expiry_notice
from ledger_service.points.notice_rules import notice_at
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import Phone, Shop, line
from tests.integration.points.test_points import epoch_end


def tell_before(shop: Shop, *days: int) -> None:
    with shop.database.begin() as conn:
        programmes.set_notice_days(conn, "GROC", days)
    shop.catalogue.refresh()


def at_notice(shop: Shop, days: int) -> datetime:
    zone = shop.catalogue.current().programmes[1].zone
    return instant_of_seconds(notice_at(epoch_end(shop)[1], days, zone))


def told(shop: Shop) -> list[tuple[int, int, int]]:
    row = expiry_notice.c
    with shop.database.read() as conn:
        query = select(row.member_id, row.days_before, row.points).order_by(row.notice_id)
        return [tuple(found) for found in conn.execute(query)]


def run(points: PointsService, at: datetime) -> int:
    steps = 0
    while points.write_notices(at):
        steps += 1
    return steps


def stocked(shop: Shop, count: int) -> list[Phone]:
    phones = [shop.enrol() for _ in range(count)]
    for phone in phones:
        shop.stock(phone, 1, 40)
    return phones


def test_a_member_is_told_once_for_each_notice_of_what_it_can_still_spend(
    shop: Shop, points: PointsService
) -> None:
    tell_before(shop, 7, 30)
    (phone,) = stocked(shop, 1)
    hold_free = shop.enrol()
    shop.sell(hold_free, line("1", 50))  # earns nothing
    assert run(points, at_notice(shop, 30) - timedelta(seconds=1)) == 0
    assert run(points, at_notice(shop, 30)) == 1
    assert run(points, at_notice(shop, 30) + timedelta(days=1)) == 0
    shop.clock.at = at_notice(shop, 7) - timedelta(hours=1)
    shop.authorise(phone, 900, [{"programme": "GROC", "points": 15}])
    assert run(points, at_notice(shop, 7)) == 1
    assert told(shop) == [(phone.member_id, 30, 40), (phone.member_id, 7, 40)]
    with shop.database.read() as conn:
        first = notices.notices_of(conn, phone.member_id, None, 1)
        second = notices.notices_of(conn, phone.member_id, first[0].notice_id, 5)
    assert [(n.days_before, n.last_day) for n in (*first, *second)] == [
        (7, second[0].last_day), (30, first[0].last_day),
    ]  # fmt: skip


def test_a_job_that_was_away_writes_the_latest_notice_only(shop: Shop, points: PointsService) -> None:
    tell_before(shop, 60, 30, 7)
    (phone,) = stocked(shop, 1)
    assert run(points, at_notice(shop, 30) + timedelta(days=3)) == 1
    assert told(shop) == [(phone.member_id, 30, 40)]


def test_a_run_goes_on_where_it_was_cut_off(
    shop: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_ROWS", 2)
    tell_before(shop, 30)
    phones = stocked(shop, 5)
    at = at_notice(shop, 30)
    assert points.write_notices(at) == 2
    assert len(told(shop)) == 2
    assert run(points, at) == 2
    assert [who for who, _, _ in told(shop)] == [phone.member_id for phone in phones]
    stocked(shop, 1)  # after the run: told of by the next notice
    assert run(points, at) == 0


def test_two_runs_beside_each_other_tell_everybody_once(shop: Shop, points: PointsService) -> None:
    tell_before(shop, 30)
    stocked(shop, 3)
    at, catalogue = at_notice(shop, 30), shop.catalogue.current()
    with shop.database.read() as conn:
        (stage,) = notices.stages_due(conn, catalogue, at)
    for _ in range(2):  # both found the stage due before either had begun
        with shop.database.begin() as conn:
            notices.write_some(conn, stage, catalogue.programmes[1], at)
    assert len(told(shop)) == 3


def test_nobody_is_told_who_is_erased_and_nothing_where_no_days_are_set(
    shop: Shop, points: PointsService
) -> None:
    phones = stocked(shop, 2)
    assert run(points, at_notice(shop, 7)) == 0
    tell_before(shop, 30)
    with shop.database.begin() as conn:
        gone = {"status": "erased", "member_number": None}
        conn.execute(update(member).where(member.c.member_id == phones[0].member_id).values(gone))
    run(points, at_notice(shop, 30))
    assert [who for who, _, _ in told(shop)] == [phones[1].member_id]
