"""Goods come back whose receipt a claim was granted for: the points go back too, once (D10, INV-13)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.checkout.attach.errors import SaleClaimed
from ledger_service.kernel.ids import id_text
from ledger_service.members.merging import Merge
from ledger_service.points import merging
from ledger_service.points.models import adjustment
from tests.integration.checkout.attaching import attach
from tests.integration.checkout.shop import FUEL, Phone, line, loads
from tests.integration.checkout.test_exchanges import exchange_body
from tests.integration.checkout.test_races import at_once
from tests.integration.checkout.test_refunds import debt

from .office import Office


def claimed(office: Office, phone: Phone, points: int = 10, *lines: dict[str, Any]) -> str:
    """A sale without a member whose receipt the member claimed; two people gave the points."""
    office.filed += 1
    reference = f"B{office.filed}"
    body = office.shop.sale_body(*(lines or (line("1", 1_000, quantity=10),))) | {"reference": reference}
    sale = loads(office.shop.send_sale(body))
    total = sum(one["amount_minor"] for one in body["lines"])
    office.decide(office.grant(office.file(phone, reference, amount=total), points))
    return str(sale["sale_id"])


def spend(office: Office, phone: Phone, points: int) -> None:
    office.shop.sell(phone, line("1", points), at=FUEL, spend=[{"programme": "GROC", "points": points}])


def test_all_goods_back_take_all_points_back_and_say_so(office: Office) -> None:
    phone = office.shop.enrol()
    sale = claimed(office, phone)
    back = office.shop.refund(sale, key="once")
    assert back == office.shop.refund(sale, key="once")
    assert back["claim_undone"] == {"programme": "GROC", "points": 10, "debt": 0}
    assert (back["clawed"], back["cash_minor"], back["cash_withheld_minor"]) == ([], 1_000, 0)
    assert (office.shop.balance(phone, 1), debt(office.shop, phone, 1)) == (0, 0)


@pytest.mark.parametrize("spent", [0, 4, 10])
@pytest.mark.parametrize("seed", range(3))
def test_any_split_takes_what_one_refund_takes(office: Office, spent: int, seed: int) -> None:
    rng = random.Random(seed)
    whole, parts = office.shop.enrol(), office.shop.enrol()
    goods = line("1", 997, quantity=7), line("2", 53)
    sales = [claimed(office, phone, 11, *goods) for phone in (whole, parts)]
    for phone in (whole, parts) if spent else ():
        spend(office, phone, spent)
    steps = [("1", n) for n in (rng.choice([(7,), (3, 4), (1,) * 7, (2, 1, 4)]))] + [("2", 1)]
    rng.shuffle(steps)
    one = [office.shop.refund(sales[0])]
    many = [office.shop.refund(sales[1], [step]) for step in steps]
    for name in ("cash_minor", "cash_withheld_minor", "refunded_minor"):
        assert one[0][name] == sum(back[name] for back in many)
    sums = [[b.get("claim_undone", {}).get(n, 0) for b in many] for n in ("points", "debt")]
    assert [one[0]["claim_undone"][n] for n in ("points", "debt")] == [sum(parts) for parts in sums]
    assert office.shop.balance(whole, 1) == office.shop.balance(parts, 1) == 0
    assert debt(office.shop, whole, 1) == debt(office.shop, parts, 1)
    # What was spent is kept of the money, as far as it goes.
    assert one[0]["cash_withheld_minor"] >= spent and debt(office.shop, whole, 1) == 0


def test_what_money_does_not_cover_is_owed_and_collected_once(office: Office) -> None:
    phone = office.shop.enrol()
    sale = claimed(office, phone, 500, line("1", 100))
    spend(office, phone, 500)
    back = office.shop.refund(sale)
    owed = debt(office.shop, phone, 1)
    assert (back["cash_minor"], back["claim_undone"]["debt"]) == (0, owed) and owed > 0
    office.shop.sell(phone, line("1", 100_000))
    assert debt(office.shop, phone, 1) == 0


def test_points_stay_in_proportion_to_the_goods_that_stay(office: Office) -> None:
    phone = office.shop.enrol()
    office.shop.refund(claimed(office, phone, 10), [("1", 3)])
    assert office.shop.balance(phone, 1) == 7


def test_goods_that_were_back_before_the_points_were_asked_for_count_for_nothing(office: Office) -> None:
    phone = office.shop.enrol()
    body = office.shop.sale_body(line("1", 1_000, quantity=10)) | {"reference": "R1"}
    sale = str(loads(office.shop.send_sale(body))["sale_id"])
    office.shop.refund(sale, [("1", 5)])
    office.decide(office.grant(office.file(phone, "R1"), 5))
    office.shop.refund(sale, [("1", 1)])
    assert office.shop.balance(phone, 1) == 4
    office.shop.refund(sale)
    assert office.shop.balance(phone, 1) == 0


def test_what_is_only_asked_for_is_declined_when_goods_come_back_meanwhile(office: Office) -> None:
    phone = office.shop.enrol()
    sale = office.sale("R1")["sale_id"]
    claim = office.file(phone, "R1")
    asked = office.grant(claim)
    with pytest.raises(SaleClaimed):
        attach(office.shop, sale, phone)
    assert "claim_undone" not in office.shop.refund(sale)
    with office.shop.database.read() as conn:
        its = select(adjustment.c.state, adjustment.c.decided_by).where(adjustment.c.adjustment_id == asked)
        assert tuple(conn.execute(its).one()) == ("declined", "service")
    assert office.state(claim)[0] == "open"
    assert office.shop.balance(phone, 1) == 0


def test_whoever_stays_of_a_merge_gives_them_back(office: Office) -> None:
    closes, stays = office.shop.enrol(), office.shop.enrol()
    sale = claimed(office, closes)
    merge = Merge(closes.member_id, stays.member_id, office.shop.clock.at)
    office.shop.sell(stays, line("1", 1_000))
    office.shop.writer.run(lambda conn: merging.follow_merge(conn, merge))
    assert office.shop.refund(sale)["claim_undone"]["points"] == 10
    assert office.shop.balance(stays, 1) == 0


def test_goods_that_are_exchanged_give_their_points_back(office: Office) -> None:
    phone = office.shop.enrol()
    sale = claimed(office, phone)
    body = exchange_body(office.shop, sale, line("9", 300), back=5, member={"number": phone.number})
    told = office.shop.exchange(body)
    assert told["refund"]["claim_undone"]["points"] == 5
    assert office.shop.balance(phone, 1) == 5 + 3


def test_points_are_given_and_goods_come_back_at_once(office: Office) -> None:
    """Whatever comes first, nobody has points of goods that are back."""
    for number in range(8):
        phone = office.shop.enrol()
        sale = office.sale(f"R{number}")["sale_id"]
        asked = office.grant(office.file(phone, f"R{number}"))
        at_once(lambda asked=asked: office.decide(asked), lambda sale=sale: office.other.refund(sale))
        assert office.shop.balance(phone, 1) == 0, id_text(asked)
