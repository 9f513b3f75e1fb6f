"""What was adopted is looked up before a repeated request is decided: it would be decided otherwise now."""

from __future__ import annotations

import pytest

from ledger_service.checkout.service import CheckoutService, Store
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import Issue
from ledger_service.points.adopted import Standing, begin_adopting
from tests.integration.checkout.attaching import attach
from tests.integration.checkout.held import held_coupons
from tests.integration.checkout.shop import Phone, line, loads
from tests.integration.points.test_adopted_repeats import Accident, accident, adopt, lost, told

__all__ = ["accident", "lost"]
ALL = {"max_value_minor": 5_000}


def poor(accident: Accident) -> Phone:
    """A member of both databases without points; the books say that operations were adopted."""
    phones = [shop.enrol() for shop in (accident.before, accident.after)]
    assert phones[0].account == phones[1].account
    for _ in range(2):
        accident.after.writer.run(begin_adopting)
    accident.after.catalogue.refresh()
    return phones[1]


def test_a_sale_whose_own_points_could_pay_for_it_now_is_told_all_the_same(accident: Accident) -> None:
    """Decided anew it would take points and earn nothing: no id of it would stand twice."""
    phone = poor(accident)
    code = phone.pay_code(accident.before.clock.at)
    body = accident.before.sale_body(line("1", 5_000), member={"pay_code": code}, spend=ALL)
    first = loads(accident.before.send_sale(body, "first"))
    assert (first["spent"], bool(first["earned"][0]["points"])) == ([], True)
    accident.before.sell(phone, line("1", 500_000))
    (issue, _) = accident.adopt()
    refusal = told(accident.after, lambda: accident.after.send_sale(body, "first"))
    assert refusal.params == {"operation": id_text(issue.op_id), "batch": 3, "block": 40}
    assert loads(accident.after.send_sale(body, "another"))["spent"], "another key is another sale"


@pytest.mark.parametrize("more", [0, 1], ids=["as-on-the-chain", "otherwise"])
def test_a_sale_that_comes_to_other_points_than_on_the_chain_is_told_and_books_nothing(
    accident: Accident, more: int
) -> None:
    """A coupon of hours that are lost is not there any more when the till repeats the sale that used it."""
    after, phone = accident.after, accident.phone
    body = accident.before.sale_body(line("1", 5_000), member={"number": phone.number})
    accident.before.send_sale(body, "first")
    (issue,) = accident.done()
    assert isinstance(issue, Issue)
    points = issue.leg.amount + more
    there = Standing(3, 40, lambda asked: isinstance(asked, Issue) and asked.leg.amount == points)
    store = Store(after.writer, after.database, lambda op_ids: {issue.op_id: there})
    after.service = CheckoutService(store, after.admission, held_coupons(after.database))
    loads(after.send_sale(body, "before the look"))
    after.writer.run(begin_adopting)
    after.catalogue.refresh()
    had = after.balance(phone, 1)
    if more:
        refusal = told(after, lambda: after.send_sale(body, "first"))
        assert refusal.params == {"operation": id_text(issue.op_id), "batch": 3, "block": 40}
        assert after.balance(phone, 1) == had
    else:
        loads(after.send_sale(body, "first"))
        assert after.balance(phone, 1) == had + points


def test_a_refund_that_would_become_a_debt_now_is_told(accident: Accident) -> None:
    phone = poor(accident)
    for shop in (accident.before, accident.after):
        body = shop.sale_body(line("1", 3_000), member={"number": phone.number})
        sale_id = loads(shop.send_sale(body, "known"))["sale_id"]
    accident.before.refund(sale_id, key="back")
    adopt(accident.after, accident.done()[-1])
    told(accident.after, lambda: accident.after.refund(sale_id, key="back"))
    assert accident.after.balance(phone, 1) == 0


@pytest.mark.parametrize("key", ["late", "another"])
def test_a_member_whose_late_earn_was_adopted_joins_the_sale_no_second_time(
    accident: Accident, key: str
) -> None:
    before, after, phone = accident.before, accident.after, accident.phone
    for shop in (before, after):
        sold = loads(shop.send_sale(shop.sale_body(line("1", 3_000)), "unknown"))["sale_id"]
    attach(before, sold, phone, key="late")
    (issue,) = accident.adopt()
    refusal = told(after, lambda: attach(after, sold, phone, key=key))
    assert refusal.operation == id_text(issue.op_id)
    assert after.balance(phone, 1) == 130
