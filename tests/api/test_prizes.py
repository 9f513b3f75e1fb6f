"""Prize pools over HTTP: fixed when a batch is opened, nothing printed before the root, open to everybody."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from ledger_service.kernel.clock import parse_instant
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.traceability.goods.service import Goods
from ledger_service.traceability.prizes.rules import Beacon
from ledger_service.traceability.prizes.service import set_block
from ledger_service.traceability.proofs.commitments import Commitments
from tests.api import service
from tests.api.service import GROCER, Shop
from tests.integration.traceability.stock import GTIN, Seeds

SHARE = "5a" * 32
NAMES = {"en": "Tea", "zh-Hans": "茶", "zh-Hant": "茶"}
PRODUCT = {"gtin": GTIN, "merchant": GROCER, "brand": "Leaf", "names": NAMES}
PRIZES = {
    "programme": "GROC", "ends_at": "2031-01-01T00:00:00Z", "share": sha256(bytes.fromhex(SHARE)).hexdigest(),
    "prizes": [{"name": "茶具", "count": 1, "points": 100}],
}  # fmt: skip


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def opened(shop: Shop, lot: str, **more: Any) -> TestResponse:
    body = {"lot": lot, "size": 5, "prizes": PRIZES | more}
    return shop.post("grocer", f"/v1/products/{GTIN}/batches", body)


def anchor(shop: Shop, number: int) -> None:
    """As the bridge does it: items, their root, and the chain has it."""
    master, at = shop.serving.secrets.one_time, parse_instant(shop.at, "at")
    with shop.serving.foundations.database.begin() as conn:
        Goods(master, Seeds()).make_items(conn, number)
        while Commitments(master).step(conn, number, at):
            pass
        conn.execute(update(beside_intent).values(state="final"))


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alliance has contracts of items."""
    known = replace(service.ALLIANCE, item_registry=b"\x07" * 20, transparency_log=b"\x08" * 20)
    monkeypatch.setattr(service, "ALLIANCE", known)


def test_an_alliance_whose_chain_cannot_draw_opens_no_pool(shop: Shop) -> None:
    shop.must("grocer", "/v1/products", PRODUCT)
    assert code_of(opened(shop, "L1")) == (400, "malformed-field")
    plain = {"lot": "L1", "size": 5}
    assert shop.post("grocer", f"/v1/products/{GTIN}/batches", plain).status_code == 201


@pytest.mark.usefixtures("drawing")
def test_a_pool_is_fixed_with_its_batch_and_shows_where_its_draw_stands(shop: Shop) -> None:
    shop.must("grocer", "/v1/products", PRODUCT)
    assert code_of(opened(shop, "L1", programme="NONE")) == (404, "programme-unknown")
    for odd in ({"programme": "FUEL"}, {"prizes": []}, {"ends_at": "2001-01-01T00:00:00Z"}, {"share": "x"}):
        assert code_of(opened(shop, "L1", **odd))[0] == 400
    number = opened(shop, "L1").json["batch"]
    path = f"/v1/batches/{number}"
    shown = shop.client.get(f"{path}/prizes").json
    assert (shown["state"], shown["lot"], shown["block"]) == ("committed", "L1", None)
    assert shown["prizes"] == [
        {"prize": 1, "name": "茶具", "count": 1, "points": 100, "coupon": None, "given": 0,
         "stopped": 0}
    ]
    assert code_of(shop.client.get(f"{path}/prizes/proof")) == (404, "prize-pool-unknown")
    assert code_of(shop.client.get("/v1/batches/999/prizes")) == (404, "prize-pool-unknown")
    database, at = shop.serving.foundations.database, parse_instant(shop.at, "at")
    with database.begin() as conn:
        Goods(shop.serving.secrets.one_time, Seeds()).make_items(conn, number)
    assert code_of(shop.get("grocer", f"{path}/labels?format=csv")) == (409, "batch-not-anchored")
    anchor(shop, number)
    assert shop.get("grocer", f"{path}/labels?format=csv").status_code == 200
    assert shop.client.get(f"{path}/prizes").json["state"] == "anchored"
    share = {"share": SHARE}
    assert code_of(shop.post("grocer", f"{path}/prize-share", share)) == (409, "prize-share-refused")
    with database.begin() as conn:
        set_block(conn, number, Beacon(7, b"\x09" * 32), at)
    assert shop.client.get(f"{path}/prizes").json["state"] == "share-awaited"
    assert code_of(shop.post("fuel", f"{path}/prize-share", share)) == (404, "batch-unknown")
    assert shop.post("grocer", f"{path}/prize-share", share).json == {"state": "drawn"}
    told = shop.client.get(f"{path}/prizes/proof").json
    assert (told["block"]["share"], told["secret"], told["winners"]) == ("0x" + SHARE, None, None)
    assert shop.client.get(f"{path}/prizes").json["state"] == "drawn"
    item = shop.get("grocer", f"{path}/items").json["items"][0]["serial"]
    proof = shop.get("grocer", f"/v1/items/{GTIN}/{item}/proof").json
    assert (proof["prize"]["slot"], proof["prize"]["state"]) == (None, "")
