"""Coupons as prizes over HTTP, from the batch that promises them to the wallet, the return, and the proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.jobs import open_jobs
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import trace_batch
from ledger_service.traceability.goods.service import items_of
from ledger_service.traceability.prizes.queries import OPENED_AFTER
from ledger_service.traceability.prizes.rules import Beacon
from ledger_service.traceability.prizes.service import set_block
from ledger_service.traceability.proofs.pool_bundle import read_pool_bundle
from ledger_service.traceability.proofs.pool_rules import PoolWord, judge_pool
from ledger_service.traceability.proofs.rules import BatchWord, DrawWord
from tests.api.service import GROCER, NOON, Shop
from tests.api.test_coupons import offer, person
from tests.api.test_prizes import GTIN, PRODUCT, anchor, code_of, drawing

__all__ = ["drawing"]
pytestmark = pytest.mark.usefixtures("drawing")
ENDS, BLOCK = NOON + timedelta(days=9), Beacon(7, b"\x09" * 32)


class Tea:
    """A batch of which each item wins the coupon, on the chain, and a member who claims."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.coupon, self.wallet = f"D{offer(shop)}", person(shop, "anna")
        self.member = shop.keys["anna-number"]
        shop.must("grocer", "/v1/products", PRODUCT)
        shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", {"programme": "GROC", "points": 5})
        pool = {"programme": "GROC", "ends_at": format_instant(ENDS),
                "prizes": [{"name": "ten off", "count": 5, "coupon": self.coupon}]}  # fmt: skip
        body = {"lot": "L1", "size": 5, "prizes": pool}
        self.number = shop.must("grocer", f"/v1/products/{GTIN}/batches", body)["batch"]
        anchor(shop, self.number)
        with shop.serving.foundations.database.read() as conn:
            self.serials = [serial for *_, serial in items_of(conn, self.number)]
            seed = conn.execute(select(trace_batch.c.seed)).scalar_one()
        self.key = codes.batch_key(shop.serving.secrets.one_time, seed)

    def code(self, index: int) -> str:
        return f"https://id.gs1.org/01/{GTIN}/21/{self.serials[index]}"

    def claim(self, index: int) -> dict[str, Any]:
        body = {"code": self.code(index), "pin": codes.pin_of(self.key, index), "channel": "app"}
        return self.shop.must("operator", f"/v1/members/{self.member}/item-claims", body)

    def draw(self) -> None:
        with self.shop.serving.foundations.database.begin() as conn:
            set_block(conn, self.number, BLOCK, parse_instant(self.shop.at, "at"))

    def give(self) -> None:
        """As the bridge does it."""
        jobs = open_jobs(self.shop.serving.foundations, self.shop.serving.secrets)
        jobs.steps()["prizes"]()
        jobs.close()

    def claims(self) -> list[dict[str, Any]]:
        found = self.shop.get("operator", f"/v1/members/{self.member}/item-claims").json["claims"]
        return [one["prize"] for one in found]

    def tallied(self) -> tuple[int, int]:
        (prize,) = self.shop.client.get(f"/v1/batches/{self.number}/prizes").json["prizes"]
        assert prize["coupon"]["code"] == self.coupon
        return prize["given"], prize["stopped"]


@pytest.fixture
def tea(shop: Shop) -> Tea:
    return Tea(shop)


def test_a_won_coupon_is_in_the_wallet_and_goes_back_with_its_item(tea: Tea) -> None:
    shop = tea.shop
    assert [tea.claim(index)["in_draw"] for index in (0, 1)] == [True, True]
    assert tea.claims() == [{"state": "waiting", "points": None, "coupon": None}] * 2
    tea.draw()
    for _ in range(2):
        tea.give()
        assert tea.tallied() == (2, 0)
    won = tea.claims()
    assert [(one["state"], one["points"]) for one in won] == [("given", 0)] * 2
    held = {one["coupon"]: one["state"] for one in shop.get("anna", tea.wallet).json["coupons"]}
    assert held == {one["coupon"]: "available" for one in won}
    back = shop.must("grocer", "/v1/item-returns", {"code": tea.code(0)})
    assert (back["available"], back["prize"]["coupon"]) == (5, "void")
    assert tea.claims()[0]["state"] == "void"
    held = {one["coupon"]: one["state"] for one in shop.get("anna", tea.wallet).json["coupons"]}
    assert held.pop(won[0]["coupon"], "void") == "void"
    assert held == {won[1]["coupon"]: "available"}


def test_a_withdrawn_coupon_stops_its_prizes_and_the_operator_sees_it(tea: Tea) -> None:
    shop = tea.shop
    tea.claim(0)
    path = f"/v1/merchants/{GROCER}/coupon-definitions/{tea.coupon}/withdrawal"
    assert shop.post("grocer", path, {}).status_code == 200
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(coupon_definition.c.withdrawn_at)).scalar_one() is not None
    tea.draw()
    tea.give()
    assert tea.claims() == [{"state": "stopped", "points": None, "coupon": None}]
    assert tea.tallied() == (0, 1)
    alarms = shop.get("operator", "/v1/chain/status").json["alarms"]
    assert [(one["code"], one["subject"]) for one in alarms] == [("prize-stopped", str(tea.number))]


def test_an_opened_draw_of_coupons_agrees_with_the_chain_and_lies_about_it_do_not(tea: Tea) -> None:
    shop = tea.shop
    tea.claim(0)
    tea.draw()
    tea.give()
    path = f"/v1/batches/{tea.number}/prizes/proof"
    assert shop.client.get(path).json["winners"] is None
    shop.at = format_instant(ENDS + OPENED_AFTER)
    shop.get("grocer", "/v1/products")
    raw = shop.client.get(path).data
    bundle = read_pool_bundle(raw)
    assert [(one.state, one.points) for one in bundle.winners or ()] == [
        ("given", 0), *[("unclaimed", None)] * 4]  # fmt: skip
    assert bundle.pool.decode().count(tea.coupon) == 1
    batch = BatchWord(int(GROCER), int(GTIN), 5, claimed=False, void=False, of_lot=True)
    stamps = 1_488_000_000, 1_487_000_000
    word = PoolWord(batch, DrawWord(6, BLOCK.hash, stamps), {0: (True, False)})
    assert judge_pool(bundle, word) == []
    for lie, code in ((raw.replace(b'"given"', b'"unclaimed"'), "prize-withheld"),
                      (raw.replace(tea.coupon.encode(), b"D0"), "prize-pool-differs")):  # fmt: skip
        assert {one.code for one in judge_pool(read_pool_bundle(lie), word)} == {code}
    stopped = read_pool_bundle(raw.replace(b'"given"', b'"stopped"'))
    assert judge_pool(stopped, word) == []


def test_what_is_no_coupon_of_the_brand_is_no_prize(tea: Tea) -> None:
    shop, path = tea.shop, f"/v1/products/{GTIN}/batches"
    pool = {"programme": "GROC", "ends_at": format_instant(ENDS)}
    for prize, told in (
        ({"coupon": "NONE"}, (404, "coupon-definition-unknown")),
        ({"coupon": tea.coupon, "points": 5}, (400, "malformed-field")),
        ({}, (400, "malformed-field")),
    ):
        body = {"lot": "L2", "size": 5, "prizes": pool | {"prizes": [{"name": "a", "count": 1} | prize]}}
        assert code_of(shop.post("grocer", path, body)) == told
