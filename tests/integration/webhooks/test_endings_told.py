"""Points that end soon are told to whose points they are: as often as the member is told, and no oftener."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.ledger.models import lot
from ledger_service.members.quiet.rules import Wish
from ledger_service.members.quiet.service import set_wish
from ledger_service.points import notices, programmes
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.models import expiry_notice, expiry_notice_run
from ledger_service.points.notice_rules import notice_at
from ledger_service.points.service import PointsService, PointsSettings
from ledger_service.webhooks.models import webhook_event, webhook_fresh
from ledger_service.webhooks.service import Range
from tests.integration.checkout.shop import DOMAIN, FUEL, GROCER, Phone
from tests.integration.points.test_points import epoch_end
from tests.integration.webhooks.test_paid_things_told import erase
from tests.integration.webhooks.test_webhooks import Hooks, hooks

__all__ = ["hooks"]
ENDING = "points.ending"


def at_notice(hooks: Hooks, days: int) -> datetime:
    zone = hooks.shop.catalogue.current().programmes[1].zone
    return instant_of_seconds(notice_at(epoch_end(hooks.shop)[1], days, zone))


def stocked(hooks: Hooks, *days: int) -> Phone:
    """Somebody with 40 points of the grocer's, who is told so many days before they end."""
    phone = hooks.shop.enrol()
    hooks.shop.stock(phone, 1, 40)
    with hooks.shop.database.begin() as conn:
        programmes.set_notice_days(conn, "GROC", days)
    hooks.shop.catalogue.refresh()
    return phone


def notice(hooks: Hooks, at: datetime) -> None:
    """The job of notices, and that of webhooks."""
    settings = PointsSettings(DOMAIN, hooks.shop.desk.limits, AdjustmentLimits(100, 150), "w1")
    points = PointsService(hooks.shop.writer, hooks.shop.database, hooks.shop.catalogue, settings)
    hooks.shop.clock.at = at
    while points.write_notices(at):
        pass
    hooks.job()


def ids(hooks: Hooks) -> list[bytes]:
    its = select(webhook_event.c.event_id).where(webhook_event.c.kind == ENDING).order_by("number")
    with hooks.shop.database.read() as conn:
        return list(conn.execute(its).scalars())


def test_each_notice_is_told_once_to_whose_points_they_are(hooks: Hooks) -> None:
    phone = stocked(hooks, 30, 7)
    endpoint, _ = hooks.make(GROCER, ENDING)
    hooks.make(FUEL)
    for days in (31, 30, 30, 29, 7, 6):
        notice(hooks, at_notice(hooks, days))
    last_day = (instant_of_seconds(epoch_end(hooks.shop)[1]) - timedelta(hours=12)).date().isoformat()
    body = {"programme": "GROC", "points": 40, "last_day": last_day, "converts_into": None}
    who = {"number": phone.number, "account": "0x" + phone.account.hex()}
    assert [one["data"] for one in hooks.receiver.taken] == [
        {**body, "days_before": days, "member": who} for days in (30, 7)
    ]
    assert {one["merchant"] for one in hooks.receiver.taken} == {f"{GROCER:013d}"}
    assert hooks.receiver.taken[0]["timestamp"] == f"{at_notice(hooks, 30):%Y-%m-%dT%H:%M:%SZ}"
    with hooks.shop.database.begin() as conn:
        hooks.desk.replay(conn, endpoint, GROCER, Range(1, None), hooks.shop.clock.at)
    hooks.job()
    assert [one["data"]["days_before"] for one in hooks.receiver.taken] == [30, 7, 30, 7]
    assert hooks.receiver.ids[:2] == hooks.receiver.ids[2:]


def test_in_quiet_hours_it_is_said_when_they_end_and_how_often_the_member_may_be_told(hooks: Hooks) -> None:
    phone = stocked(hooks, 30)
    hooks.make(GROCER, ENDING)
    with hooks.shop.database.begin() as conn:
        set_wish(conn, phone.member_id, Wish(0, 23 * 60 + 59, "UTC", 2))
    notice(hooks, at_notice(hooks, 30))
    (one,) = hooks.receiver.taken
    day = hooks.shop.clock.at.astimezone(UTC)
    assert one["data"]["member"]["quiet_until"] == f"{day:%Y-%m-%d}T23:59:00Z"
    assert one["data"]["member"]["most_a_day"] == 2


