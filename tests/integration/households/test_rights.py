"""What each mate may do with the household's points: all, up to a limit, nothing (INV-9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.errors import HoldFrozen, NotEnoughPoints
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.paycode_errors import PayCodeAltered
from ledger_service.members import standing
from ledger_service.members.devices import DeviceDesk
from ledger_service.members.errors import MemberFrozen
from ledger_service.members.households.errors import (
    HouseholdLimitReached,
    HouseholdRightMissing,
    HouseholdSpendRefused,
    HouseholdUnknown,
)
from ledger_service.members.households.models import household_key, household_mate
from ledger_service.members.households.requests import Rights
from ledger_service.members.models import device
from ledger_service.members.requests import RevokeDevice
from ledger_service.outbox.models import intent
from tests.integration.checkout.shop import GROCER, Phone, line

from .home import ALL, GROC, ONE_TIME, Home

NOTHING = Rights("none", None, False)
A_DAY, A_MONTH = Rights("day", 100_000, True), Rights("month", 100_000, True)


def two(home: Home, rights: Rights = ALL, points: int = 100) -> tuple[Phone, Phone, Phone, Phone]:
    """Owner and mate with so many points of the household's: their own phones, and as they speak for it."""
    owner, mate = home.enrol(), home.enrol()
    ours = home.begin(owner)
    theirs = home.join(owner, mate, rights)
    home.shop.stock(ours, 1, points)
    return owner, mate, ours, theirs


def refused(home: Home, phone: Phone, points: int = 1) -> str:
    with pytest.raises(HouseholdSpendRefused) as refusal:
        home.spend(phone, points)
    return refusal.value.reason


def test_every_mate_earns_for_the_household_and_the_others_spend_it(home: Home) -> None:
    owner, _, ours, theirs = two(home, points=0 + 10)
    home.shop.sell(theirs, line("1", 2_000), spend=None)
    code = theirs.pay_code(home.shop.clock.at)
    home.shop.send_sale(home.shop.sale_body(line("1", 2_000), member={"pay_code": code}))
    assert home.shop.balance(ours, 1) == 50
    assert home.spend(ours, 30)["points_value_minor"] == 30
    assert home.spend(theirs, 20)["points_value_minor"] == 20
    assert home.shop.balance(ours, 1) == 0
    assert home.shop.balance(owner, 1) == 0, "no mate's own points are touched"
    with pytest.raises(NotEnoughPoints):
        home.spend(theirs, 1)


def test_a_mate_without_the_right_to_spend_earns_all_the_same(home: Home) -> None:
    *_, ours, theirs = two(home, NOTHING)
    assert refused(home, theirs) == "no-right"
    with pytest.raises(HouseholdSpendRefused):
        home.shop.authorise(theirs, 5, GROC)
    body = home.shop.sale_body(line("1", 500), member={"pay_code": theirs.pay_code(home.shop.clock.at)})
    with pytest.raises(HouseholdSpendRefused):
        home.shop.quote({**body, "spend": GROC})
    home.shop.send_sale(body)
    assert home.shop.balance(ours, 1) == 105


@pytest.mark.parametrize(("rights", "days"), [(A_DAY, 1), (A_MONTH, 22)])
def test_a_limit_counts_for_its_day_or_month_and_begins_anew(home: Home, rights: Rights, days: int) -> None:
    *_, theirs = two(home, rights)
    home.spend(theirs, 6)
    with pytest.raises(HouseholdLimitReached) as refusal:
        home.spend(theirs, 5)
    assert (refusal.value.value_micros, refusal.value.left_micros) == (50_000, 40_000)
    assert home.shop.authorise(theirs, 4, [{"programme": "GROC", "points": 4}])["held_value_minor"] == 4
    home.shop.clock.at += timedelta(days=days)
    assert home.spend(theirs, 10)["points_value_minor"] == 10
    with pytest.raises(HouseholdLimitReached):
        home.spend(theirs, 1)


def test_a_right_that_the_owner_takes_away_is_gone_at_once_and_an_operator_can_only_take(home: Home) -> None:
    owner, mate, _, theirs = two(home)
    home.spend(theirs, 1)
    home.rights(owner, mate, NOTHING)
    assert refused(home, theirs) == "no-right"
    home.rights(owner, mate, A_DAY)
    home.spend(theirs, 1)
    home.rights(None, mate, NOTHING)
    assert refused(home, theirs) == "no-right"
    for phone, error in ((None, HouseholdRightMissing), (mate, HouseholdRightMissing)):
        with pytest.raises(error):
            home.rights(phone, mate, A_DAY)
    with pytest.raises(HouseholdUnknown):
        home.rights(home.enrol(), mate, A_DAY)


