"""An exchange is one return and one sale at the original prices: both or neither, whatever fails or dies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger_service.checkout.errors import (
    IdempotencyKeyReused,
    NotEnoughPoints,
    RefundExceedsSale,
    UnknownLine,
)
from ledger_service.checkout.return_errors import ExchangePriceDiffers
from ledger_service.db.engine import Database
from tests import warm

from .shop import Phone, Shop, line, lots_equal_postings

TABLES = ("sale", "refund", "entry", "posting", "intent", "permit_use", "idempotency", "invoice")


def exchange_body(
    shop: Shop, sale: str, *lines: dict[str, Any], back: int = 1, **more: Any
) -> dict[str, Any]:
    body = shop.sale_body(*lines, **more)
    return {**body, "sale": sale, "returned": [{"line": "1", "quantity": back}]}


def shirt(amount: int = 1_000, quantity: int = 1) -> dict[str, Any]:
    return {**line("large", amount, quantity), "price_of": "1"}


def counts(shop: Shop) -> list[int]:
    return [shop.count(table) for table in TABLES]


def sold(shop: Shop, phone: Phone) -> str:
    return str(shop.sell(phone, line("1", 2_000, 2), line("2", 300))["sale_id"])


def test_a_shirt_is_exchanged_for_another_at_the_same_price(shop: Shop) -> None:
    phone = shop.enrol()
    sale = sold(shop, phone)
    member = {"number": phone.number}
    done = shop.exchange(exchange_body(shop, sale, shirt(), line("tie", 500), member=member))
    assert (done["refund"]["refunded_minor"], done["sale"]["total_minor"]) == (1_000, 1_500)
    assert (done["to_pay_minor"], done["to_give_back_minor"]) == (500, 0)
    assert done["refund"]["receipt"]["number"] + 1 == done["sale"]["receipt"]["number"]
    assert shop.balance(phone, 1) == 23 - 10 + 15
    cheaper = shop.exchange(exchange_body(shop, sale, line("sock", 400), member=member))
    assert (cheaper["to_pay_minor"], cheaper["to_give_back_minor"]) == (0, 600)
    lots_equal_postings(shop)


def test_a_repeated_exchange_is_answered_once_and_another_body_is_refused(shop: Shop) -> None:
    phone = shop.enrol()
    sale = sold(shop, phone)
    body = exchange_body(shop, sale, shirt(), member={"number": phone.number})
    assert shop.exchange(body, "k") == shop.exchange(body, "k")
    assert (shop.count("sale"), shop.count("refund")) == (2, 1)
    with pytest.raises(IdempotencyKeyReused):
        shop.exchange({**body, "reference": "other"}, "k")


@pytest.mark.parametrize(
    ("lines", "back", "refusal"),
    [
        ([shirt(1_002)], 1, ExchangePriceDiffers),
        ([shirt(999)], 1, ExchangePriceDiffers),
        ([shirt(2_000, 2)], 1, ExchangePriceDiffers),
        ([shirt(), {**shirt(), "line": "xl"}], 1, ExchangePriceDiffers),
        ([{**shirt(300), "price_of": "2"}], 1, UnknownLine),
        ([shirt()], 3, RefundExceedsSale),
    ],
)
def test_what_the_exchange_may_not_leaves_nothing(
    shop: Shop, lines: list[dict[str, Any]], back: int, refusal: type[Exception]
) -> None:
    phone = shop.enrol()
    sale = sold(shop, phone)
    before = counts(shop)
    with pytest.raises(refusal):
        shop.exchange(exchange_body(shop, sale, *lines, back=back, member={"number": phone.number}))
    assert counts(shop) == before


def test_a_sale_that_is_refused_takes_its_return_with_it(shop: Shop) -> None:
    phone = shop.enrol()
    sale = sold(shop, phone)
    before = counts(shop)
    spend = [{"programme": "FUEL", "points": 5}]
    code = {"pay_code": phone.pay_code(shop.clock.at)}
    with pytest.raises(NotEnoughPoints):
        shop.exchange(exchange_body(shop, sale, shirt(), member=code, spend=spend))
    assert counts(shop) == before
    assert shop.refund(sale)["refunded_minor"] == 2_300, "nothing had come back"


def test_points_that_come_back_pay_for_what_is_taken_instead(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 500)
    spend = [{"programme": "GROC", "points": 500}]
    sale = shop.sell(phone, line("1", 1_000), spend=spend)["sale_id"]
    assert shop.balance(phone, 1) == 5
    code = {"pay_code": phone.pay_code(shop.clock.at)}
    done = shop.exchange(exchange_body(shop, sale, shirt(), member=code, spend=spend))
    assert (done["to_pay_minor"], done["to_give_back_minor"]) == (0, 0)
    assert shop.balance(phone, 1) == 5


@pytest.mark.parametrize("point", ["between", "flushed", "committed"])
def test_a_process_killed_in_an_exchange_leaves_both_or_neither(
    sqlite_database: Database, tmp_path: Path, point: str
) -> None:
    """kill -9 between the return and the sale, before the commit and behind it; the same key then answers."""
    shop = Shop(sqlite_database)
    shop.found()
    phone = shop.enrol()
    sale = sold(shop, phone)
    body = exchange_body(shop, sale, shirt(), member={"number": phone.number})
    told = tmp_path / "body.json"
    told.write_bytes(orjson.dumps(body))
    before = counts(shop)
    url = sqlite_database.url.render_as_string(hide_password=False)
    dead = warm.run("tests.integration.checkout.dying_exchange", url, str(told), point, env=os.environ)
    assert dead.returncode == -9, dead.stderr
    assert (counts(shop) == before) is (point != "committed")
    shop.exchange(body, "dying")
    assert (shop.count("sale"), shop.count("refund")) == (2, 1)
    shop.close()
    lots_equal_postings(shop)
