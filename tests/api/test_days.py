"""Closing a business day over HTTP: control totals, lines, late operations, cashiers, history, readers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.service import FUEL_STORE, GROCER_STORE, Shop, basket
from tests.api.test_checkout import member
from tests.api.test_offline import UPLOAD
from tests.api.test_pages import all_pages

DAY = f"/v1/stores/{GROCER_STORE}/days/2017-03-01"
CASH = [{"type": "cash", "amount_minor": 10_000}]


def total(operation: str, count: int, amount: int, **tenders: int) -> dict[str, Any]:
    view = {"operation": operation, "count": count, "amount_minor": amount}
    named = [{"type": kind, "amount_minor": paid} for kind, paid in sorted(tenders.items())]
    return view | ({"tenders": named} if named else {})


def sell(shop: Shop, reference: str = "r", **more: Any) -> dict[str, Any]:
    return shop.must("grocer-till", "/v1/sales", basket(**{"reference": reference, **more}))


def a_day(shop: Shop) -> None:
    """A sale for cash, one of unstated tenders, a refund of half of it, an exchange."""
    sell(shop, "s1", tenders=CASH, cashier="7")
    plain = sell(shop, "s2")
    back = {"reference": "b1", "lines": [{"line": "1", "quantity": 2}], "cashier": "7"}
    shop.must("grocer-till", f"/v1/sales/{plain['sale_id']}/refunds", back)
    other = {"line": "n", "category": "GROCERY", "quantity": 1, "amount_minor": 1_500}
    body = basket(
        lines=[other], sale=plain["sale_id"], returned=[{"line": "1", "quantity": 1}], reference="x1"
    )
    shop.must("grocer-till", "/v1/exchanges", body)


TOTALS = [
    total("sale", 2, 20_000, cash=10_000, unstated=10_000),
    total("refund", 1, 5_000, unstated=5_000),
    total("exchange", 1, -1_000, unstated=-1_000),
]
LINES = [
    {"operation": "sale", "reference": "s1", "amount_minor": 10_000},
    {"operation": "sale", "reference": "s2", "amount_minor": 10_000},
    {"operation": "refund", "reference": "b1", "amount_minor": 5_000},
    {"operation": "exchange", "reference": "x1", "amount_minor": -1_000},
]


def close(shop: Shop, totals: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return shop.must("grocer-till", f"{DAY}/close", {"totals": totals, **more})


def test_a_day_is_balanced_where_till_and_ledger_count_the_same(any_shop: Shop) -> None:
    a_day(any_shop)
    closed = close(any_shop, TOTALS)
    assert (closed["state"], closed["differences"], closed["unmatched"]) == ("balanced", [], None)
    assert closed["ledger"] == TOTALS
    seen = any_shop.get("grocer-till", DAY).json
    assert (seen["state"], seen["closes"], seen["late"], seen["ledger"]) == ("balanced", 1, [], TOTALS)
    assert (seen["begins_at"], seen["ends_at"]) == ("2017-03-01T05:00:00Z", "2017-03-02T05:00:00Z")


def test_each_difference_is_named_and_a_type_that_the_till_forgot_too(shop: Shop) -> None:
    a_day(shop)
    closed = close(
        shop, [total("sale", 2, 20_100, cash=10_100, unstated=10_000), TOTALS[2] | {"tenders": None}]
    )
    assert closed["state"] == "differs"
    assert closed["differences"] == [
        {"operation": "sale", "field": "amount_minor", "tender": None, "till": 20_100, "ledger": 20_000},
        {"operation": "sale", "field": "amount_minor", "tender": "cash", "till": 10_100, "ledger": 10_000},
        {"operation": "refund", "field": "count", "tender": None, "till": 0, "ledger": 1},
        {"operation": "refund", "field": "amount_minor", "tender": None, "till": 0, "ledger": 5_000},
    ]


def test_lines_without_a_match_come_in_pages(shop: Shop) -> None:
    a_day(shop)
    theirs = [LINES[0], LINES[2] | {"amount_minor": 4_000}, LINES[3], LINES[3] | {"reference": "x2"}]
    for part, some in ((1, theirs[:2]), (2, theirs[2:])):
        shop.must("grocer-till", f"{DAY}/lines", {"part": part, "lines": some})
    closed = close(shop, TOTALS, parts=2)
    assert (closed["state"], closed["differences"], closed["unmatched"]) == ("differs", [], 3)
    rows = all_pages(shop, "grocer-till", f"{DAY}/unmatched", "unmatched", 1)
    found = [(r["reference"], r["reason"], r["till_minor"], r["ledger_minor"]) for r in rows]
    assert found == [
        ("b1", "other-amount", 4_000, 5_000),
        ("s2", "not-at-till", None, 10_000),
        ("x2", "not-in-ledger", -1_000, None),
    ]
    assert shop.get("grocer-till", DAY).json["state"] == "differs"


def test_a_part_that_is_sent_again_takes_the_place_of_the_first_and_a_lost_one_is_named(shop: Shop) -> None:
    a_day(shop)
    shop.must("grocer-till", f"{DAY}/lines", {"part": 1, "lines": LINES[:1]})
    answer = shop.post("grocer-till", f"{DAY}/close", {"totals": TOTALS, "parts": 2})
    assert (answer.status_code, answer.json["code"], answer.json["params"]) == (
        409, "day-lines-incomplete", {"parts": 2, "missing": 2},
    )  # fmt: skip
    assert shop.get("grocer-till", DAY).json["closes"] == 0
    shop.must("grocer-till", f"{DAY}/lines", {"part": 1, "lines": LINES})
    assert close(shop, TOTALS, parts=1)["unmatched"] == 0


def test_a_further_close_keeps_the_first_and_compares_its_own_lines(shop: Shop) -> None:
    a_day(shop)
    shop.must("grocer-till", f"{DAY}/lines", {"part": 1, "lines": LINES[1:]})
    assert close(shop, TOTALS[:1], parts=1)["state"] == "differs"
    shop.at = "2017-03-01T12:30:00Z"
    assert close(shop, TOTALS)["close"] == 2
    history = all_pages(shop, "grocer", f"{DAY}/closes", "closes", 1)
    assert [(c["close"], c["state"], c["parts"]) for c in history] == [(2, "balanced", 0), (1, "differs", 1)]
    assert history[1]["till"] == TOTALS[:1]
    assert history[0]["closed_at"] == "2017-03-01T12:30:00Z"
    first = shop.get("grocer", f"{DAY}/unmatched?close=1").json["unmatched"]
    assert [row["reference"] for row in first] == ["s1"]
    assert shop.get("grocer", f"{DAY}/unmatched").json["unmatched"] == []
    days = all_pages(shop, "grocer", f"/v1/stores/{GROCER_STORE}/days", "days")
    assert [(d["business_date"], d["closes"]) for d in days] == [("2017-03-01", 2)]


def test_what_comes_into_a_closed_day_is_taken_flagged_and_listed_as_late(shop: Shop) -> None:
    a_day(shop)
    close(shop, TOTALS)
    shop.at = "2017-03-01T13:00:00Z"
    item = {"key": "o1", "sold_at": "2017-03-01T11:00:00Z", "sale": basket(reference="off", cashier="9")}
    told = shop.post("grocer-till", UPLOAD, {"sales": [item]}).json["results"][0]
    assert (told["state"], told["result"]["into_closed_day"]) == ("certain", True)
    assert told["result"]["sale"]["business_date"] == "2017-03-01"
    shop.at = "2017-03-01T13:01:00Z"
    sell(shop, "after")
    seen = shop.get("grocer-till", DAY).json
    assert (seen["state"], seen["differences"]) == ("balanced", []), "the close counts what there was"
    assert seen["late"] == [total("sale", 2, 20_000, unstated=20_000)]
    late = all_pages(shop, "grocer", f"{DAY}/late", "late", 1)
    assert [(row["reference"], row["cashier"]) for row in late] == [("off", "9"), ("after", None)]
    new = [total("sale", 4, 40_000, cash=10_000, unstated=30_000), *TOTALS[1:]]
    assert close(shop, new)["state"] == "balanced"
    assert shop.get("grocer", DAY).json["late"] == []


def test_an_upload_into_an_open_day_is_not_flagged(shop: Shop) -> None:
    item = {"key": "o1", "sold_at": "2017-03-01T11:00:00Z", "sale": basket(business_date="2017-01-01")}
    told = shop.post("grocer-till", UPLOAD, {"sales": [item]}).json["results"][0]
    assert told["result"]["into_closed_day"] is False
    assert told["result"]["sale"]["business_date"] == "2017-03-01", "a wrong date is no reason to lose a sale"


def test_a_days_totals_by_terminal_and_cashier(shop: Shop) -> None:
    a_day(shop)
    rows = all_pages(shop, "grocer-till", f"{DAY}/cashiers", "cashiers", 1)
    terminal = shop.keys["grocer-terminal"]
    assert [(r["terminal"], r["cashier"], [t["operation"] for t in r["totals"]]) for r in rows] == [
        (terminal, None, ["sale", "exchange"]),
        (terminal, "7", ["sale", "refund"]),
    ]


def test_voids_captures_and_returns_are_counted(shop: Shop) -> None:
    number = member(shop)["number"]
    shop.must("grocer", f"/v1/merchants/{basket_merchant(shop)}/return-policy",
              {"without_receipt": {"most_minor": 5_000, "most_per_day": 3}})  # fmt: skip
    shop.serving.checkout._admission._sources.directory.refresh()
    line = {"line": "1", "category": "TOYS", "quantity": 1, "amount_minor": 1_000}
    body = {"reference": "u1", "currency": "USD", "member": {"number": number}, "lines": [line]}
    credit = shop.must("grocer-till", "/v1/returns", body)["store_credit_minor"]
    assert shop.get("grocer", DAY).json["ledger"] == [total("return", 1, credit, stored_value=credit)]


def basket_merchant(shop: Shop) -> str:
    return str(shop.get("grocer", "/v1/stores").json["stores"][0]["merchant"])


def test_a_retry_of_a_close_is_answered_as_the_first_and_closes_once(shop: Shop) -> None:
    first = shop.post("grocer-till", f"{DAY}/close", {"totals": TOTALS}, key="c")
    sell(shop)
    again = shop.post("grocer-till", f"{DAY}/close", {"totals": TOTALS}, key="c")
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    assert shop.get("grocer", DAY).json["closes"] == 1
    other = shop.post("grocer-till", f"{DAY}/close", {"totals": []}, key="c")
    assert other.json["code"] == "idempotency-key-reused"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (f"{DAY}/close", {"totals": [TOTALS[0], TOTALS[0]]}, "malformed-field"),
        (f"{DAY}/close", {"totals": [total("coupon", 1, 1)]}, "malformed-field"),
        (f"{DAY}/close", {"totals": [total("sale", -1, 1)]}, "malformed-field"),
        (f"{DAY}/close", {"totals": [total("sale", 1, 1, gold=1)]}, "malformed-field"),
        (f"{DAY}/close", {"totals": [TOTALS[0] | {"tenders": CASH + CASH}]}, "malformed-field"),
        (f"{DAY}/close", {"totals": [], "parts": 1_001}, "malformed-field"),
        (f"{DAY}/close", {}, "malformed-field"),
        (f"{DAY}/lines", {"part": 0, "lines": LINES}, "malformed-field"),
        (f"{DAY}/lines", {"part": 1, "lines": []}, "malformed-field"),
        (f"{DAY}/lines", {"part": 1, "lines": [LINES[0] | {"reference": "a\nb"}]}, "malformed-field"),
        (f"/v1/stores/{GROCER_STORE}/days/2017-02-30/close", {"totals": []}, "malformed-field"),
        (f"/v1/stores/{GROCER_STORE}/days/2017-03-03/close", {"totals": []}, "day-not-begun"),
        (f"/v1/stores/{FUEL_STORE}/days/2017-03-01/close", {"totals": []}, "not-yours"),
        ("/v1/stores/4006381333115/days/2017-03-01/close", {"totals": []}, "store-unknown"),
    ],
)
def test_an_odd_close_is_refused(open_shop_once: Shop, path: str, body: dict[str, Any], code: str) -> None:
    assert open_shop_once.post("grocer-till", path, body).json["code"] == code
    assert open_shop_once.get("grocer", f"/v1/stores/{GROCER_STORE}/days").json["days"] == []


def test_only_the_merchant_and_those_who_read_all_sales_see_a_day(shop: Shop) -> None:
    sell(shop)
    close(shop, [])
    for path in (DAY, f"{DAY}/closes", f"{DAY}/unmatched", f"{DAY}/late", f"{DAY}/cashiers",
                 f"/v1/stores/{GROCER_STORE}/days"):  # fmt: skip
        assert shop.get("fuel", path).json["code"] == "not-yours"
        assert shop.get("fuel-till", path).json["code"] == "not-yours"
        for who in ("grocer", "grocer-till", "auditor", "operator"):
            assert shop.get(who, path).status_code == 200
    for path in ("unmatched?close=2", "unmatched?close=9"):
        assert shop.get("grocer", f"{DAY}/{path}").json["code"] == "day-not-closed"
    assert (
        shop.get("grocer", f"/v1/stores/{GROCER_STORE}/days/2017-02-28/late").json["code"] == "day-not-closed"
    )


def test_the_hour_at_which_the_day_begins_is_the_stores(shop: Shop) -> None:
    shop.at = "2017-03-01T08:00:00Z"
    assert sell(shop)["business_date"] == "2017-03-01", "three in the morning in New York"
    answer = shop.post("fuel", f"/v1/stores/{GROCER_STORE}/day-start", {"day_starts_at_hour": 4})
    assert answer.json["code"] == "not-yours"
    for hour in (13, -1, "4"):
        answer = shop.post("grocer", f"/v1/stores/{GROCER_STORE}/day-start", {"day_starts_at_hour": hour})
        assert answer.json["code"] == "malformed-field"
    shop.must("grocer", f"/v1/stores/{GROCER_STORE}/day-start", {"day_starts_at_hour": 4})
    shop.serving.checkout._admission._sources.directory.refresh()
    assert sell(shop)["business_date"] == "2017-02-28"
    assert shop.get("grocer", "/v1/stores").json["stores"][0]["day_starts_at_hour"] == 4
    answer = shop.post("grocer-till", "/v1/sales", basket(business_date="2017-03-02"))
    assert (answer.status_code, answer.json["code"]) == (422, "business-date-out-of-range")
