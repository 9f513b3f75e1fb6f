"""Claiming, granting, giving and using coupons; each coupon once, whoever else wants it (INV-6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger_service.coupons.wallet import moves, queries
from ledger_service.coupons.wallet.errors import (
    CouponCodesLocked,
    CouponGiftRefused,
    CouponLimitReached,
    CouponNotOffered,
    CouponNotUsable,
    CouponUnknown,
)
from ledger_service.coupons.wallet.models import coupon, coupon_event
from ledger_service.coupons.wallet.moves import Act
from ledger_service.coupons.wallet.rules import ALLIANCE, GUESS_LOCK, MOST_WRONG_OF_MEMBER, NO_GIFT
from ledger_service.coupons.wallet.shown import Shown
from ledger_service.members.errors import MemberUnknown

from .stage import DEFINITION, NOW, Stage, at_once

WAYS = 64


def sale(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a_code_is_claimed_held_and_used_once(stage: Stage) -> None:
    code, *_ = stage.list_of(3)
    number, member_id = stage.enrol()
    held = stage.claim(number, code.lower())
    assert (held.definition_id, held.version) == (DEFINITION, 1)
    assert stage.claim(number, code) == held  # its own code once more changes nothing
    with stage.database.read() as conn:
        (view,) = queries.wallet_of(conn, member_id, None, 10, NOW)
    assert (view.coupon_id, view.state) == (held.coupon_id, "available")
    assert stage.use(Shown(coupon_id=held.coupon_id), 1, member_id) == held.coupon_id
    with pytest.raises(CouponNotUsable, match="consumed"):
        stage.use(stage.shown(code), 2, member_id)
    with pytest.raises(CouponNotUsable, match="consumed"):
        stage.claim(number, code)
    with stage.database.read() as conn:
        view, events = queries.coupon_of_member(conn, held.coupon_id, member_id, NOW)
    assert [event.kind for event in events] == ["claimed", "consumed"]
    assert events[1].ref == sale(1)


def test_an_unknown_code_and_somebody_elses_answer_the_same_everywhere(stage: Stage) -> None:
    code, free, *_ = stage.list_of(3)
    (one, one_id), (two, two_id) = stage.enrol(), stage.enrol()
    held = stage.claim(one, code)
    for tried in (code, "ZZZZ-ZZZZ-ZZZZ-ZZZZ-Z", "ä", ""):
        with pytest.raises(CouponUnknown) as by_claim:
            stage.claim(two, tried)
        assert by_claim.value.params == {}
        with pytest.raises(CouponUnknown):
            stage.use(stage.shown(tried), 1, two_id)
    with pytest.raises(CouponUnknown):
        stage.use(Shown(coupon_id=held.coupon_id), 1, two_id)
    with pytest.raises(CouponUnknown):
        stage.use(Shown(coupon_id=held.coupon_id), 1)
    # Ids of coupons that nobody holds can be worked out: they serve nobody.
    bearers = stage.use(stage.shown(free), 2)
    with pytest.raises(CouponUnknown):
        stage.use(Shown(coupon_id=bearers), 3, one_id)
    assert stage.row(held.coupon_id)["state"] == "available"


def test_wrong_codes_lock_the_member_and_a_right_one_then_is_not_looked_up(stage: Stage) -> None:
    code, *_ = stage.list_of(1)
    number, _ = stage.enrol()
    for _ in range(MOST_WRONG_OF_MEMBER):
        with pytest.raises(CouponUnknown):
            stage.claim(number, "WRONG-CODE")
    with pytest.raises(CouponCodesLocked) as locked:
        stage.claim(number, code, NOW + timedelta(minutes=1))
    assert locked.value.retry_after_seconds == GUESS_LOCK.total_seconds() - 60
    stage.claim(number, code, NOW + GUESS_LOCK)


def test_many_guesses_at_once_are_each_counted(stage: Stage) -> None:
    stage.list_of(1)
    number, _ = stage.enrol()
    calls = [lambda i=i: stage.claim(number, f"GUESS{i:04d}", writer=i % 2) for i in range(WAYS)]
    answers = at_once(*calls)
    assert sum(isinstance(a, CouponUnknown) for a in answers) == MOST_WRONG_OF_MEMBER
    assert sum(isinstance(a, CouponCodesLocked) for a in answers) == WAYS - MOST_WRONG_OF_MEMBER


def test_64_customers_race_for_one_code_and_one_gets_it(stage: Stage) -> None:
    codes = stage.list_of(6)
    members = [stage.enrol() for _ in range(8)]
    for code in codes:
        claims = [lambda c=code, m=m, w=w: stage.claim(m[0], c, writer=w) for m in members for w in (0, 1)]
        uses = [lambda c=code, i=i: stage.use(stage.shown(c), 100 + i, writer=i % 2) for i in range(16)]
        answers = at_once(*claims, *uses)
        claimed = {a.coupon_id for a in answers[:16] if hasattr(a, "coupon_id")}
        used = [a for a in answers[16:] if isinstance(a, bytes)]
        assert len(claimed) + len(used) == 1, answers
        assert stage.row((claimed or set(used)).copy().pop())["state"] == (
            "consumed" if used else "available"
        )
    assert stage.count(coupon) == len(codes)


@pytest.mark.deep
def test_10_000_clients_race_for_one_code_and_one_gets_it(stage: Stage) -> None:
    """Tills that try to spend it, each for a sale of its own, in crowds of 100 at once."""
    (code,) = stage.list_of(1)
    used: list[bytes] = []
    for crowd in range(100):
        first = 1_000 + 100 * crowd
        uses = [lambda n=first + i: stage.use(stage.shown(code), n, writer=n % 2) for i in range(100)]
        used += [answer for answer in at_once(*uses) if isinstance(answer, bytes)]
    assert len(used) == 1
    assert (stage.row(used[0])["state"], stage.count(coupon)) == ("consumed", 1)


def test_a_member_claims_its_share_and_no_more_however_many_phones_try(stage: Stage) -> None:
    number, _ = stage.enrol()
    calls = [lambda w=w: stage.claim(number, writer=w % 2) for w in range(16)]
    answers = at_once(*calls)
    assert sum(hasattr(a, "coupon_id") for a in answers) == 3
    assert all(isinstance(a, CouponLimitReached) for a in answers if not hasattr(a, "coupon_id"))


def test_a_generic_code_is_claimed_as_often_as_it_may_be(stage: Stage) -> None:
    (code,) = stage.list_of(1, kind="generic", pattern="SUMMER-26", most=10)
    members = [stage.enrol() for _ in range(6)]
    calls = [lambda m=m, w=w: stage.claim(m[0], code, writer=w) for m in members for w in (0, 1)]
    answers = at_once(*calls)
    assert len({a.coupon_id for a in answers if hasattr(a, "coupon_id")}) == 10
    assert sum(isinstance(a, CouponNotOffered) for a in answers) == 2


def test_nothing_is_claimed_of_a_campaign_that_is_not_live(stage: Stage) -> None:
    code, *_ = stage.list_of(1)
    number, _ = stage.enrol()
    stage.offers.open = False
    for tried in (code, None):
        with pytest.raises(CouponNotOffered):
            stage.claim(number, tried)
    assert stage.count(coupon) == 0


def test_grants_reach_each_member_once(stage: Stage) -> None:
    members = [stage.enrol() for _ in range(5)]
    numbers = [number for number, _ in members]
    assert stage.grant(*numbers[:3]) == 3
    assert stage.grant(*numbers) == 2
    assert stage.grant(*numbers) == 0
    assert stage.grant(*numbers, reference="next") == 5
    with pytest.raises(MemberUnknown):
        stage.grant(numbers[0], "9" * 18, reference="third")
    assert stage.count(coupon) == 10


def test_who_gave_a_coupon_away_fails_at_once_and_one_gift_is_one(stage: Stage) -> None:
    (one, one_id), (two, two_id), (three, _) = stage.enrol(), stage.enrol(), stage.enrol()
    held = stage.claim(one)
    answers = at_once(
        lambda: stage.give(one, held.coupon_id, two, 0), lambda: stage.give(one, held.coupon_id, two, 1)
    )
    assert sorted(map(type, answers), key=str) == sorted([bytes, CouponUnknown], key=str)
    with pytest.raises(CouponUnknown):
        stage.use(Shown(coupon_id=held.coupon_id), 1, one_id)
    with pytest.raises(CouponUnknown):
        stage.give(one, held.coupon_id, three)
    with pytest.raises(CouponGiftRefused, match="given-before"):
        stage.give(two, held.coupon_id, three)
    with stage.database.read() as conn:
        _, events = queries.coupon_of_member(conn, held.coupon_id, two_id, NOW)
    assert [event.kind for event in events] == ["given"]  # what was before is the giver's
    assert stage.use(Shown(coupon_id=held.coupon_id), 1, two_id) == held.coupon_id


def test_a_gift_and_a_sale_of_one_coupon_have_one_winner(stage: Stage) -> None:
    (one, one_id), (two, _) = stage.enrol(), stage.enrol()
    stage.offers.per_member = None
    for number in range(8):
        held = stage.claim(one)
        answers = at_once(
            lambda h=held: stage.give(one, h.coupon_id, two, 0),
            lambda h=held, n=number: stage.use(Shown(coupon_id=h.coupon_id), n, one_id, writer=1),
        )
        assert sum(isinstance(a, bytes) for a in answers) == 1, answers


@pytest.mark.parametrize(("gift", "recipient", "reason"), [
    (NO_GIFT, "two", "not-givable"), (ALLIANCE, "one", "to-self"),
])  # fmt: skip
def test_gifts_that_are_none_are_refused(stage: Stage, gift: str, recipient: str, reason: str) -> None:
    members = {"one": stage.enrol()[0], "two": stage.enrol()[0]}
    held = stage.claim(members["one"])
    stage.offers.gift = gift
    with pytest.raises(CouponGiftRefused, match=reason):
        stage.give(members["one"], held.coupon_id, members[recipient])


def test_a_coupon_ends_at_its_second_and_one_that_was_reserved_in_time_is_consumed(stage: Stage) -> None:
    number, member_id = stage.enrol()
    end = NOW + timedelta(hours=1)
    stage.offers.ends_at = end
    late, kept = stage.claim(number), stage.claim(number)
    hold = Act(sale(50), member_id, "terminal:1", end - timedelta(seconds=1))
    stage.on(kept.coupon_id, lambda d: moves.reserve(d, kept.coupon_id, hold))
    with pytest.raises(CouponNotUsable, match="expired"):
        stage.use(Shown(coupon_id=late.coupon_id), 1, member_id, at=end)
    with pytest.raises(CouponNotUsable, match="reserved"):
        stage.use(Shown(coupon_id=kept.coupon_id), 1, member_id, at=end)
    act = Act(sale(51), member_id, "terminal:1", end)
    stage.on(kept.coupon_id, lambda d: moves.consume(d, kept.coupon_id, act, sale(50)))
    assert stage.row(kept.coupon_id)["used_by"] == sale(51)
    with stage.database.read() as conn:
        states = {v.coupon_id: v.state for v in queries.wallet_of(conn, member_id, None, 10, end)}
        soon = queries.ending(conn, (NOW, end + timedelta(seconds=1)), None, 10)
    assert states == {late.coupon_id: "expired", kept.coupon_id: "consumed"}
    assert [(holder, view.coupon_id) for holder, view in soon] == [(member_id, late.coupon_id)]


def test_freeing_and_giving_back_happen_once_and_only_for_what_took_it(stage: Stage) -> None:
    number, member_id = stage.enrol()
    held = stage.claim(number)
    act = Act(sale(7), member_id, "terminal:1", NOW)
    stage.on(held.coupon_id, lambda d: moves.reserve(d, held.coupon_id, act))
    other = Act(sale(8), member_id, "terminal:1", NOW)
    with pytest.raises(CouponNotUsable):
        stage.on(held.coupon_id, lambda d: moves.consume(d, held.coupon_id, other, sale(9)))
    assert not stage.on(held.coupon_id, lambda d: moves.free(d, held.coupon_id, other))
    assert stage.on(held.coupon_id, lambda d: moves.free(d, held.coupon_id, act))
    assert not stage.on(held.coupon_id, lambda d: moves.free(d, held.coupon_id, act))
    stage.use(Shown(coupon_id=held.coupon_id), 10, member_id)
    assert not stage.on(held.coupon_id, lambda d: moves.give_back(d, held.coupon_id, act, sale(7)))
    assert stage.on(held.coupon_id, lambda d: moves.give_back(d, held.coupon_id, act, sale(10)))
    assert not stage.on(held.coupon_id, lambda d: moves.give_back(d, held.coupon_id, act, sale(10)))
    stage.use(Shown(coupon_id=held.coupon_id), 11, member_id)
    assert not stage.on(held.coupon_id, lambda d: moves.give_back(d, held.coupon_id, act, sale(10)))
    assert stage.row(held.coupon_id)["events"] == stage.count(coupon_event) == 6
