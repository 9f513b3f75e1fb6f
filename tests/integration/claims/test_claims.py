"""Claims of missing points from the receipt to the answer; one receipt once, whoever comes at once."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from ledger_service.checkout.attach.errors import SaleClaimed
from ledger_service.claims import service
from ledger_service.claims.errors import (
    ClaimDecided,
    ClaimLimitReached,
    ClaimTooLate,
    ClaimUnknown,
    ReceiptClaimed,
)
from ledger_service.claims.rules import MOST_A_MONTH, ClaimPolicy
from ledger_service.ledger.models import entry
from ledger_service.members.errors import MemberFrozen
from ledger_service.members.standing import set_frozen
from ledger_service.points.adjustments import Decision
from ledger_service.points.errors import AdjustmentLimitReached, SecondPersonNeeded
from tests.integration.checkout.attaching import attach
from tests.integration.checkout.shop import FUEL, GROCER, Phone
from tests.integration.checkout.test_races import at_once

from .office import YESTERDAY, Office

WAYS = 64


def policy(office: Office, **terms: int) -> None:
    office.shop.writer.run(lambda conn: service.set_policy(conn, GROCER, ClaimPolicy(**terms)))


def test_a_receipt_that_earned_nobody_is_matched_granted_by_two_people_and_posted(office: Office) -> None:
    phone = office.shop.enrol()
    office.sale("R 1")
    claim = office.file(phone, "r 1")
    view = office.view(claim)
    assert (view.state, view.programme_id, view.points) == ("matched", 1, 10)
    adjustment = office.grant(claim, 10)
    assert office.state(claim) == ("asked", None)
    with pytest.raises(ClaimDecided):
        office.grant(claim)
    assert office.decide(adjustment) == "approved"
    assert (office.state(claim)[0], office.shop.balance(phone, 1)) == ("granted", 10)
    with office.shop.database.read() as conn:
        body = conn.execute(select(entry.c.body).where(entry.c.kind == "issue")).scalar_one()
    told = orjson.loads(body)
    assert (told["claim"], told["reason"]) == (claim.hex(), "claim")
    assert office.events(claim) == ["filed", "matched", "asked"]
    with pytest.raises(ReceiptClaimed):
        office.file(office.shop.enrol(), "R1")


def test_a_sale_earns_once_whether_its_receipt_joins_a_member_or_is_claimed(office: Office) -> None:
    phone, other = office.shop.enrol(), office.shop.enrol()
    sale = office.sale("R1")["sale_id"]
    adjustment = office.grant(office.file(phone, "R1"), 10)
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, other)
    office.decide(adjustment)
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, other)
    assert (office.shop.balance(phone, 1), office.shop.balance(other, 1)) == (10, 0)
    later = office.sale("R2")["sale_id"]
    claim = office.file(phone, "R2")
    attach(office.shop, later, other)
    with pytest.raises(ReceiptClaimed):
        office.grant(claim, 10)
    assert office.state(claim)[0] == "matched"


def test_a_receipt_whose_points_somebody_has_is_refused_and_frees_itself(office: Office) -> None:
    phone, other = office.shop.enrol(), office.shop.enrol()
    office.sale("R1", phone=other)
    for member in (phone, other, phone):
        assert office.state(office.file(member, "R1")) == ("refused", "has-member")


def test_what_a_person_must_judge_stays_open(office: Office) -> None:
    phone = office.shop.enrol()
    policy(office, per_member_month=10)
    office.sale("twice")
    office.sale("twice")
    office.sale("dear", amount=2_000)
    back = office.sale("back")["sale_id"]
    office.shop.refund(back)
    seen = [office.state(office.file(phone, name)) for name in ("twice", "dear", "back", "none")]
    assert seen == [("open", None), ("open", "amount-differs"), ("open", "returned"), ("open", "not-found")]
    sale = office.sale("coded")["sale_id"]
    assert office.state(office.file(phone, "smudged", code=sale))[0] == "matched"
    assert office.state(office.file(phone, "coded")) == ("refused", "already-claimed")


def test_a_declined_adjustment_leaves_the_claim_open_for_another_answer(office: Office) -> None:
    claim = office.file(office.shop.enrol(), "R1")
    office.decide(office.grant(claim, 500), approve=False)
    assert office.state(claim)[0] == "open"
    office.decide(office.grant(claim, 5))
    assert office.state(claim)[0] == "granted"
    with pytest.raises(ClaimDecided):
        office.refuse(claim)


def test_a_refused_claim_frees_the_receipt_for_whom_it_belongs_to(office: Office) -> None:
    finder, owner = office.shop.enrol(), office.shop.enrol()
    claim = office.file(finder, "R1")
    with pytest.raises(ReceiptClaimed):
        office.file(owner, "R1")
    office.refuse(claim)
    with pytest.raises(ClaimDecided):
        office.refuse(claim)
    assert office.state(office.file(owner, "R1"))[0] == "open"


def test_grants_keep_the_limits_and_the_second_person_of_every_adjustment(office: Office) -> None:
    claim = office.file(office.shop.enrol(), "R1")
    with pytest.raises(AdjustmentLimitReached):
        office.grant(claim, 1_001)
    assert office.state(claim)[0] == "open"
    with pytest.raises(ClaimUnknown):
        office.grant(claim, 1, merchant=FUEL)
    with pytest.raises(ClaimUnknown):
        office.refuse(bytes(16))
    adjustment = office.grant(claim, 1)
    own = Decision(adjustment, f"merchant:{GROCER}", True, office.shop.clock.at)
    with pytest.raises(SecondPersonNeeded):
        office.points.decide_adjustment(own)


def test_claims_end_with_their_days_and_are_few_in_a_month(office: Office) -> None:
    phone = office.shop.enrol()
    policy(office, claim_days=1, per_member_month=2)
    with pytest.raises(ClaimTooLate):
        office.file(phone, "R0", day=YESTERDAY - timedelta(days=1))
    office.file(phone, "R1", day=YESTERDAY)
    office.file(phone, "R2")
    with pytest.raises(ClaimLimitReached) as refusal:
        office.file(phone, "R3")
    assert refusal.value.limit == 2
    policy(office, per_member_month=100)
    for number in range(3, 3 + MOST_A_MONTH - 2):
        office.file(phone, f"R{number}")
    with pytest.raises(ClaimLimitReached) as refusal:
        office.file(phone, "R99")
    assert refusal.value.limit == MOST_A_MONTH
    office.shop.clock.at += timedelta(days=30)
    office.file(phone, "R99")


def test_a_frozen_member_files_nothing_and_an_erased_ones_claims_are_closed(office: Office) -> None:
    phone = office.shop.enrol()
    claim = office.file(phone, "R1", code="secret")
    office.shop.writer.run(lambda conn: set_frozen(conn, phone.number, True, office.shop.clock.at))
    with pytest.raises(MemberFrozen):
        office.file(phone, "R2")
    office.shop.writer.run(lambda conn: service.forget_member(conn, phone.member_id, office.shop.clock.at))
    view = office.view(claim)
    assert (view.state, view.reason, view.reference) == ("refused", "erased", "")


def test_a_sale_that_comes_late_is_found_later_and_an_overdue_answer_escalates(office: Office) -> None:
    phone = office.shop.enrol()
    claim, waits = office.file(phone, "late"), office.file(phone, "never")
    office.sale("late")
    assert office.job() == 0
    office.shop.clock.at += timedelta(hours=7)
    assert office.job() == 2
    assert (office.state(claim)[0], office.state(waits)) == ("matched", ("open", "not-found"))
    office.shop.clock.at += timedelta(days=14)
    assert office.job() == 2
    assert office.job() == 0
    assert office.state(claim)[0] == "escalated"
    adjustment = office.grant(claim, 10)
    assert office.state(claim)[0] == "escalated"
    office.decide(adjustment)
    assert office.state(claim)[0] == "granted"
    office.refuse(waits)
    assert office.events(waits) == ["filed", "open", "escalated", "refused"]


def test_one_receipt_is_claimed_once_by_sixty_four_members_at_once(office: Office) -> None:
    phones = [office.shop.enrol() for _ in range(WAYS)]
    office.sale("R1")
    workers = (office.shop, office.other)

    def filed(phone: Phone, number: int) -> bytes:
        return office.file(phone, "R1", worker=workers[number % 2])

    answers = at_once(*[lambda p=p, i=i: filed(p, i) for i, p in enumerate(phones)])
    assert sum(isinstance(answer, bytes) for answer in answers) == 1
    assert sum(isinstance(answer, ReceiptClaimed) for answer in answers) == WAYS - 1, answers


def test_a_receipt_that_is_granted_and_joined_at_once_earns_once(office: Office) -> None:
    claimant, joiner = office.shop.enrol(), office.shop.enrol()
    won = 0
    for number in range(20):
        sale = office.sale(f"R{number}")["sale_id"]
        claim = office.file(office.shop.enrol() if number else claimant, f"R{number}")
        granted, joined = at_once(
            lambda claim=claim: office.grant(claim, 10), lambda sale=sale: attach(office.other, sale, joiner)
        )
        assert isinstance(granted, bytes) != isinstance(joined, dict), (granted, joined)
        won += isinstance(joined, dict)
    assert office.shop.balance(joiner, 1) == 10 * won


def test_a_member_with_many_phones_files_no_more_than_its_limit_at_once(office: Office) -> None:
    phone = office.shop.enrol()
    workers = (office.shop, office.other)
    calls = [lambda i=i: office.file(phone, f"R{i}", worker=workers[i % 2]) for i in range(16)]
    answers = at_once(*calls)
    assert sum(isinstance(answer, bytes) for answer in answers) == 3
    assert sum(isinstance(answer, ClaimLimitReached) for answer in answers) == 13, answers
