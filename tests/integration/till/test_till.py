"""The till online, cut off, and joined again: every acknowledged sale ends in the books once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.till.codes import allowance_left, check_statement
from ledger_service.till.refusals import NoAnswer, TillRefused
from ledger_service.till.selling import sell

from .stand import Stand

LINE = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 1_000}


def test_online_first_the_service_answers_and_nothing_is_queued(stand: Stand) -> None:
    member = stand.member()
    sold = stand.pay(stand.code(member, 1))
    assert (sold["state"], sold["answer"]["points_value_minor"]) == ("certain", 300)
    assert stand.till.book.counts()["queued"] == 0
    refused = stand.pay(stand.code(member, 1))
    assert (refused["state"], refused["code"]) == ("refused", "pay-code-used")


def test_cut_off_it_sells_alone_and_after_a_sync_everything_is_certain(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "down"
    earned = stand.earn(member)
    stand.later(30)
    paid = stand.pay(stand.code(member, 1))
    assert (earned["state"], paid["state"]) == ("waiting", "waiting")
    stand.line.state = "up"
    stand.later(8 * 3_600)
    assert stand.sync() == {"certain": 2, "waiting": 0, "refused": 0}
    assert stand.answer(paid["key"])["sale"]["points_value_minor"] == 300
    assert stand.balance(member) == 1_000 + 100 - 300 + 7
    assert stand.sync() == {"certain": 0, "waiting": 0, "refused": 0}


def test_after_a_silence_it_does_not_let_every_cashier_wait(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    for _ in range(5):
        stand.earn(member)
    assert stand.line.asked.count("POST /v1/sales") == 1
    stand.later(16)
    stand.earn(member)
    assert stand.line.asked.count("POST /v1/sales") == 2


def test_after_a_restart_it_asks_at_once(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    stand.earn(member)
    stand.reboot()
    stand.line.state = "up"
    assert stand.earn(member)["state"] == "certain"


def test_an_answer_that_was_lost_is_asked_for_before_anything_else(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "mute"
    paid = stand.pay(stand.code(member, 1))
    assert paid["state"] == "waiting"
    stand.line.state = "up"
    stand.line.asked.clear()
    stand.later(3_600)
    assert stand.sync() == {"certain": 0, "waiting": 0, "refused": 0}
    assert not [a for a in stand.line.asked if a.startswith("POST")]
    assert stand.state(paid["key"]) == "certain"
    assert stand.balance(member) == 707


def test_a_request_that_never_arrived_is_uploaded_under_its_key(stand: Stand) -> None:
    member = stand.member()
    stand.line.state = "deaf"
    paid = stand.pay(stand.code(member, 1))
    stand.line.state = "up"
    stand.later(3_600)
    assert stand.sync()["certain"] == 1
    assert stand.state(paid["key"]) == "certain"
    assert stand.balance(member) == 707


@pytest.mark.parametrize("lost", ["mute", "deaf"])
def test_what_the_cashier_was_told_is_refused_is_booked_nowhere_in_the_end(stand: Stand, lost: str) -> None:
    member = stand.member()
    stand.line.state = lost
    code = stand.code(member, 1)
    refused = stand.pay(code, 600)
    assert (refused["state"], refused["code"]) == ("refused", "allowance-exceeded")
    stand.line.state = "up"
    stand.later(60)
    stand.sync()
    assert stand.state(refused["key"]) == "cancelled"
    assert stand.balance(member) == 1_000
    again = stand.pay(code, 100)
    assert again["state"] == "refused"


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


def test_what_the_service_lets_wait_stays_queued_until_it_is_decided(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    earned = stand.earn(member)
    path = f"/v1/members/{member['number']}/freeze"
    stand.shop.must("operator", path, {"frozen": True})
    assert stand.sync() == {"certain": 0, "waiting": 1, "refused": 0}
    assert stand.answer(earned["key"])["code"] == "member-frozen"
    stand.shop.must("operator", path, {"frozen": False})
    assert stand.sync()["certain"] == 1


def test_a_sale_older_than_a_week_is_refused_and_kept_with_its_code(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    earned = stand.earn(member)
    stand.later(7 * 86_400 + 1)
    assert stand.sync()["refused"] == 1
    assert stand.answer(earned["key"])["code"] == "offline-sale-too-late"


def test_a_process_that_died_while_it_asked_goes_on_under_the_same_key(stand: Stand) -> None:
    member = stand.member()
    settle = type(stand.till.book).settle
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]  # dies once the service has answered
    with pytest.raises(TypeError):
        stand.earn(member, key="k")
    stand.till.book.close()
    stand.open()
    assert stand.state("k") == "asking"
    assert stand.earn(member, key="k")["state"] == "certain"
    assert stand.balance(member) == 1_100
    assert settle is type(stand.till.book).settle


def test_what_died_while_it_asked_and_goes_on_alone_is_still_asked_for_first(stand: Stand) -> None:
    member = stand.member()
    code = stand.code(member, 1)
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        stand.pay(code, key="k")
    stand.till.book.close()
    stand.open()
    stand.line.state = "down"
    assert stand.pay(code, key="k")["state"] == "waiting"
    stand.line.state = "up"
    stand.sync()
    assert stand.state("k") == "certain"
    assert stand.balance(member) == 707


def test_a_sale_that_died_unanswered_and_is_never_repeated_is_taken_back(stand: Stand) -> None:
    member = stand.member()
    stand.till.book.settle = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        stand.pay(stand.code(member, 1), key="k")
    stand.till.book.close()
    stand.open()
    stand.sync()
    assert stand.state("k") == "cancelled"
    assert stand.balance(member) == 1_000


def test_a_sync_without_a_service_changes_nothing(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    stand.earn(member)
    stand.line.state = "down"
    with pytest.raises(NoAnswer):
        stand.sync()
    assert stand.till.book.counts()["queued"] == 1


def test_what_was_booked_is_forgotten_after_eight_days_and_what_was_refused_is_kept(stand: Stand) -> None:
    member = stand.member()
    stand.alone()
    stand.earn(member)
    stand.sync()
    stand.earn(member)
    stand.later(8 * 86_400 + 1)
    stand.sync()
    assert stand.till.book.counts()["certain"] == 0
    assert stand.till.book.counts()["refused"] == 1


def test_the_signing_key_is_its_owners_alone(stand: Stand) -> None:
    key = stand.folder.path / "till.key"
    assert key.stat().st_mode & 0o777 == 0o600
    for name in ("enrolment.json", "till.db", "till.db-wal"):
        assert (stand.folder.path / name).stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(TillRefused, match="till-key-open"):
        stand.folder.key()
