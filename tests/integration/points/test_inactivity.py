"""Points that lapse through inactivity: who was active keeps them, in time for the notices, nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.booked import unbooked
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.operations import Expire, Extend
from ledger_service.ledger.models import lot
from ledger_service.points import inactivity, notices, programmes
from ledger_service.points.errors import ActivityWithdrawn
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.models import expiry_notice, extension_run
from ledger_service.points.notice_rules import last_day
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, Phone, Shop, line
from tests.integration.points.test_notices import at_notice, run, tell_before, told
from tests.integration.points.test_points import epoch_end, operations

WINDOW = timedelta(days=7)


def keep_alive(shop: Shop, *activities: Activity) -> None:
    with shop.database.begin() as conn:
        programmes.set_activities(conn, shop.catalogue.current().programmes[1], activities)
    shop.catalogue.refresh()


def lots(shop: Shop, phone: Phone) -> dict[int, int]:
    mine = (lot.c.member_id == phone.member_id) & (lot.c.programme_id == 1) & (lot.c.available > 0)
    with shop.database.read() as conn:
        return {row.epoch: row.available for row in conn.execute(select(lot).where(mine))}


def look(points: PointsService, at: datetime) -> int:
    steps = 0
    while points.extend_due(at):
        steps += 1
    return steps


def in_epoch_before_last(shop: Shop, epoch: int) -> datetime:
    ends = shop.catalogue.current().programmes[1].epoch_ends
    return instant_of_seconds(ends[epoch - 3] + 86_400)


@pytest.fixture
def alive(shop: Shop) -> Shop:
    """The grocer's points lapse through inactivity; members are told 30 and 7 days before."""
    keep_alive(shop, Activity.EARN, Activity.REDEEM)
    tell_before(shop, 30, 7)
    return shop


def test_activity_gives_all_points_the_end_of_points_that_are_issued_then(
    alive: Shop, points: PointsService
) -> None:
    active, idle = alive.enrol(), alive.enrol()
    for phone in (active, idle):
        alive.stock(phone, 1, 40)
    epoch, _ = epoch_end(alive)
    alive.clock.at = in_epoch_before_last(alive, epoch)
    alive.sell(active, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 10}])
    assert run(points, at_notice(alive, 30)) == 0, "nobody is told before it was looked for activity"
    assert look(points, at_notice(alive, 30)) == 1
    assert lots(alive, active) == {epoch + 11: 30}
    assert lots(alive, idle) == {epoch: 40}
    run(points, at_notice(alive, 30))
    assert told(alive) == [(idle.member_id, 30, 40)]
    (extended,) = [op for op in operations(alive) if isinstance(op, Extend)]
    assert (extended.leg.epoch, extended.leg.amount, extended.into_epoch) == (epoch, 30, epoch + 11)
    assert extended.accepted_at == seconds_floor(at_notice(alive, 30))
    with alive.database.read() as conn:
        assert list(unbooked(conn)) == []


def test_who_is_active_after_the_notice_is_found_on_the_last_day_or_when_the_epoch_has_ended(
    alive: Shop, points: PointsService
) -> None:
    day, late = alive.enrol(), alive.enrol()
    for phone in (day, late):
        alive.stock(phone, 1, 40)
    epoch, end = epoch_end(alive)
    for days in (30, 7):
        look(points, at_notice(alive, days))
    alive.clock.at = instant_of_seconds(end - 3 * 86_400)
    alive.stock(day, 1, 5)
    assert look(points, instant_of_seconds(end - 3_600)) == 1
    assert lots(alive, day) == {epoch + 12: 45}
    alive.clock.at = instant_of_seconds(end - 60)
    alive.stock(late, 1, 5)
    alive.clock.at = instant_of_seconds(end + 120)
    assert look(points, alive.clock.at) == 1
    assert lots(alive, late) == {epoch + 12: 45}
    assert points.expire_due(alive.clock.at + WINDOW) == 0


def test_who_was_told_of_an_end_is_told_of_the_later_one(alive: Shop, points: PointsService) -> None:
    warned, other = alive.enrol(), alive.enrol()
    for phone in (warned, other):
        alive.stock(phone, 1, 40)
    epoch, _ = epoch_end(alive)
    programme = alive.catalogue.current().programmes[1]
    alive.clock.at = at_notice(alive, 30)
    assert (look(points, alive.clock.at), run(points, alive.clock.at)) == (1, 1)
    alive.clock.forward(days=1)
    alive.stock(warned, 1, 5)
    at = at_notice(alive, 7)
    look(points, at)
    look(points, at + timedelta(hours=1))
    with alive.database.read() as conn:
        newest, first = notices.notices_of(conn, warned.member_id, None, 9)
        (only,) = notices.notices_of(conn, other.member_id, None, 9)
    assert (only.epoch, first.epoch, first.points) == (epoch, epoch, 40)
    until = last_day(programme.epoch_ends[epoch + 11], programme.zone)
    assert (newest.epoch, newest.points, newest.last_day) == (epoch + 12, 45, until.isoformat())
    assert newest.last_day > first.last_day


