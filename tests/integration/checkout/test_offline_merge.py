"""Many tills cut off for hours are merged in any order, twice: one and the same books (INV-1, INV-2)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text

from ledger_service.checkout.errors import IdempotencyKeyReused
from ledger_service.checkout.models import sale
from ledger_service.checkout.offline.models import offline_sale, offline_window
from ledger_service.checkout.parsing import parse_sale
from ledger_service.db.engine import Database, open_database
from ledger_service.ledger.models import lot, posting

from .alone import OfflineShop, Till
from .shop import FLORIST, FUEL, GROCER, Phone, lots_equal_postings

TILLS, MEMBERS, HOURS = 50, 12, 8
Books = dict[str, Any]


@pytest.fixture
def shop(database: Database) -> Iterator[OfflineShop]:
    shop = OfflineShop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


def eight_hours(shop: OfflineShop, random: Random) -> tuple[list[Phone], list[Till]]:
    """Fifty tills sell alone for eight hours: most baskets earn, some are paid in points, all honestly."""
    phones = [shop.enrol() for _ in range(MEMBERS)]
    for phone in phones:
        shop.stock(phone, 1, 5_000)
    tills = [shop.till((GROCER, FUEL, FLORIST)[n % 3], 10_000) for n in range(TILLS)]
    begin = shop.clock.at
    for till in tills:
        for _ in range(6):
            phone = random.choice(phones)
            at = begin + timedelta(seconds=random.randrange(HOURS * 3_600))
            if random.random() < 0.3:
                till.spend(at, phone.pay_code(at), 700, random.randrange(1, 120))
            else:
                till.earn(at, phone, random.randrange(100, 20_000))
    shop.clock.forward(hours=HOURS, minutes=5)
    return phones, tills


def books(shop: OfflineShop) -> Books:
    """Everything that must not depend on the order: points, postings by account, sales, losses, windows."""
    flows: dict[tuple[int, int, int], int] = {}
    with shop.database.read() as conn:
        for row in conn.execute(select(posting)):
            for side, sign in ((row.source_id, -1), (row.destination_id, 1)):
                key = (side, row.programme_id, row.epoch)
                flows[key] = flows.get(key, 0) + sign * row.amount
        o, s = offline_sale.c, sale.c
        facts = (o.sale_id, o.state, o.sold_at, o.offered_minor, o.paid_minor, o.loss_minor, o.flagged)
        columns = (s.sale_id, s.member_id, s.lines, s.total_minor, s.occurred_at)
        return {
            "lots": sorted(tuple(r) for r in conn.execute(select(lot))),
            "flows": flows,
            "offline": sorted(tuple(r) for r in conn.execute(select(*facts))),
            "sales": sorted(tuple(r) for r in conn.execute(select(*columns))),
            "windows": sorted(tuple(r) for r in conn.execute(select(offline_window))),
            "intents": sorted(tuple(r) for r in conn.execute(text("SELECT op_id, leaf FROM intent"))),
        }


def uploads(tills: list[Till], random: Random) -> list[tuple[Till, list[dict[str, Any]]]]:
    """Every till's sales in pieces, shuffled inside and among the tills, and all of it a second time."""
    pieces: list[tuple[Till, list[dict[str, Any]]]] = []
    for _ in range(2):
        for till in tills:
            items = random.sample(till.items, len(till.items))
            pieces += [(till, items[:4]), (till, items[4:])]
    random.shuffle(pieces)
    return pieces


def test_fifty_tills_cut_off_for_eight_hours_give_the_same_books_in_any_order(
    sqlite_database: Database, tmp_path: Path
) -> None:
    shop = OfflineShop(sqlite_database)
    shop.found()
    _, tills = eight_hours(shop, Random(1))
    at, file = shop.clock.at, str(sqlite_database.url.database)
    shop.close()
    sqlite_database.close()
    seen: list[Books] = []
    for seed in range(3):
        copy = tmp_path / f"order-{seed}.db"
        shutil.copy(file, copy)
        database = open_database(f"sqlite:///{copy}")
        other = OfflineShop(database)
        other.clock.at = at
        states = [m.state for till, some in uploads(tills, Random(seed)) for m in other.upload(till, some)]
        assert set(states) == {"certain"}
        assert other.losses() == (0, 0)
        seen.append(books(other))
        lots_equal_postings(other)
        other.close()
        database.close()
    assert len(seen[0]["offline"]) == TILLS * 6
    assert seen[0] == seen[1] == seen[2]


