"""Leaving, removal and the end of a household: out at once, each mate's part waits for it (INV-9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from ledger_service.checkout.errors import NotEnoughPoints
from ledger_service.kernel.paycode_errors import PayCodeAltered
from ledger_service.members import standing
from ledger_service.members.households.errors import (
    HouseholdConflict,
    HouseholdGiftRefused,
    HouseholdRightMissing,
    HouseholdSpendRefused,
    HouseholdUnknown,
)
from ledger_service.members.households.merging import follow_merge
from ledger_service.members.households.requests import Acceptance
from ledger_service.members.merging import Merge
from ledger_service.outbox.service import enqueue_now
from ledger_service.points.errors import GiftPermitInvalid
from tests.integration.checkout.shop import Phone

from .home import ALL, Home


class NoKeys:
    def forget_member(self, conn: object, member_id: int, at: object) -> int:
        return 0


def family(home: Home, parting: str = "own-part", given: int = 60) -> tuple[Phone, Phone, Phone, Phone]:
    """An owner who gave 100 points and a mate who gave some: their own phones, and those of the household."""
    owner, mate = home.enrol(), home.enrol()
    ours = home.begin(owner, parting)
    theirs = home.join(owner, mate)
    for person, points in ((owner, 100), (mate, given)):
        home.shop.stock(person, 1, points)
        home.gift(person, home.account, points)
    return owner, mate, ours, theirs


def owed(home: Home) -> int:
    return sum(home.dues())


def test_who_is_removed_pays_nothing_from_that_moment_and_its_part_waits_for_it(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    assert sum(home.remove(mate, home.by(owner)).values()) == 60
    with pytest.raises(HouseholdSpendRefused):
        home.spend(theirs, 1)
    with pytest.raises(NotEnoughPoints):
        home.spend(ours, 101)
    home.spend(ours, 100)
    home.gift(theirs, mate.account, 60)
    assert (home.shop.balance(mate, 1), home.shop.balance(ours, 1)) == (60, 0)
    assert home.states()[mate.member_id] == "out"
    home.shop.clock.forward(seconds=1)
    with pytest.raises(GiftPermitInvalid):
        home.gift(theirs, mate.account, 1, epoch=99)


def test_a_part_is_the_gifts_less_what_the_mate_spent_and_got_back(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    home.spend(theirs, 25)
    returned = home.spend(theirs, 20)["sale_id"]
    hold = home.shop.authorise(theirs, 9, [{"programme": "GROC", "points": 9}])["hold_id"]
    home.shop.capture(hold, {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 9})
    home.shop.refund(returned)
    home.spend(ours, 90)
    assert sum(home.remove(mate, home.by(mate)).values()) == 60 - 25 - 9
    assert owner.member_id in home.states()


def test_what_a_mates_hold_has_set_apart_counts_as_spent_by_it(home: Home) -> None:
    _owner, mate, ours, theirs = family(home)
    hold = home.shop.authorise(theirs, 40, [{"programme": "GROC", "points": 40}])["hold_id"]
    assert sum(home.remove(mate, home.by(mate)).values()) == 60 - 40
    home.shop.capture(hold, {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 40})
    home.spend(ours, 100)  # what the owner gave is still there


def test_what_is_gone_is_nobodys_part_and_points_earned_there_are_the_households(home: Home) -> None:
    owner, mate, ours, _ = family(home)
    home.spend(ours, 130)
    assert sum(home.remove(mate, home.by(owner)).values()) == 30
    home.shop.stock(ours, 1, 500)
    assert owed(home) == 30


def test_where_gifts_stay_nothing_waits_and_the_keys_end_at_once(home: Home) -> None:
    owner, mate, _, theirs = family(home, "stays")
    assert home.remove(mate, home.by(owner)) == {}
    assert home.states()[mate.member_id] == "out"
    home.shop.clock.forward(seconds=1)
    with pytest.raises(PayCodeAltered):
        home.spend(theirs, 1)


def test_nobody_takes_more_than_its_part_or_gives_the_households_points_away(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    stranger = home.enrol()
    for phone, to in ((ours, stranger), (theirs, mate), (ours, owner)):
        with pytest.raises(HouseholdGiftRefused):
            home.gift(phone, to.account, 1)
    home.remove(mate, home.by(owner))
    wrong = ((theirs, mate, 61), (theirs, owner, 1), (theirs, stranger, 1), (ours, stranger, 1))
    for phone, to, points in wrong:
        with pytest.raises(HouseholdGiftRefused):
            home.gift(phone, to.account, points)
    home.gift(ours, mate.account, 60)  # the owner may pay it out where the mate's key is lost
    assert home.shop.balance(mate, 1) == 60
    with pytest.raises(HouseholdGiftRefused):
        home.gift(ours, mate.account, 1)


def test_a_part_that_nobody_fetches_lapses_and_the_keys_with_it(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    home.remove(mate, home.by(owner))
    home.shop.clock.at += timedelta(days=30)
    at = home.shop.clock.at
    assert home.write(lambda conn: home.parting.lapse(conn, at)) == 1
    assert home.write(lambda conn: home.parting.lapse(conn, at)) == 0
    assert (home.states()[mate.member_id], owed(home)) == ("out", 0)
    home.shop.clock.forward(seconds=1)
    with pytest.raises(GiftPermitInvalid):
        home.gift(theirs, mate.account, 60)
    home.spend(ours, 160)


def test_the_end_of_a_household_gives_each_its_part_and_its_owner_the_rest(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    home.shop.stock(ours, 1, 7)

    def dissolve(phone: Phone) -> str:
        return home.write(lambda conn: home.parting.dissolve(conn, home.number, home.by(phone)))

    with pytest.raises(HouseholdRightMissing):
        dissolve(mate)
    assert dissolve(owner) == "closing"
    with pytest.raises(HouseholdSpendRefused):
        home.spend(ours, 1)
    with pytest.raises(HouseholdGiftRefused):
        home.gift(ours, owner.account, 108)
    home.gift(ours, owner.account, 107)
    assert dissolve(owner) == "closing"
    home.gift(theirs, mate.account, 60)
    assert dissolve(owner) == "closed"
    assert [home.shop.balance(phone, 1) for phone in (owner, mate, ours)] == [107, 60, 0]
    assert set(home.states().values()) == {"out"}
    with pytest.raises(HouseholdUnknown):
        dissolve(owner)
    home.begin(owner)  # and is free for another one


def test_an_owner_stays_until_another_one_is_there_and_two_operators_can_name_one(home: Home) -> None:
    owner, mate, _, _ = family(home)
    with pytest.raises(HouseholdConflict, match="owner-stays"):
        home.remove(owner, home.by(owner))

    def hand_over(to: Phone, phone: Phone | None, operator: str = "operator:1") -> bool:
        actor = home.by(phone, operator)
        return home.write(lambda conn: home.parting.hand_over(conn, home.number, to.member_id, actor))

    with pytest.raises(HouseholdRightMissing):
        hand_over(mate, mate)
    assert not hand_over(mate, None)
    assert not hand_over(mate, None), "the same operator again is no second person"
    assert hand_over(mate, None, "operator:2")
    assert sum(home.remove(owner, home.by(mate)).values()) == 100
    with pytest.raises(HouseholdConflict, match="not-in"):
        hand_over(owner, mate)


def test_an_erased_mate_is_out_and_an_erased_owner_is_followed_by_who_was_there_longest(home: Home) -> None:
    owner, mate, ours, theirs = family(home)
    third = home.enrol()
    home.join(owner, third)

    def erase(phone: Phone) -> None:
        home.write(lambda conn: standing.erase(conn, NoKeys(), phone.number, home.shop.clock.at))
        home.shop.clock.forward(seconds=1)

    erase(owner)
    with pytest.raises(PayCodeAltered):
        home.spend(ours, 1)
    home.spend(theirs, 1)
    home.remove(third, home.by(mate))
    erase(mate)
    assert set(home.states().values()) == {"out"}
    with pytest.raises(HouseholdUnknown):
        home.write(lambda conn: home.parting.dissolve(conn, home.number, home.by(mate)))


def test_who_merges_takes_the_place_the_part_and_the_ownership_along(home: Home) -> None:
    owner, mate, ours, _ = family(home)
    again, third = home.enrol(), home.enrol()

    def merge(closes: Phone, stays: Phone) -> None:
        def act(conn: object) -> None:
            at = home.shop.clock.at
            enqueue_now(conn, follow_merge(conn, Merge(closes.member_id, stays.member_id, at)), at)  # type: ignore[arg-type]

        home.write(act)

    merge(mate, again)
    assert (home.states()[mate.member_id], home.states()[again.member_id]) == ("out", "in")
    assert sum(home.remove(again, home.by(owner)).values()) == 60
    merge(again, third)
    assert (owed(home), home.states()[third.member_id]) == (60, "parting")
    home.gift(ours, third.account, 60)
    merge(owner, third)
    assert home.states()[third.member_id] == "in"
    first = home.number
    other = home.enrol()
    home.begin(other)
    with pytest.raises(HouseholdConflict, match="already-in"):
        merge(third, other)
    home.number = first
    assert home.write(lambda conn: home.parting.dissolve(conn, first, home.by(third))) == "closing"


def test_who_merges_takes_no_gifts_along_that_had_lapsed_to_the_household(home: Home) -> None:
    owner, mate, _, _ = family(home)
    again = home.enrol()
    home.remove(mate, home.by(owner))
    home.shop.clock.at += timedelta(days=30)
    home.write(lambda conn: home.parting.lapse(conn, home.shop.clock.at))
    home.write(lambda conn: home.desk.invite(conn, home.number, mate.number, ALL, home.by(owner)))
    home.write(lambda conn: home.desk.answer(conn, home.number, Acceptance(True), home.by(mate)))

    def merge(conn: Connection) -> None:
        closed = Merge(mate.member_id, again.member_id, home.shop.clock.at)
        enqueue_now(conn, follow_merge(conn, closed), closed.at)

    home.write(merge)
    assert home.remove(again, home.by(owner)) == {}
