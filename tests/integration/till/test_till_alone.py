"""What a till takes alone, and what not: its allowance, its clock, codes that only the service can judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.coupons.terms.values import Limits
from ledger_service.till.codes import allowance_left, check_statement
from ledger_service.till.refusals import TillRefused
from ledger_service.till.selling import sell
from tests.api.test_coupons import codes_of, offer

from .stand import Stand

LINE = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 1_000}


def test_the_allowance_is_kept_across_sales_and_renewed_by_the_next_window(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    assert stand.pay(stand.code(member, 1))["state"] == "waiting"
    refused = stand.pay(stand.code(member, 2))
    assert (refused["state"], refused["code"]) == ("refused", "allowance-exceeded")
    assert stand.pay(stand.code(member, 3), 200)["state"] == "waiting"
    stand.line.state = "up"
    stand.later(60)
    stand.sync()
    assert allowance_left(stand.till.book, stand.now()) == 0
    stand.later(12 * 3_600)
    assert allowance_left(stand.till.book, stand.now()) == 500 * 10_000


def test_a_till_that_lost_its_queue_hears_what_its_window_has_used(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    stand.pay(stand.code(member, 1))
    stand.sync()
    stand.till.book.close()
    for path in stand.folder.path.glob("till.db*"):
        path.unlink()
    stand.open()
    stand.sync()
    assert allowance_left(stand.till.book, stand.now()) == 200 * 10_000


def test_a_statement_serves_for_a_day_and_a_forged_one_never(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    stand.later(86_401)
    refused = stand.pay(stand.code(member, 1))
    assert refused["code"] == "allowance-expired"
    assert stand.earn(member)["state"] == "waiting"
    statement = stand.till.book.statement
    assert statement is not None
    with pytest.raises(TillRefused, match="statement-forged"):
        check_statement(stand.enrolment, statement | {"allowance_micros": 10**12})


def test_a_till_for_known_phones_takes_no_points_of_a_phone_that_it_never_saw_accepted(stand: Stand) -> None:
    member = stand.member()
    stand.till = replace(stand.till, enrolment=replace(stand.enrolment, known_only=True))
    stand.line.state = "down"
    refused = stand.pay(stand.code(member, 1), 100)
    assert (refused["state"], refused["code"]) == ("refused", "pay-code-stranger")
    stand.line.state = "up"
    stand.later(20)
    assert stand.pay(stand.code(member, 2), 100)["state"] == "certain"
    stand.line.state = "down"
    assert stand.pay(stand.code(member, 3), 100)["state"] == "waiting"
    assert [s["code"] for s in stand.till.book.unfinished(9)] == ["pay-code-stranger"]


def test_what_no_till_can_judge_is_not_taken_alone(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    lines = [LINE]
    spend = {"max_value_minor": 100}
    digits = sell(stand.till, {"lines": [LINE], "member": {"pay_code": "1" * 18}, "spend": spend})
    assert (digits["state"], digits["code"]) == ("refused", "needs-the-service")
    for code, why in (
        (stand.code(member, 1, valid_until=stand.now() - 1), "pay-code-expired"),
        (stand.code(member, 2, valid_until=stand.now() + 4_000), "pay-code-too-long-lived"),
        (stand.code(member, 3, most=1), "permit-value-exceeded"),
    ):
        assert stand.pay(code)["code"] == why
    code = stand.code(member, 4)
    assert stand.pay(code, 100)["state"] == "waiting"
    assert stand.pay(code, 100)["code"] == "pay-code-used"
    shown, legs = {"pay_code": stand.code(member, 5)}, [{"programme": "GROC", "points": 1}]
    for more in ({"member": {"pay_code": "1" * 18}}, {"member": shown, "spend": legs}):
        assert sell(stand.till, {"lines": lines, **more})["code"] == "needs-the-service"


@pytest.mark.parametrize(
    "change",
    [
        {"what": 1}, {"lines": []}, {"lines": None}, {"key": "a b"}, {"reference": "x" * 65},
        {"lines": [{**LINE, "amount_minor": -1}]}, {"lines": [{**LINE, "quantity": 0}]},
        {"lines": [LINE, LINE]}, {"lines": [{**LINE, "gtin": "1"}]}, {"lines": [{"line": "1"}]},
        {"lines": [{**LINE, "amount_minor": 10**10}]}, {"member": {"number": "1"}}, {"member": {}},
        {"spend": {"max_value_minor": 1}}, {"lines": [{**LINE, "line": str(n)} for n in range(201)]},
        {"lines": [{**LINE, "line": str(n), "sku": "\u20ac" * 64} for n in range(180)]},
    ],
)  # fmt: skip
def test_what_the_service_would_find_malformed_is_never_acknowledged(
    stand: Stand, change: dict[str, Any]
) -> None:
    stand.alone()
    with pytest.raises(TillRefused, match="malformed-sale"):
        sell(stand.till, {"lines": [LINE], **change})
    assert stand.till.book.counts()["queued"] == 0


def test_a_key_that_served_another_sale_is_refused(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    assert stand.earn(member, key="k")["state"] == "waiting"
    assert stand.earn(member, key="k")["state"] == "waiting"
    other = stand.earn(member, key="k", reference="other")
    assert (other["state"], other["code"]) == ("refused", "idempotency-key-reused")


def test_a_wall_clock_an_hour_wrong_dates_no_sale(stand: Stand) -> None:
    member = stand.member()
    stand.line.state, stand.wall_off = "down", 3_600
    paid = stand.pay(stand.code(member, 1))
    assert paid["state"] == "waiting"
    row = stand.till.book.find(paid["key"])
    assert row is not None
    assert row["sold_at"] == stand.now()


def test_after_a_restart_with_a_wrong_clock_earns_are_dated_at_the_next_contact(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    stand.reboot()
    stand.wall_off = 3_600
    assert stand.pay(stand.code(member, 1))["code"] == "pay-code-expired"
    sold_at, earned = stand.now(), stand.earn(member)
    stand.later(600)
    stand.line.state = "up"
    assert stand.sync()["certain"] == 1
    row = stand.till.book.find(earned["key"])
    assert row is not None
    assert row["sold_at"] == sold_at


def test_a_clock_before_the_last_contact_sells_nothing(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    stand.reboot()
    stand.wall_off = -3_600
    with pytest.raises(TillRefused, match="till-clock-wrong"):
        stand.earn(member)


def test_the_signing_key_is_its_owners_alone(stand: Stand) -> None:
    key = stand.folder.path / "till.key"
    assert key.stat().st_mode & 0o777 == 0o600
    for name in ("enrolment.json", "till.db", "till.db-wal"):
        assert (stand.folder.path / name).stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(TillRefused, match="till-key-open"):
        stand.folder.key()


WEIGHED = {
    "line": "w", "category": "FOOD", "weight_grams": 730, "amount_minor": 1_000,
    "tax": {"rate_bps": 500, "amount_minor": 50, "included": False},
}  # fmt: skip


def paid(*amounts: int) -> list[dict[str, Any]]:
    return [{"type": kind, "amount_minor": n} for kind, n in zip(("cash", "card"), amounts, strict=False)]


def test_a_weighed_taxed_line_is_paid_alone_by_points_and_named_tenders(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    more = {"lines": [WEIGHED], "tenders": paid(500, 250), "cashier": "7", "business_date": "2017-03-01"}
    sold = stand.pay(stand.code(member, 1), **more)
    assert (sold["state"], sold["code"]) == ("waiting", None)
    stand.line.state = "up"
    assert stand.sync() == {"certain": 1, "waiting": 0, "refused": 0}
    sale = stand.answer(sold["key"])["sale"]
    assert [(t["type"], t["amount_minor"]) for t in sale["tenders"]] == [
        ("points", 300),
        ("cash", 500),
        ("card", 250),
    ]
    assert (sale["total_minor"], sale["cashier"], sale["business_date"]) == (1_050, "7", "2017-03-01")


def test_the_same_sale_online_is_booked_the_same(stand: Stand) -> None:
    member = stand.member()
    sold = stand.pay(stand.code(member, 1), lines=[WEIGHED], tenders=paid(500, 250))
    assert sold["state"] == "certain"
    assert [(t["type"], t["amount_minor"]) for t in sold["answer"]["tenders"]] == [
        ("points", 300), ("cash", 500), ("card", 250),
    ]  # fmt: skip


def test_online_tenders_must_fit_what_points_really_pay(stand: Stand) -> None:
    member = stand.member(points=100)
    sold = stand.pay(stand.code(member, 1), lines=[WEIGHED], tenders=paid(500, 250))
    assert (sold["state"], sold["code"]) == ("refused", "tenders-do-not-add-up")
    fits = stand.pay(stand.code(member, 2), lines=[WEIGHED], tenders=paid(500, 450))
    assert fits["state"] == "certain"


@pytest.mark.parametrize("amounts", [(500, 249), (500, 251), (1_050,)])
def test_alone_tenders_must_come_to_what_points_leave(stand: Stand, amounts: tuple[int, ...]) -> None:
    member = stand.member()
    stand.line.state = "down"
    sold = stand.pay(stand.code(member, 1), lines=[WEIGHED], tenders=paid(*amounts))
    assert (sold["state"], sold["code"]) == ("refused", "tenders-do-not-add-up")
    assert stand.earn(member, lines=[WEIGHED], tenders=paid(1_050))["state"] == "waiting"
    assert stand.earn(member, lines=[WEIGHED], tenders=paid(1_000))["code"] == "tenders-do-not-add-up"


def test_coupons_are_the_services_to_decide_online_and_the_tills_figure_alone(stand: Stand) -> None:
    definition = offer(stand.shop, limits=Limits())
    first, second, *_ = codes_of(stand.shop, definition)
    asked = {"lines": [LINE], "coupons": {"codes": [first], "taken_minor": 90}}
    assert sell(stand.till, asked | {"key": "online"})["answer"]["total_minor"] == 900
    stand.alone()
    short = [{"type": "cash", "amount_minor": 1_000}]
    coupons = {"codes": [second], "taken_minor": 90}
    assert sell(stand.till, asked | {"tenders": short})["code"] == "tenders-do-not-add-up"
    exact = {"coupons": coupons, "tenders": [{"type": "cash", "amount_minor": 910}]}
    for key in ("alone", "again"):
        assert sell(stand.till, {"lines": [LINE], "key": key, **exact})["state"] == "waiting"
    stand.sync()
    told = [stand.answer(key) for key in ("alone", "again")]
    assert [one["sale"]["total_minor"] for one in told] == [910, 910]
    assert sorted(one["coupons_loss_minor"] for one in told) == [0, 90]