def test_the_second_upload_answers_what_the_first_did(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    till.earn(shop.clock.at, phone, 500)
    first, second = shop.upload(till, [till.items[0], till.items[0]])
    assert (first.replayed, second.replayed) == (False, True)
    assert first.content == second.content
    assert shop.count("sale") == 1


def test_a_key_with_another_sale_is_refused_and_changes_nothing(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(shop.clock.at, phone, 500)
    shop.one(till, item)
    other = shop.one(till, {**item, "sale": {**item["sale"], "reference": "other"}})
    assert (other.state, other.error.code) == ("refused", "idempotency-key-reused")
    assert shop.balance(phone, 1) == 5


def test_a_sale_that_was_sold_online_after_all_is_not_booked_again(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(shop.clock.at, phone, 500)
    online = shop.write("sale", item["sale"], item["key"])
    answer = shop.service.sale(replace(online, caller=till.caller), parse_sale(item["sale"]))
    assert answer.status == 201
    assert shop.one(till, item).error.code == "idempotency-key-reused"
    assert shop.balance(phone, 1) == 5


def test_an_attempt_online_that_arrives_after_the_upload_books_nothing(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(shop.clock.at, phone, 500)
    assert shop.one(till, item).state == "certain"
    late = replace(shop.write("sale", item["sale"], item["key"]), caller=till.caller)
    with pytest.raises(IdempotencyKeyReused):
        shop.service.sale(late, parse_sale(item["sale"]))
    assert shop.balance(phone, 1) == 5


def test_one_bad_item_hinders_no_other(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    items = [till.earn(shop.clock.at, phone, 100) for _ in range(3)]
    items[1] = {**items[1], "sale": {**items[1]["sale"], "lines": []}}
    states = [m.state for m in shop.upload(till, items)]
    assert states == ["certain", "refused", "certain"]
    assert shop.balance(phone, 1) == 2


def test_a_member_frozen_meanwhile_waits_until_the_freeze_is_lifted(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 1_000)
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 300, 300)
    shop.freeze(phone)
    waits = shop.one(till, item)
    assert (waits.state, waits.error.code) == ("waiting", "member-frozen")
    assert shop.balance(phone, 1) == 1_000
    shop.freeze(phone, "active")
    assert shop.one(till, item).content["loss"] is None
    assert shop.balance(phone, 1) == 700


def test_a_merchant_suspended_meanwhile_waits_and_is_refused_after_a_week(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till(FUEL)
    items = [till.earn(shop.clock.at, phone, 300) for _ in range(2)]
    shop.suspend(FUEL)
    assert [(m.state, m.error.code) for m in shop.upload(till)] == [("waiting", "merchant-suspended")] * 2
    shop.suspend(FUEL, "active")
    assert shop.one(till, items[0]).state == "certain"
    shop.suspend(FUEL)
    shop.clock.forward(days=7, seconds=1)
    assert shop.one(till, items[1]).content["code"] == "offline-sale-too-late"


def test_a_sale_uploaded_after_a_day_earns_by_the_rules_of_today_and_spends_nothing(
    shop: OfflineShop,
) -> None:
    phone, till = shop.enrol(), shop.till()
    shop.stock(phone, 1, 1_000)
    item = till.spend(shop.clock.at, phone.pay_code(shop.clock.at), 500, 300)
    shop.clock.forward(days=1, seconds=1)
    merged = shop.one(till, item)
    assert (merged.state, merged.content["late"]) == ("certain", True)
    assert (merged.content["loss"]["value_minor"], merged.content["loss"]["cause"]) == (300, "uploaded-late")
    assert merged.content["sale"]["occurred_at"].startswith("2026-03-11T12:00:01")
    assert merged.content["sale"]["earned"][0]["base_minor"] == 200
    assert shop.balance(phone, 1) == 1_002


def test_a_sale_uploaded_after_a_week_is_refused_and_listed(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    item = till.earn(shop.clock.at, phone, 500)
    shop.clock.forward(days=7, seconds=1)
    merged = shop.one(till, item)
    assert (merged.state, merged.content["code"]) == ("refused", "offline-sale-too-late")
    assert merged.content["params"]["most_days"] == 7
    with shop.database.read() as conn:
        row = conn.execute(select(offline_sale)).one()
    assert (row.state, row.code, row.key) == ("refused", "offline-sale-too-late", item["key"])
    assert shop.count("sale") == 0


def test_a_cap_that_filled_up_meanwhile_ends_earning_and_not_the_sale(database: Database) -> None:
    shop = OfflineShop(database)
    shop.found(cap=1_000)
    phone, till = shop.enrol(), shop.till()
    items = [till.earn(shop.clock.at, phone, 30_000) for _ in range(5)]
    shop.clock.forward(hours=1)
    earned = [m.content["sale"]["earned"][0] for m in shop.upload(till, items)]
    assert sorted(e["points"] for e in earned) == [0, 0, 300, 300, 300]
    assert {e["reason"] for e in earned if not e["points"]} == {"cap-exhausted"}
    assert shop.balance(phone, 1) == 900
    shop.close()
    lots_equal_postings(shop)


def test_a_full_batch_of_a_fresh_worker_draws_its_blocks_and_earns_everything(shop: OfflineShop) -> None:
    phone, till = shop.enrol(), shop.till()
    items = [till.earn(shop.clock.at, phone, 1_000) for _ in range(200)]
    shop.clock.forward(hours=1)
    assert {m.state for m in shop.upload(till, items)} == {"certain"}
    assert shop.balance(phone, 1) == 2_000
