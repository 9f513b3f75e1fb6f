"""Items whose claim or return was adopted from the chain after a restore: neither counts a second time."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ledger_service.checkout.items.claim_command import op_id_of
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Clawback, Issue
from ledger_service.kernel.points import Leg
from ledger_service.points.adoption import AdoptCommand
from ledger_service.traceability.claiming.models import trace_claim
from ledger_service.traceability.goods.service import INDEX_BITS
from tests.api.service import GROCER, Shop
from tests.api.test_administration import NEXT_PHONE, with_phone
from tests.api.test_items import GTIN, Shelf, code_of


@pytest.fixture
def shelf(any_shop: Shop) -> Shelf:
    return Shelf(any_shop)


def test_an_item_whose_issue_was_adopted_from_the_chain_earns_no_more(shelf: Shelf) -> None:
    shop = shelf.shop
    shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", {"programme": "GROC", "points": 40})
    finder, other = with_phone(shop), with_phone(shop, NEXT_PHONE)
    at, op_id = parse_instant(shop.at, "at"), op_id_of(shelf.stock.batch_no << INDEX_BITS)
    account = bytes.fromhex(finder["account"][2:])
    issue = Issue(op_id, int(GROCER), account, seconds_floor(at), 0, Leg(1, 1, 1, 40))
    assert shop.serving.writer.submit(AdoptCommand(issue, {"batch": 7, "block": 31}, at))
    body = {"code": shelf.stock.code(0), "pin": shelf.stock.pin(0), "channel": "app"}
    for member, by_you in ((finder, True), (other, False)):
        told = shop.post("operator", f"/v1/members/{member['number']}/item-claims", body)
        assert (code_of(told), told.json["params"]) == ((409, "item-claimed"), {"by_you": by_you})


def adopt_the_return(shelf: Shelf, member: dict[str, str], claim: bytes) -> bytes:
    """The chain's clawback of the item's claim is in the books, as after a restore; its id."""
    shop = shelf.shop
    at, gtin, serial = parse_instant(shop.at, "at"), GTIN, shelf.stock.items[0][1]
    with shop.serving.foundations.database.read() as conn:
        leaf, epoch = conn.execute(select(trace_claim.c.leaf, trace_claim.c.epoch)).one()
    op_id = derive_id("clawback", derive_id("item-return", gtin, serial), 1, 0)
    account = bytes.fromhex(member["account"][2:])
    clawback = Clawback(
        op_id, int(GROCER), account, seconds_floor(at), claim, bytes(leaf), (Leg(1, 1, epoch, 40),)
    )
    assert shop.serving.writer.submit(AdoptCommand(clawback, {"batch": 7, "block": 31}, at))
    return op_id


def test_a_return_that_was_adopted_from_the_chain_takes_nothing_twice_under_any_key(shelf: Shelf) -> None:
    shop = shelf.shop
    shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", {"programme": "GROC", "points": 40})
    member = with_phone(shop)
    body = {"code": shelf.stock.code(0), "pin": shelf.stock.pin(0), "channel": "app"}
    claimed = shop.must("operator", f"/v1/members/{member['number']}/item-claims", body)
    op_id = adopt_the_return(shelf, member, bytes.fromhex(claimed["operation"]))
    for who, key in (("grocer", "back"), ("grocer", "another"), ("grocer-till", "back")):
        told = shop.post(who, "/v1/item-returns", {"code": shelf.stock.code(0)}, key=key)
        assert code_of(told) == (409, "operation-adopted")
        assert told.json["params"] == {"operation": op_id.hex(), "batch": 7, "block": 31}
    balance = shop.get("operator", f"/v1/members/{member['number']}/balance").json
    assert {(p["available"], p["debt"]) for p in balance["balances"]} <= {(0, 0)}
