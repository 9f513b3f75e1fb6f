"""A claim is granted, and its receipt's sale is made live afterwards: a till had lost its request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.checkout.shop import FUEL, line
from tests.integration.checkout.test_refunds import debt

from .office import Office


def later(office: Office) -> int:
    """The job, hours afterwards."""
    office.shop.clock.at += timedelta(hours=7)
    return office.late()


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("days", [0, 1])
def test_a_receipt_that_has_earned_by_itself_keeps_that_alone(office: Office, same: bool, days: int) -> None:
    phone, mate = office.shop.enrol(), office.shop.enrol()
    office.decide(office.grant(office.file(phone, "R1"), 12))
    office.shop.clock.at += timedelta(days=days)
    sale = office.sale("R1", phone=phone if same else mate)["sale_id"]
    assert (later(office), later(office)) == (1, 0)
    assert (office.shop.balance(phone, 1), office.shop.balance(mate, 1)) == ((10, 0) if same else (0, 10))
    office.shop.refund(sale)
    assert office.shop.balance(phone, 1) == office.shop.balance(mate, 1) == 0
    assert debt(office.shop, phone, 1) == debt(office.shop, mate, 1) == 0


def test_what_is_spent_is_owed(office: Office) -> None:
    phone, mate = office.shop.enrol(), office.shop.enrol()
    office.decide(office.grant(office.file(phone, "R1"), 12))
    office.shop.sell(phone, line("1", 7), at=FUEL, spend=[{"programme": "GROC", "points": 7}])
    office.sale("R1", phone=mate)
    later(office)
    assert (office.shop.balance(phone, 1), debt(office.shop, phone, 1)) == (0, 7)


def test_what_is_only_asked_for_is_declined(office: Office) -> None:
    phone = office.shop.enrol()
    claim = office.file(phone, "R1")
    office.grant(claim, 12)
    office.sale("R1", phone=phone)
    assert later(office) == 1
    assert office.state(claim)[0] == "open" and office.shop.balance(phone, 1) == 10


def test_a_sale_without_a_member_takes_the_points_back_with_its_goods(office: Office) -> None:
    phone = office.shop.enrol()
    office.decide(office.grant(office.file(phone, "R1"), 12))
    sale = office.sale("R1")["sale_id"]
    assert later(office) == 1 and office.shop.balance(phone, 1) == 12
    assert office.shop.refund(sale)["claim_undone"]["points"] == 12


def test_another_sum_or_several_sales_are_for_people(office: Office) -> None:
    phone, mate = office.shop.enrol(), office.shop.enrol()
    office.decide(office.grant(office.file(phone, "R1"), 12))
    office.sale("R1", amount=900, phone=mate)
    assert later(office) == 0
    for _ in range(2):
        office.sale("R1", phone=mate)
    assert later(office) == 0 and office.shop.balance(phone, 1) == 12