def test_who_was_not_active_loses_the_points_when_every_sale_has_had_the_time_to_come_in(
    alive: Shop, points: PointsService
) -> None:
    idle, saved = alive.enrol(), alive.enrol()
    for phone in (idle, saved):
        alive.stock(phone, 1, 40)
    epoch, end = epoch_end(alive)
    look(points, instant_of_seconds(end + 120))
    assert points.expire_due(instant_of_seconds(end + 120) + WINDOW - timedelta(seconds=1)) == 0
    # A sale that came in late, of the last minute before the end.
    alive.clock.at = instant_of_seconds(end - 60)
    alive.stock(saved, 1, 1)
    alive.clock.at = instant_of_seconds(end + 120) + WINDOW
    assert points.expire_due(alive.clock.at) == 80
    assert points.expire_due(alive.clock.at) == 0
    assert (lots(alive, idle), lots(alive, saved)) == ({}, {epoch + 12: 41})
    (expired,) = [op for op in operations(alive) if isinstance(op, Expire)]
    assert expired.leg.amount == 40


def test_an_activity_after_the_end_brings_nothing_back(alive: Shop, points: PointsService) -> None:
    phone = alive.enrol()
    alive.stock(phone, 1, 40)
    epoch, end = epoch_end(alive)
    alive.clock.at = instant_of_seconds(end)
    alive.stock(phone, 1, 5)
    alive.clock.at = instant_of_seconds(end + 120) + WINDOW
    look(points, alive.clock.at - timedelta(seconds=1))
    assert points.expire_due(alive.clock.at) == 40
    assert lots(alive, phone) == {epoch + 13: 5}


def test_only_what_the_policy_lists_counts(shop: Shop, points: PointsService) -> None:
    keep_alive(shop, Activity.EARN)
    phone = shop.enrol()
    shop.stock(phone, 1, 40)
    epoch, _ = epoch_end(shop)
    shop.clock.at = in_epoch_before_last(shop, epoch)
    shop.sell(phone, line("1", 900), at=FUEL, spend=[{"programme": "GROC", "points": 10}])
    end = instant_of_seconds(epoch_end(shop)[1])
    look(points, end - timedelta(hours=1))
    assert lots(shop, phone) == {epoch: 30}
    keep_alive(shop, Activity.EARN, Activity.REDEEM)
    look(points, end + timedelta(seconds=120))
    assert lots(shop, phone) == {epoch + 11: 30}
    with pytest.raises(ActivityWithdrawn):
        keep_alive(shop, Activity.REDEEM)


def test_held_points_are_looked_at_again_when_they_are_free(alive: Shop, points: PointsService) -> None:
    phone = alive.enrol()
    alive.stock(phone, 1, 40)
    epoch, end = epoch_end(alive)
    alive.clock.at = instant_of_seconds(end - 600)
    alive.stock(phone, 1, 1)
    hold = alive.authorise(phone, 900, [{"programme": "GROC", "points": 30}], ttl_seconds=3_600)["hold_id"]
    look(points, alive.clock.at)
    assert lots(alive, phone) == {epoch + 12: 11}
    alive.clock.at = instant_of_seconds(end + 900)
    alive.void(hold)
    assert lots(alive, phone) == {epoch: 30, epoch + 12: 11}
    alive.clock.at = instant_of_seconds(end + 120) + WINDOW
    assert points.expire_due(alive.clock.at) == 30
    assert lots(alive, phone) == {epoch + 12: 41}


def test_a_look_goes_on_where_it_was_cut_off(
    alive: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inactivity, "_ROWS", 2)
    phones = [alive.enrol() for _ in range(5)]
    for phone in phones:
        alive.stock(phone, 1, 40)
    epoch, _ = epoch_end(alive)
    alive.clock.at = in_epoch_before_last(alive, epoch)
    for phone in phones[::2]:
        alive.stock(phone, 1, 1)
    at = at_notice(alive, 30)
    assert points.extend_due(at) == 2
    assert look(points, at) == 2
    assert [sorted(lots(alive, phone)) for phone in phones] == [
        [epoch + 11] if n % 2 == 0 else [epoch] for n in range(5)
    ]
    with alive.database.read() as conn:
        row = conn.execute(select(extension_run).where(extension_run.c.epoch == epoch)).one()
    assert (row.days_before, row.last_member_id, bool(row.done)) == (30, phones[-1].member_id, True)
    assert look(points, at + timedelta(days=1)) == 0
    with alive.database.read() as conn:
        assert conn.execute(select(expiry_notice)).all() == []


def test_programmes_without_the_policy_end_as_they_did(shop: Shop, points: PointsService) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 40)
    _, end = epoch_end(shop)
    shop.clock.at = instant_of_seconds(end - 600)
    shop.stock(phone, 1, 1)
    assert look(points, shop.clock.at) == 0
    assert points.expire_due(instant_of_seconds(end + 120)) == 40
