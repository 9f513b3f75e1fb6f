"""Scan-to-earn: one claim an item, whoever knows the PIN; caps; what comes back is void and pays back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import insert, select

from ledger_service.checkout.items.errors import (
    ClaimCapReached,
    ClaimNotOffered,
    ItemClaimed,
    ItemNotClaimable,
    ItemNotOfSale,
    ItemNotReturnable,
    ItemPinRefused,
)
from ledger_service.checkout.items.registry import OutboxRegistry
from ledger_service.checkout.items.requests import Claimed, ClaimRequest, ReturnRequest, TakenBack
from ledger_service.checkout.items.service import ItemsService
from ledger_service.checkout.items.terms import NewTerms, find_terms, set_terms
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.item_operations import CODEC, ClaimItem, VoidItem
from ledger_service.members.merging import Merge
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.traceability.claiming.merging import follow_merge
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.claiming.queries import claims_of_batch, points_of_batch
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.goods.models import trace_item
from ledger_service.traceability.goods.recalling import recall_batch
from ledger_service.traceability.proofs.models import trace_root
from ledger_service.traceability.scanning.distance import Place
from tests.integration.checkout.shop import FUEL, GROCER, Phone, Shop, line
from tests.integration.checkout.test_races import at_once
from tests.integration.traceability.stock import GTIN, MASTER, Seeds, Stock, stock_up

ROOT = b"\x09" * 32


class Brand:
    """The grocer's own product, ten items of it, and the service of one worker over them."""

    def __init__(self, shop: Shop, other: Shop | None = None) -> None:
        self.shop = shop
        self.rooms = [self._room(one) for one in (shop, other or shop)]
        self.stock: Stock = stock_up(shop.database, owner=GROCER, at=shop.clock.at)

    def _room(self, shop: Shop) -> ItemsService:
        name = shop.desk.worker
        return ItemsService(
            shop.writer, shop.database, shop.catalogue, OutboxRegistry(), Seeds(), name,
            CatalogueOffers(shop.coupons), MASTER,
        )  # fmt: skip

    def offer(self, points: int = 5, programme: str = "GROC", **most: int) -> None:
        with self.shop.database.begin() as conn:
            set_terms(
                conn, GROCER, NewTerms(GTIN, programme, points, most), "merchant:grocer", self.shop.clock.at
            )

    def request(
        self, phone: Phone, index: int = 0, pin: str | None = None, device: str = "phone"
    ) -> ClaimRequest:
        _, serial, right = self.stock.items[index]
        return ClaimRequest(phone.member_id, GTIN, serial, pin or right, device, Place("HK"), "app",
                            self.shop.clock.at)  # fmt: skip

    def claim(self, phone: Phone, index: int = 0, pin: str | None = None, device: str = "phone") -> Claimed:
        found: Claimed = self.rooms[0].claim(self.request(phone, index, pin, device))
        return found

    def take_back(self, index: int = 0, sale: bytes | None = None, at: int = GROCER) -> TakenBack:
        serial, now = self.stock.items[index][1], self.shop.clock.at
        request = ReturnRequest(at, "terminal:t1", GTIN, serial, sale, now)
        found: TakenBack = self.rooms[0].take_back(request)
        return found

    def item(self, index: int = 0) -> dict[str, object]:
        with self.shop.database.read() as conn:
            mine = trace_item.c.serial == self.stock.items[index][1]
            return dict(conn.execute(select(trace_item).where(mine)).mappings().one())


@pytest.fixture
def brand(shop: Shop) -> Brand:
    return Brand(shop)


def test_an_item_earns_once_for_whoever_claims_it_first_and_the_pin_is_worth_nothing_then(
    brand: Brand,
) -> None:
    ann, bob = brand.shop.enrol(), brand.shop.enrol()
    with pytest.raises(ClaimNotOffered):
        brand.claim(ann)
    brand.offer(5)
    claimed = brand.claim(ann)
    assert (claimed.programme, claimed.points, claimed.state) == ("GROC", 5, "available")
    assert (brand.shop.balance(ann, 1), brand.item()["state"]) == (5, "activated")
    for phone, mine in ((bob, False), (ann, True)):
        with pytest.raises(ItemClaimed) as refused:
            brand.claim(phone)
        assert refused.value.by_you is mine
    assert (brand.shop.balance(bob, 1), brand.shop.count("trace_claim")) == (0, 1)