def test_a_frozen_mate_pays_at_the_household_no_more_and_a_frozen_household_serves_nobody(home: Home) -> None:
    owner, mate, ours, theirs = two(home)
    home.write(lambda conn: standing.set_frozen(conn, mate.number, True, home.shop.clock.at))
    assert refused(home, theirs) == "frozen"
    home.spend(ours, 1)
    home.write(lambda conn: standing.set_frozen(conn, mate.number, False, home.shop.clock.at))
    home.spend(theirs, 1)
    home.write(lambda conn: standing.set_frozen(conn, home.number, True, home.shop.clock.at))
    for phone in (ours, theirs):
        with pytest.raises(MemberFrozen):
            home.spend(phone, 1)
    assert home.states()[owner.member_id] == "in"


def test_a_lost_phone_that_its_owner_revokes_is_revoked_for_the_household_and_on_chain(home: Home) -> None:
    _, mate, ours, theirs = two(home)
    before = home.shop.count("intent")
    desk = DeviceDesk(home.devices.domain, ONE_TIME)
    home.write(lambda conn: desk.revoke(conn, RevokeDevice(mate.number, mate.lane), home.shop.clock.at))
    home.shop.clock.forward(seconds=1)
    with pytest.raises(PayCodeAltered):
        home.spend(theirs, 1)
    home.spend(ours, 1)
    with home.shop.database.read() as conn:
        fresh = select(intent.c.member_id).where(intent.c.intent_id > before).limit(2)
        assert sorted(conn.execute(fresh).scalars()) == sorted([mate.member_id, home.id])


def test_a_signer_of_the_account_that_is_no_mates_pays_nothing(home: Home) -> None:
    *_, theirs = two(home)
    with home.shop.database.begin() as conn:
        conn.execute(household_key.delete().where(household_key.c.member_id != home.id).where(
            household_key.c.device_id == conn.execute(
                select(device.c.device_id).where(device.c.member_id == home.id, device.c.lane == theirs.lane)
            ).scalar_one()
        ))  # fmt: skip
    assert refused(home, theirs) == "key-unknown"


def test_a_key_without_a_grant_waits_its_day_as_any_further_signer(home: Home) -> None:
    owner, mate = home.enrol(), home.enrol()
    ours = home.begin(owner)
    theirs = home.join(owner, mate, grant=False)
    home.shop.stock(ours, 1, 5)
    with pytest.raises(PayCodeAltered):
        home.spend(theirs, 1)


def test_an_offline_sale_is_judged_by_who_was_in_when_it_was_made(home: Home) -> None:
    """The till's sale before the removal pays; the mate's own clock does not help it afterwards."""
    owner, mate, _, theirs = two(home)
    with home.shop.database.begin() as conn:
        gone = {"state": "parting", "left_at": home.shop.clock.at - timedelta(seconds=5)}
        conn.execute(update(household_mate).where(household_mate.c.member_id == mate.member_id).values(gone))
    assert refused(home, theirs) == "left"
    with home.shop.database.begin() as conn:
        later = {"left_at": home.shop.clock.at + timedelta(seconds=5)}
        conn.execute(update(household_mate).where(household_mate.c.member_id == mate.member_id).values(later))
    assert home.spend(theirs, 1, at=GROCER)["points_value_minor"] == 1
    assert owner.member_id in home.states()


def test_a_capture_of_a_frozen_mates_hold_waits_for_the_thaw_unless_the_goods_had_left(home: Home) -> None:
    *_, mate, ours, theirs = two(home)
    held = [home.shop.authorise(theirs, 9, [{"programme": "GROC", "points": 3}])["hold_id"] for _ in range(2)]
    other = home.shop.authorise(ours, 9, [{"programme": "GROC", "points": 3}])["hold_id"]
    left = format_instant(home.shop.clock.at)
    home.shop.clock.forward(seconds=5)
    home.write(lambda conn: standing.set_frozen(conn, mate.number, True, home.shop.clock.at))
    with pytest.raises(HoldFrozen):
        home.shop.capture(held[0], line("1", 9))
    assert home.shop.capture(other, line("1", 9))["points_value_minor"] == 3
    assert home.shop.capture(held[1], line("1", 9), delivered_at=left)["points_value_minor"] == 3
    home.write(lambda conn: standing.set_frozen(conn, mate.number, False, home.shop.clock.at))
    assert home.shop.capture(held[0], line("1", 9))["points_value_minor"] == 3
