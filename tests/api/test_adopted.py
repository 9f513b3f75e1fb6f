"""What a till is told that repeats a sale which was adopted from the chain after a restore."""

from __future__ import annotations

from ledger_service.checkout.earning import issue_id
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.points import Leg
from ledger_service.points.adoption import AdoptCommand
from tests.api.service import GROCER, Shop, basket
from tests.api.test_administration import with_phone


def adopt_the_issue_of(shop: Shop, till: str, key: str, account: bytes) -> bytes:
    """As if a sale of the till under this key stood on the chain alone."""
    principal = shop.serving.keyring.identify(shop.keys[till])
    assert principal is not None
    op_id = issue_id(derive_id("sale", principal.subject, key, 0), 1)
    at = parse_instant(shop.at, "at")
    issue = Issue(op_id, int(GROCER), account, seconds_floor(at), 0, Leg(1, 1, 1, 40))
    facts: dict[str, Canonical] = {"batch": 7, "block": 31, "asked_by": "ann", "agreed_by": "ben"}
    assert shop.serving.writer.submit(AdoptCommand(issue, facts, at))
    return op_id


def test_a_till_that_repeats_an_adopted_sale_learns_that_it_stands(any_shop: Shop) -> None:
    shop = any_shop
    member = with_phone(shop)
    account = bytes.fromhex(member["account"][2:])
    op_id = adopt_the_issue_of(shop, "grocer-till", "sale-1", account)
    body = basket(member={"number": member["number"]})
    for _ in range(2):
        told = shop.post("grocer-till", "/v1/sales", body, key="sale-1")
        assert (told.status_code, told.json["code"]) == (409, "operation-adopted")
        assert told.json["params"] == {"operation": id_text(op_id), "batch": 7, "block": 31}
    assert shop.post("grocer-till", "/v1/sales", body, key="sale-2").status_code == 201