def test_events_put_a_claimed_item_aside_and_back_and_it_stays_claimed(brand: Brand) -> None:
    brand.offer(5)
    brand.claim(brand.shop.enrol())
    shop = {"bizLocation": {"id": f"https://id.gs1.org/414/{with_check_digit('950600001352')}"}}
    for hour, step, state in ((1, "receiving", "activated"), (2, "holding", "locked"),
                              (3, "storing", "activated")):  # fmt: skip
        event = {"type": "ObjectEvent", "eventTime": f"2026-03-01T0{hour}:00:00Z", "action": "OBSERVE",
                 "eventTimeZoneOffset": "+00:00", "bizStep": step, "epcList": [brand.stock.code(0)],
                 **shop}  # fmt: skip
        with brand.shop.database.begin() as conn:
            capture_events(conn, GROCER, [event], brand.shop.clock.at)
        assert brand.item()["state"] == state


def test_five_wrong_pins_lock_an_item_and_all_refusals_are_one(brand: Brand) -> None:
    brand.offer()
    ann = brand.shop.enrol()
    for _ in range(5):
        with pytest.raises(ItemPinRefused):
            brand.claim(ann, pin="00000000")
    assert brand.item()["wrong_pins"] == 5
    with pytest.raises(ItemPinRefused) as locked:
        brand.claim(ann)
    unknown = replace(brand.request(ann), serial="ZZZZZZZZZZZZ")
    with pytest.raises(ItemPinRefused) as never:
        brand.rooms[0].claim(unknown)
    assert (locked.value.code, locked.value.params) == (never.value.code, never.value.params)
    # Twenty wrong ones in a day, of whichever items, and the member waits for tomorrow.
    for _ in range(13):
        with pytest.raises(ItemPinRefused):
            brand.rooms[0].claim(unknown)
    with pytest.raises(ItemPinRefused):
        brand.claim(ann, index=1)
    brand.shop.clock.forward(days=1)
    assert brand.claim(ann, index=1).points == 5
    assert brand.item(1)["wrong_pins"] == 0


def test_caps_hold_back_a_member_and_a_device_for_a_day(brand: Brand) -> None:
    brand.offer(1, member=2, device=3)
    ann, bob = brand.shop.enrol(), brand.shop.enrol()
    brand.claim(ann, 0)
    brand.claim(ann, 1)
    with pytest.raises(ClaimCapReached) as full:
        brand.claim(ann, 2)
    assert full.value.cap == "member"
    brand.claim(bob, 2)
    with pytest.raises(ClaimCapReached) as same:
        brand.claim(bob, 3)
    assert same.value.cap == "device"
    assert brand.claim(bob, 3, device="another").points == 1
    brand.shop.clock.forward(days=1)
    assert brand.claim(ann, 4).points == 1


def test_what_comes_back_is_void_for_ever_and_its_points_go_back(brand: Brand) -> None:
    brand.offer(5)
    ann = brand.shop.enrol()
    tea = line("1", 1_000, quantity=2) | {"gtin": GTIN[1:]}
    sale = bytes.fromhex(brand.shop.sell(ann, tea)["sale_id"])
    brand.claim(ann)
    before = brand.shop.balance(ann, 1)
    with pytest.raises(ItemNotOfSale):
        brand.take_back(sale=sale, at=FUEL)
    with pytest.raises(ItemNotOfSale):
        brand.take_back(at=FUEL)
    assert brand.take_back(sale=sale) == TakenBack("GROC", 0, 5, 0)
    assert (brand.shop.balance(ann, 1), brand.item()["state"]) == (before - 5, "void")
    with pytest.raises(ItemNotReturnable):
        brand.take_back(sale=sale)
    with pytest.raises(ItemClaimed):
        brand.claim(ann)
    # One that nobody claimed is void too, and the sale had two.
    assert brand.take_back(1, sale=sale) == TakenBack()
    with pytest.raises(ItemNotClaimable):
        brand.claim(ann, 1)
    with pytest.raises(ItemNotOfSale):
        brand.take_back(2, sale=sale)


def test_points_that_are_spent_already_become_a_debt(brand: Brand) -> None:
    brand.offer(50)
    ann = brand.shop.enrol()
    brand.claim(ann)
    brand.shop.sell(ann, line("1", 1_000), spend=[{"programme": "GROC", "points": 30}])
    there = brand.shop.balance(ann, 1)
    taken = brand.take_back()
    assert (taken.available, taken.debt) == (there, 50 - there)