def test_of_who_is_erased_by_then_no_notice_is_told_and_one_that_waits_has_no_number(hooks: Hooks) -> None:
    phone = stocked(hooks, 30, 7)
    hooks.make(GROCER)
    hooks.follow()
    hooks.receiver.status = 503
    notice(hooks, at_notice(hooks, 30))
    hooks.courier.close()
    erase(hooks, phone)
    hooks.receiver.status = 204
    notice(hooks, at_notice(hooks, 7))
    assert hooks.receiver.kinds().count(ENDING) == 1
    assert phone.number not in b"".join(hooks.receiver.raw).decode()


def test_who_was_erased_between_the_notice_and_the_job_is_told_of_nowhere(hooks: Hooks) -> None:
    phone = stocked(hooks, 30)
    hooks.make(GROCER, ENDING)
    at = hooks.shop.clock.at = at_notice(hooks, 30)
    with hooks.shop.database.begin() as conn:
        catalogue = hooks.shop.catalogue.current()
        (stage,) = notices.stages_due(conn, catalogue, at)
        assert notices.write_some(conn, stage, catalogue.programmes[1], at) == 1
    erase(hooks, phone)
    hooks.job()
    assert ids(hooks) == []


def test_a_restored_backup_whose_notices_are_written_again_tells_nothing_under_another_id(
    hooks: Hooks,
) -> None:
    stocked(hooks, 30)
    hooks.make(GROCER, ENDING)
    notice(hooks, at_notice(hooks, 30))
    first = ids(hooks)
    with hooks.shop.database.begin() as conn:
        for table in (expiry_notice, expiry_notice_run):
            conn.execute(delete(table))
        conn.execute(expiry_notice.insert().values(
            notice_id=900, member_id=1, programme_id=2, epoch=1, days_before=1, points=1,
            last_day="2026-01-01", noticed_at=hooks.shop.clock.at,
        ))  # fmt: skip
    notice(hooks, at_notice(hooks, 29))
    with hooks.shop.database.read() as conn:
        numbers = list(conn.execute(select(expiry_notice.c.notice_id)).scalars())
    assert (len(numbers), len(first)) == (2, 1)
    assert ids(hooks) == first


def test_a_job_that_is_cut_off_between_members_tells_each_once(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_ROWS", 1)
    monkeypatch.setattr("ledger_service.webhooks.following.AT_ONCE", 2)
    phones = [stocked(hooks, 30) for _ in range(3)]
    hooks.make(GROCER, ENDING)
    at = at_notice(hooks, 30)
    settings = PointsSettings(DOMAIN, hooks.shop.desk.limits, AdjustmentLimits(100, 150), "w1")
    points = PointsService(hooks.shop.writer, hooks.shop.database, hooks.shop.catalogue, settings)
    points.write_notices(at)
    hooks.job()
    notice(hooks, at)
    told = [one["data"]["member"]["number"] for one in hooks.receiver.taken]
    assert told == [phone.number for phone in phones]


def test_who_is_told_of_a_later_end_is_told_of_again(hooks: Hooks) -> None:
    phone = stocked(hooks, 30)
    hooks.make(GROCER, ENDING)
    notice(hooks, at_notice(hooks, 30))
    epoch, _ = epoch_end(hooks.shop)
    programme = hooks.shop.catalogue.current().programmes[1]
    hooks.shop.stock(phone, 1, 5)
    later = int(max(_epochs(hooks)))
    assert later > epoch
    for _ in range(2):
        with hooks.shop.database.begin() as conn:
            notices.tell_anew(conn, programme, epoch, {phone.member_id: later}, hooks.shop.clock.at)
        hooks.job()
    assert [one["data"]["points"] for one in hooks.receiver.taken] == [40, 5]
    first, second = (one["data"]["last_day"] for one in hooks.receiver.taken)
    assert first < second


def _epochs(hooks: Hooks) -> list[int]:
    with hooks.shop.database.read() as conn:
        return list(conn.execute(select(lot.c.epoch).where(lot.c.programme_id == 1)).scalars())


def test_notices_that_nobody_hears_of_are_not_even_noted(hooks: Hooks) -> None:
    stocked(hooks, 30)
    at = hooks.shop.clock.at = at_notice(hooks, 30)
    catalogue = hooks.shop.catalogue.current()
    with hooks.shop.database.begin() as conn:
        (stage,) = notices.stages_due(conn, catalogue, at)
        notices.write_some(conn, stage, catalogue.programmes[1], at)
        assert "ending" not in conn.execute(select(webhook_fresh.c.source)).scalars().all()
    hooks.make(GROCER)
    hooks.job()
    assert ids(hooks) == []
