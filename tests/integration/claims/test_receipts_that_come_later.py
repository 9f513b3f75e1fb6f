"""A claim that was granted before its sale was known: the receipt earns once, however its sale comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from ledger_service.checkout.attach.errors import SaleClaimed
from ledger_service.checkout.models import imported_sale
from ledger_service.claims.errors import ReceiptClaimed
from ledger_service.members.merging import Merge
from ledger_service.points import merging
from tests.integration.checkout.attaching import attach
from tests.integration.checkout.shop import GROCER, Phone
from tests.integration.checkout.test_races import at_once

from .office import YESTERDAY, Office
from .test_claims import policy


def given(office: Office, phone: Phone, reference: str, points: int = 10, **more: Any) -> bytes:
    """A claim for a receipt that nobody knows yet is granted by two people; returns the claim."""
    claim = office.file(phone, reference, **more)
    assert office.view(claim).sale_id is None
    office.decide(office.grant(claim, points))
    return claim


@pytest.mark.parametrize("spelt", ["R1", "r 1", "R-1", "R-0001", "Ｒ１", "#R1."])
def test_a_sale_that_comes_after_its_claim_was_granted_joins_nobody(office: Office, spelt: str) -> None:
    phone, mate = office.shop.enrol(), office.shop.enrol()
    given(office, phone, spelt)
    sale = office.sale("R1")["sale_id"]
    for member in (phone, mate):
        with pytest.raises(SaleClaimed):
            attach(office.shop, sale, member)
    assert (office.shop.balance(phone, 1), office.shop.balance(mate, 1)) == (10, 0)
    other = office.sale("R2", amount=1_500)["sale_id"]
    assert attach(office.shop, other, mate)["earned"][0]["points"] == 15


def test_a_sum_that_was_misread_or_a_day_does_not_make_another_receipt(office: Office) -> None:
    phone = office.shop.enrol()
    policy(office, per_member_month=10)
    given(office, phone, "R1", amount=1_001)
    given(office, phone, "R2", day=YESTERDAY)
    for reference in ("R1", "R2"):
        with pytest.raises(SaleClaimed):
            attach(office.shop, office.sale(reference)["sale_id"], phone)
    # The number of another day with another sum is another receipt.
    other = office.sale("R2", amount=2_000)["sale_id"]
    assert attach(office.shop, other, phone)["earned"][0]["points"] == 20


def test_the_members_own_receipt_of_that_sum_is_the_claimed_one_under_any_number(office: Office) -> None:
    phone, mate = office.shop.enrol(), office.shop.enrol()
    given(office, phone, "smudged")
    sale = office.sale("R1")["sale_id"]
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, phone)
    assert attach(office.shop, sale, mate)["earned"][0]["points"] == 10


def test_what_is_asked_for_holds_the_receipt_and_what_is_declined_frees_it(office: Office) -> None:
    phone = office.shop.enrol()
    adjustment = office.grant(office.file(phone, "R1"), 10)
    sale = office.sale("R1")["sale_id"]
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, phone)
    office.decide(adjustment, approve=False)
    assert attach(office.shop, sale, phone)["earned"][0]["points"] == 10


def test_a_merge_in_between_changes_nothing(office: Office) -> None:
    closes, stays = office.shop.enrol(), office.shop.enrol()
    given(office, closes, "smudged")
    given(office, closes, "R2")
    merge = Merge(closes.member_id, stays.member_id, office.shop.clock.at)
    office.shop.writer.run(lambda conn: merging.follow_merge(conn, merge))
    for reference in ("R1", "R2"):
        with pytest.raises(SaleClaimed):
            attach(office.shop, office.sale(reference)["sale_id"], stays)


def test_no_more_answers_stand_for_a_number_than_receipts_have_it(office: Office) -> None:
    phone, other = office.shop.enrol(), office.shop.enrol()
    policy(office, per_member_month=10)
    given(office, phone, "R1")
    for reference, amount in (("R-1", 1_001), ("r01", 999)):
        with pytest.raises(ReceiptClaimed):
            office.grant(office.file(other, reference, amount=amount))
    with pytest.raises(ReceiptClaimed):
        office.file(other, "R-1")
    # Two tills count alike: of two receipts with one number two may be answered.
    for _ in range(2):
        office.sale("R7", amount=700)
    first, second = (office.file(phone, "R7", amount=sum_) for sum_ in (701, 702))
    office.decide(office.grant(first))
    office.decide(office.grant(second))
    with pytest.raises(ReceiptClaimed):
        office.grant(office.file(phone, "R7", amount=703))


def test_a_receipt_that_earned_under_another_spelling_or_day_is_granted_to_nobody(office: Office) -> None:
    phone, owner = office.shop.enrol(), office.shop.enrol()
    policy(office, per_member_month=10)
    office.sale("R-100", phone=owner)
    assert office.state(office.file(phone, "r100")) == ("refused", "has-member")
    with pytest.raises(ReceiptClaimed):
        office.grant(office.file(phone, "R100", day=YESTERDAY))
    sale = office.sale("R2")["sale_id"]
    coded = office.file(phone, "R2", code="nonsense")
    assert office.view(coded).sale_id == bytes.fromhex(sale)


def test_a_single_sale_of_another_sum_is_the_one_that_is_answered(office: Office) -> None:
    phone = office.shop.enrol()
    sale = office.sale("R1", amount=2_000)["sale_id"]
    claim = office.file(phone, "R1")
    assert office.state(claim) == ("open", "amount-differs")
    office.decide(office.grant(claim, 20))
    assert office.view(claim).sale_id == bytes.fromhex(sale)
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, phone)
    assert attach(office.shop, office.sale("R1", amount=500)["sale_id"], phone)["earned"][0]["points"] == 5


def test_a_receipt_that_is_granted_and_joined_at_once_without_being_found_earns_once(office: Office) -> None:
    joiner, won = office.shop.enrol(), 0
    for number in range(12):
        claim = office.file(office.shop.enrol(), f"R-{number}")
        sale = office.sale(f"R{number}")["sale_id"]
        granted, joined = at_once(
            lambda claim=claim: office.grant(claim, 10), lambda sale=sale: attach(office.other, sale, joiner)
        )
        assert isinstance(granted, bytes) != isinstance(joined, dict), (granted, joined)
        assert isinstance(granted, bytes | ReceiptClaimed)
        won += isinstance(joined, dict)
    assert office.shop.balance(joiner, 1) == 10 * won


def test_the_next_days_number_is_another_receipt(office: Office) -> None:
    phone = office.shop.enrol()
    given(office, phone, "0001", amount=700)
    office.shop.clock.at += timedelta(days=2)
    sale = office.sale("0001", amount=700)["sale_id"]
    assert attach(office.shop, sale, phone)["earned"][0]["points"] == 7


def test_a_receipt_that_moved_in_with_its_member_has_earned_in_the_old_system(office: Office) -> None:
    phone, owner = office.shop.enrol(), office.shop.enrol()
    with office.shop.database.begin() as conn:
        for number, who in enumerate((owner.member_id, None)):
            conn.execute(insert(imported_sale).values(
                sale_id=bytes([number] * 16), merchant_id=GROCER, member_id=who, reference=f"OLD-{number}",
                total_minor=1_000, occurred_at=office.shop.clock.at, import_id=bytes(16),
            ))  # fmt: skip
    assert office.state(office.file(phone, "old0")) == ("refused", "has-member")
    with pytest.raises(ReceiptClaimed):
        office.grant(office.file(phone, "OLD 0", day=YESTERDAY))
    # Whoever had no card then has earned nothing anywhere.
    assert office.state(office.file(phone, "OLD-1")) == ("open", "not-found")
