"""What becomes of points that a till took alone: they pay once, and whoever comes second bears the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.checkout.merging import follow_merge
from ledger_service.checkout.offline.debts import DecideLossCommand, Decision
from ledger_service.db.engine import Database
from ledger_service.kernel.permits import nonce_of
from ledger_service.members.merging import Merge
from ledger_service.points.merging import debts_of

from .alone import OfflineShop, Till
from .shop import FUEL, GROCER, Phone, lots_equal_postings

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


def with_points(shop: OfflineShop, points: int = 1_000) -> Phone:
    phone = shop.enrol()
    shop.stock(phone, 1, points)
    return phone


def taken(shop: OfflineShop, till: Till, phone: Phone, value: int, **changes: Any) -> dict[str, Any]:
    shop.clock.forward(seconds=1)
    return till.spend(shop.clock.at, phone.pay_code(shop.clock.at, **changes), 2 * value, value)


def test_a_spend_taken_alone_is_booked_as_of_its_own_time(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till()
    item, sold_at = taken(shop, till, phone, 300), shop.clock.at
    shop.clock.forward(hours=8)
    merged = shop.one(till, item)
    assert merged.state == "certain"
    sale = merged.content["sale"]
    assert (sale["points_value_minor"], sale["due_minor"], merged.content["loss"]) == (300, 300, None)
    assert sale["occurred_at"] == sold_at.isoformat().replace("+00:00", "Z")
    assert shop.balance(phone, 1) == 1_000 - 300 + 3
    assert shop.losses() == (0, 0)
    assert shop.used(till) == 300


def test_one_permit_at_two_tills_pays_once_and_the_second_merchant_bears_it(shop: OfflineShop) -> None:
    phone, first, second = with_points(shop), shop.till(GROCER), shop.till(FUEL)
    code = phone.pay_code(shop.clock.at)
    one = first.spend(shop.clock.at, code, 300, 300)
    two = second.spend(shop.clock.at + timedelta(seconds=5), code, 300, 300)
    shop.clock.forward(hours=1)
    won, lost = shop.one(first, one), shop.one(second, two)
    assert won.content["loss"] is None
    loss = lost.content["loss"]
    assert (lost.state, loss["value_minor"], loss["cause"]) == ("certain", 300, "pay-code-used")
    assert loss["within_allowance"] and loss["member_flagged"]
    assert loss["won_by"] == won.content["sale_id"]
    assert shop.balance(phone, 1) == 700
    assert shop.losses() == (300, 0)


def test_of_two_sales_in_one_batch_the_earlier_signed_acceptance_wins(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till()
    code = phone.pay_code(shop.clock.at)
    late = till.spend(shop.clock.at + timedelta(seconds=9), code, 300, 300)
    early = till.spend(shop.clock.at, code, 300, 300)
    shop.clock.forward(minutes=5)
    second, first = shop.upload(till, [late, early])
    assert first.content["loss"] is None
    assert second.content["loss"]["value_minor"] == 300
    # The till took the code twice itself: nobody says that the member did.
    assert not second.content["loss"]["member_flagged"]


def test_what_is_posted_is_not_undone_by_an_earlier_acceptance_that_comes_later(shop: OfflineShop) -> None:
    phone, first, second = with_points(shop), shop.till(GROCER), shop.till(FUEL)
    code = phone.pay_code(shop.clock.at)
    early = first.spend(shop.clock.at, code, 300, 300)
    late = second.spend(shop.clock.at + timedelta(seconds=5), code, 300, 300)
    shop.clock.forward(hours=1)
    assert shop.one(second, late).content["loss"] is None
    assert shop.one(first, early).content["loss"]["cause"] == "pay-code-used"
    assert shop.balance(phone, 1) == 700


def test_points_that_are_gone_are_taken_as_far_as_they_go(shop: OfflineShop) -> None:
    phone, till = with_points(shop, 100), shop.till()
    item = taken(shop, till, phone, 300)
    shop.clock.forward(hours=1)
    merged = shop.one(till, item)
    loss = merged.content["loss"]
    assert (loss["value_minor"], loss["cause"], loss["member_flagged"]) == (200, "not-enough-points", True)
    sale = merged.content["sale"]
    # The basket of 600 less what the merchant bears; earned on the 300 that were paid in money.
    assert (sale["total_minor"], sale["points_value_minor"], sale["due_minor"]) == (400, 100, 300)
    assert sale["earned"][0]["base_minor"] == 300
    assert shop.balance(phone, 1) == 3


def test_a_loss_that_a_merged_account_is_blamed_for_is_the_debt_of_who_stays(shop: OfflineShop) -> None:
    phone, stays, till = with_points(shop, 100), shop.enrol(), shop.till()
    item = taken(shop, till, phone, 300)
    shop.clock.forward(hours=1)
    sale_id = bytes.fromhex(shop.one(till, item).content["sale_id"])
    with shop.database.begin() as conn:
        follow_merge(conn, Merge(phone.member_id, stays.member_id, shop.clock.at))
    decision = Decision(sale_id, True, "operator:1", shop.clock.at)
    decided = shop.writer.submit(DecideLossCommand(decision, shop.catalogue.current(), 2))
    assert decided["debt_points"] == 200
    with shop.database.read() as conn:
        assert debts_of(conn, stays.member_id) == [(1, 200)]


def test_a_refund_of_a_sale_with_a_loss_gives_back_what_was_really_paid(shop: OfflineShop) -> None:
    phone, till = with_points(shop, 100), shop.till()
    item = taken(shop, till, phone, 300)
    shop.clock.forward(hours=1)
    sale = shop.one(till, item).content["sale"]
    back = shop.refund(sale["sale_id"])
    assert back["refunded_minor"] == 400
    assert shop.balance(phone, 1) == 100


def test_no_spend_beyond_the_allowance_takes_a_point(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till(allowance_minor=500)
    items = [taken(shop, till, phone, 300) for _ in range(2)]
    shop.clock.forward(hours=1)
    within, beyond = shop.upload(till, items)
    assert within.content["loss"] is None
    loss = beyond.content["loss"]
    assert (loss["cause"], loss["within_allowance"]) == ("allowance-exceeded", False)
    assert shop.losses() == (0, 300)
    assert shop.used(till) == 300


def test_a_new_window_has_the_whole_allowance_again(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till(allowance_minor=300, window_seconds=3_600)
    items = [taken(shop, till, phone, 300)]
    shop.clock.forward(hours=1)
    items.append(taken(shop, till, phone, 300))
    assert [m.content["loss"] for m in shop.upload(till, items)] == [None, None]


def test_without_an_allowance_every_spend_is_the_merchants_own(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till(allowance_minor=None)
    loss = shop.one(till, taken(shop, till, phone, 300)).content["loss"]
    assert (loss["cause"], loss["within_allowance"]) == ("allowance-unknown", False)


def test_a_lower_allowance_counts_once_the_till_has_heard_of_it_or_after_a_day(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till(allowance_minor=1_000)
    shop.clock.forward(hours=1)
    shop.allow(till, 100, told=False)
    shop.clock.forward(hours=2)
    unheard = taken(shop, till, phone, 300)
    shop.clock.forward(hours=22)
    too_long = taken(shop, till, phone, 300)
    till.version = 2
    heard = taken(shop, till, phone, 300)
    causes = [(m.content["loss"] or {}).get("cause") for m in shop.upload(till, [unheard, too_long, heard])]
    assert causes == [None, "allowance-unknown", "allowance-exceeded"]


def test_an_allowance_set_afterwards_covers_nothing(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till(allowance_minor=None)
    item = taken(shop, till, phone, 300)
    shop.clock.forward(hours=1)
    shop.allow(till, 1_000)
    item["allowance_version"] = till.version
    assert shop.one(till, item).content["loss"]["cause"] == "allowance-unknown"


def test_a_forged_acceptance_a_strangers_signature_and_an_expired_code_are_losses(shop: OfflineShop) -> None:
    phone, till = with_points(shop), shop.till()
    forged = taken(shop, till, phone, 100)
    forged["sale"]["acceptance"]["signature"] = "0x" + "11" * 64 + "1b"
    stranger = Phone(phone.member_id, phone.number, phone.account, b"\x07" * 32)
    altered = taken(shop, till, stranger, 100, nonce=nonce_of(1, 77))
    late = till.spend(shop.clock.at + timedelta(seconds=90), phone.pay_code(shop.clock.at), 100, 100)
    shop.clock.forward(hours=1)
    causes = [m.content["loss"]["cause"] for m in shop.upload(till, [forged, altered, late])]
    assert causes == ["acceptance-forged", "pay-code-altered", "pay-code-expired"]
    assert shop.balance(phone, 1) == 1_000 + 1 + 1
    assert shop.losses() == (300, 0)


def test_a_clock_an_hour_off_makes_no_code_of_it_valid(shop: OfflineShop) -> None:
    phone, ahead, behind = with_points(shop), shop.till(), shop.till()
    one = ahead.spend(shop.clock.at + HOUR, phone.pay_code(shop.clock.at), 100, 100)
    two = behind.spend(shop.clock.at - HOUR, phone.pay_code(shop.clock.at), 100, 100)
    early = shop.one(ahead, one)
    assert (early.state, early.error.code) == ("waiting", "clock-skew")
    shop.allow(behind, 1_000)
    assert shop.one(behind, two).content["loss"]["cause"] == "allowance-unknown"
    shop.clock.forward(hours=1)
    assert shop.one(ahead, one).content["loss"]["cause"] == "pay-code-expired"
    assert shop.balance(phone, 1) == 1_000


def test_an_unknown_member_is_refused_for_good_and_its_spend_a_loss(shop: OfflineShop) -> None:
    till = shop.till()
    nobody = Phone(99, "9" * 18, b"\x09" * 20, b"\x07" * 32)
    merged = shop.one(till, taken(shop, till, nobody, 300))
    assert (merged.state, merged.content["code"]) == ("refused", "member-unknown")
    assert merged.content["loss"]["value_minor"] == 300
    again = shop.one(till, till.items[0])
    assert again.replayed and again.content == merged.content
    assert shop.losses() == (300, 0)
