"""Every operation at a till has its business day: the till's word within a day, else the store's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.days.models import day_void
from ledger_service.checkout.models import refund, sale, unreceipted_return
from ledger_service.checkout.parsing import parse_capture, parse_refund, parse_void
from ledger_service.checkout.return_requests import parse_unreceipted
from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.business_day import day_text
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.models import store

from .shop import FLORIST, FUEL, GROCER, START, Shop, line, loads

TEN = line("1", 1_000)


def stand(shop: Shop, gln: int, zone: str, hour: int = 0, status: str = "active") -> None:
    """The store's clock is this, and every till knows."""
    with shop.database.begin() as conn:
        values = {"timezone": zone, "day_start_hour": hour, "status": status}
        conn.execute(update(store).where(store.c.gln == gln).values(values))
        note_change(conn)
    shop.directory.refresh()


def kept(shop: Shop, table: Any) -> list[tuple[str, str | None]]:
    with shop.database.read() as conn:
        rows = conn.execute(select(table.c.business_day, table.c.cashier).order_by(table.c.occurred_at))
        return [(day_text(day), cashier) for day, cashier in rows]


def sell(shop: Shop, at: int = GROCER, **more: Any) -> dict[str, Any]:
    return loads(shop.send_sale(shop.sale_body(TEN, at=at, **more), merchant_id=at))


def test_three_stores_in_three_zones_have_three_days(shop: Shop) -> None:
    for gln, zone in ((GROCER, "Pacific/Kiritimati"), (FUEL, "Europe/Berlin"), (FLORIST, "Etc/GMT+12")):
        stand(shop, gln, zone)
    shop.clock.at = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)
    days = [sell(shop, at)["business_date"] for at in (GROCER, FUEL, FLORIST)]
    assert days == ["2026-03-11", "2026-03-10", "2026-03-09"]


def test_a_sale_after_midnight_is_of_the_day_before_until_the_day_begins(shop: Shop) -> None:
    stand(shop, GROCER, "America/New_York", 4)
    shop.clock.at = datetime(2028, 2, 29, 8, 59, 59, tzinfo=UTC)
    assert sell(shop)["business_date"] == "2028-02-28"
    shop.clock.forward(seconds=1)
    assert sell(shop)["business_date"] == "2028-02-29"


def test_the_tills_own_word_counts_within_a_day(shop: Shop) -> None:
    for said in ("2026-03-09", "2026-03-10", "2026-03-11"):
        assert sell(shop, business_date=said)["business_date"] == said
    before = shop.count("sale")
    for said in ("2026-03-08", "2026-03-12"):
        with pytest.raises(BusinessDateOutOfRange) as refused:
            sell(shop, business_date=said)
        assert refused.value.params == {"business_date": said, "expected": "2026-03-10", "days": 1}
    assert shop.count("sale") == before


@pytest.mark.parametrize(
    "said", ["2026-3-10", "2026-02-30", "1969-12-31", "９９", 20260310, "", "2026-03-10T00:00"]
)
def test_what_is_no_date_is_malformed(shop: Shop, said: Any) -> None:
    with pytest.raises(MalformedField, match="business_date"):
        sell(shop, business_date=said)


def test_a_refused_date_frees_no_retry_of_what_was_sold(shop: Shop) -> None:
    body = shop.sale_body(TEN, business_date="2026-03-09")
    first = shop.send_sale(body, "k")
    shop.clock.forward(days=30)
    again = shop.send_sale(body, "k")
    assert (again.replayed, again.body) == (True, first.body)


def test_refunds_and_exchanges_are_of_the_day_on_which_they_happen(shop: Shop) -> None:
    sold = sell(shop, cashier="7")
    shop.clock.forward(days=3)
    assert shop.refund(sold["sale_id"])["business_date"] == "2026-03-13"
    more = {"business_date": "2026-03-12", "cashier": "8"}
    body = {"reference": "back", **more}
    other = sell(shop)
    back = loads(shop.service.refund(shop.write("refund", body), parse_refund(other["sale_id"], body)))
    assert (back["business_date"], back["cashier"]) == ("2026-03-12", "8")
    third = sell(shop)
    exchanged = shop.exchange(
        shop.sale_body(line("n", 500), sale=third["sale_id"], returned=[{"line": "1", "quantity": 1}], **more)
    )
    assert {exchanged[half]["business_date"] for half in ("sale", "refund")} == {"2026-03-12"}
    assert kept(shop, refund)[1:] == [("2026-03-12", "8")] * 2
    with shop.database.read() as conn:
        halves = conn.execute(select(refund.c.exchange_sale_id, refund.c.store_gln)).all()
    assert [half for half, _ in halves if half is not None] == [bytes.fromhex(exchanged["sale"]["sale_id"])]
    assert {gln for _, gln in halves} == {GROCER}


def test_captures_and_voids_are_of_the_day_of_the_holds_store(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 500)
    stand(shop, GROCER, "Asia/Taipei", 4)
    shop.clock.at = datetime(2026, 3, 10, 19, 59, tzinfo=UTC)
    spend = [{"programme": "GROC", "points": 10}]
    held = [shop.authorise(phone, 1_000, spend)["hold_id"] for _ in range(3)]
    assert shop.capture(held[0], TEN)["business_date"] == "2026-03-10"
    shop.clock.forward(minutes=2)
    captured = shop.capture(held[1], TEN, cashier="9", business_date="2026-03-10")
    assert (captured["business_date"], captured["cashier"]) == ("2026-03-10", "9")
    body = {"cashier": "9"}
    voided = loads(shop.service.void(shop.write("void", body), parse_void(held[2], body)))
    assert (voided["business_date"], voided["closed_by"]) == ("2026-03-11", "void")
    assert kept(shop, day_void) == [("2026-03-11", "9")]
    last = shop.authorise(phone, 1_000, spend)["hold_id"]
    wrong = {"lines": [TEN], "reference": "c", "business_date": "2026-03-14"}
    with pytest.raises(BusinessDateOutOfRange):
        shop.service.capture(shop.write("capture", wrong), parse_capture(last, wrong))
    assert shop.capture(last, TEN)["hold_state"] == "closed"


def test_a_return_without_a_receipt_has_its_day(shop: Shop) -> None:
    phone = shop.enrol()
    shop.publish(GROCER, without_receipt={"most_minor": 5_000, "most_per_day": 3})
    body = {
        "reference": "u",
        "currency": "USD",
        "member": {"number": phone.number},
        "lines": [TEN],
        "cashier": "3",
    }
    shop.service.take_back(shop.write("take-back", body), parse_unreceipted(body))
    assert kept(shop, unreceipted_return) == [("2026-03-10", "3")]


def test_goods_come_back_to_a_store_that_has_closed_for_good(shop: Shop) -> None:
    sold = sell(shop)
    stand(shop, GROCER, "Asia/Taipei", 0, "closed")
    shop.clock.at = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
    assert shop.refund(sold["sale_id"])["business_date"] == "2026-03-11", "its clock goes on"


def test_a_till_without_a_word_keeps_no_cashier(shop: Shop) -> None:
    answer = sell(shop)
    assert "cashier" not in answer
    assert kept(shop, sale) == [(START.date().isoformat(), None)]