def test_a_claim_and_an_end_are_told_to_the_registry_of_an_anchored_batch(brand: Brand) -> None:
    brand.offer(5)
    ann, bob = brand.shop.enrol(), brand.shop.enrol()
    brand.claim(bob, 1)
    assert brand.shop.count("beside_intent") == 0
    with brand.shop.database.begin() as conn:
        row = {"batch_no": brand.stock.batch_no, "root": ROOT, "count": 10, "op_id": bytes(16)}
        conn.execute(insert(trace_root).values(**row, made_at=brand.shop.clock.at))
    brand.claim(ann)
    brand.shop.clock.forward(seconds=1)
    brand.take_back()
    with brand.shop.database.read() as conn:
        rows = conn.execute(select(beside_intent).order_by(beside_intent.c.created_at)).mappings().all()
    claimed, voided = (CODEC.read(row["payload"]) for row in rows)
    assert isinstance(claimed, ClaimItem)
    assert (claimed.root, claimed.index, claimed.account, claimed.merchant) == (ROOT, 0, ann.account, GROCER)
    assert isinstance(voided, VoidItem)
    assert (voided.root, voided.index) == (ROOT, 0)


def test_a_recall_ends_claims_and_lists_who_claimed_and_what_was_issued(brand: Brand) -> None:
    brand.offer(5)
    ann, bob = brand.shop.enrol(), brand.shop.enrol()
    brand.claim(ann)
    brand.claim(bob, 1)
    brand.take_back(1)
    with brand.shop.database.begin() as conn:
        first = recall_batch(conn, brand.stock.batch_no, GROCER, brand.shop.clock.at)
        assert recall_batch(conn, brand.stock.batch_no, GROCER, first + timedelta(1)) == first
    with pytest.raises(ItemNotClaimable):
        brand.claim(ann, 2)
    with brand.shop.database.read() as conn:
        found = claims_of_batch(conn, brand.stock.batch_no, None, 10)
        sums = points_of_batch(conn, brand.stock.batch_no)
    assert [(row["member_number"], row["state"], row["issue"]) for row in found] == [
        (ann.number, "activated", "queued"), (bob.number, "void", "queued"),
    ]  # fmt: skip
    assert [(row["claims"], row["points"], row["voided"]) for row in sums] == [(2, 10, 1)]


def test_who_takes_over_a_members_account_gives_back_for_its_items(brand: Brand) -> None:
    brand.offer(5)
    ann, bob = brand.shop.enrol(), brand.shop.enrol()
    brand.claim(ann)
    with brand.shop.database.begin() as conn:
        follow_merge(conn, Merge(ann.member_id, bob.member_id, brand.shop.clock.at))
    # Bob's lots are as they were here: what he has not got he owes.
    assert brand.take_back() == TakenBack("GROC", 0, 0, 5)


def test_terms_are_versions_and_of_the_brands_own_programme(brand: Brand) -> None:
    brand.offer(5, member=1)
    brand.offer(0)
    with brand.shop.database.read() as conn:
        terms = find_terms(conn, GTIN)
    assert terms is not None
    assert (terms.version, terms.points) == (2, 0)
    with pytest.raises(MalformedField):
        brand.offer(5, programme="FUEL")
    with pytest.raises(ClaimNotOffered):
        brand.claim(brand.shop.enrol())


def test_many_who_know_the_pin_claim_at_once_and_one_has_it(database: Database) -> None:
    shop, other = Shop(database), Shop(database, "w2")
    shop.found()
    other.catalogue.refresh()
    brand = Brand(shop, other)
    brand.offer(5)
    phones = [shop.enrol() for _ in range(8)]

    calls = [partial(brand.rooms[n % 2].claim, brand.request(phone)) for n, phone in enumerate(phones)]
    found = at_once(*calls)
    assert [type(one) for one in found].count(Claimed) == 1
    assert [type(one) for one in found].count(ItemClaimed) == 7
    assert sum(shop.balance(phone, 1) for phone in phones) == 5
    with database.read() as conn:
        assert len(conn.execute(select(trace_claim)).all()) == 1
    shop.close()
    other.close()
