"""Owners of stores over HTTP: registered, set from an instant on, never in a closed period."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from ledger_service.chain.models import chain_block, chain_period
from ledger_service.checkout.models import idempotency
from ledger_service.kernel.clock import parse_instant, seconds_floor
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop
from tests.api.test_pages import all_pages

SET = f"/v1/stores/{GROCER_STORE}/owners"
EARLIEST = {"earliest": "2017-02-15T00:00:00Z"}
IBAN = "GB82 WEST 1234 5698 7654 32"


def person(**more: Any) -> dict[str, Any]:
    return {"merchant": GROCER, "name": "Ann 有限公司", "tax_number": "12345678", "iban": IBAN} | more


def owners_of(shop: Shop) -> list[str]:
    local = {"iban": None, "bank_code": "004-1234".replace("-", ""), "account_number": "0123456789"}
    bodies = (person(), person(name="Ben", **local))
    return [str(shop.must("grocer", "/v1/owners", body)["owner"]) for body in bodies]


def halves(owners: list[str], since: str = "2017-03-01T00:00:00Z") -> dict[str, Any]:
    return {"effective_from": since, "owners": [{"owner": o, "share_bps": 5_000} for o in owners]}


def code(shop: Shop, body: dict[str, Any], who: str = "grocer", path: str = SET) -> str:
    return str(shop.post(who, path, body).json["code"])


def test_a_merchant_registers_owners_and_sets_whose_its_store_is(any_shop: Shop) -> None:
    shop = any_shop
    owners = owners_of(shop)
    assert shop.must("grocer", SET, halves(owners), key="once")["store"] == GROCER_STORE
    assert shop.must("grocer", SET, halves(owners), key="once")["store"] == GROCER_STORE
    rows = all_pages(shop, "operator", SET, "owners", 1)
    assert [row["share_bps"] for row in rows] == [5_000, 5_000]
    assert {row["set_by"] for row in rows} == {f"merchant:{GROCER}"}
    listed = all_pages(shop, "grocer", "/v1/owners", "owners", 1)
    assert sorted(row["owner"] for row in listed) == sorted(owners)
    # The bank account itself is told to nobody.
    assert {row["account"] for row in listed} == {"…5432", "…6789"}
    later = {"effective_from": "2017-04-01T00:00:00Z", "owners": [{"owner": owners[0], "share_bps": 10_000}]}
    shop.must("operator", SET, later)
    assert len(all_pages(shop, "auditor", SET, "owners")) == 3
    assert code(shop, later) == "owners-known"


def test_what_is_wrong_changes_nothing(shop: Shop) -> None:
    owners = owners_of(shop)
    stranger = str(shop.must("operator", "/v1/owners", person(merchant=FUEL))["owner"])
    assert code(shop, halves([owners[0], stranger])) == "owner-unknown"
    assert code(shop, halves(owners[:1])) == "owner-shares-not-whole"
    assert code(shop, halves([owners[0], owners[0]])) == "owner-shares-not-whole"
    assert code(shop, halves(owners, "yesterday")) == "malformed-field"
    assert code(shop, halves(owners), "fuel") == "not-yours"
    assert code(shop, halves(owners), path="/v1/stores/4006381333115/owners") == "store-unknown"
    assert shop.get("grocer", SET).json["owners"] == []
    assert shop.get("fuel", SET).json["code"] == "not-yours"
    assert [row["owner"] for row in shop.get("fuel", "/v1/owners").json["owners"]] == [stranger]


@pytest.mark.parametrize(
    ("more", "refusal"),
    [({"iban": "GB83 WEST 1234 5698 7654 32"}, "malformed-field"), ({"iban": None}, "malformed-field"),
     ({"name": ""}, "malformed-field"), ({"merchant": FUEL}, "not-yours")],
)  # fmt: skip
def test_a_legal_person_that_is_none_is_refused(shop: Shop, more: dict[str, Any], refusal: str) -> None:
    assert code(shop, person(**more), path="/v1/owners") == refusal
    assert shop.get("grocer", "/v1/owners").json["owners"] == []


def test_a_cashier_sets_no_owner_and_an_unknown_merchant_has_none(shop: Shop) -> None:
    assert code(shop, person(), "grocer-till", "/v1/owners") == "scope-missing"
    unknown = person(merchant="4006381333115")
    assert code(shop, unknown, "operator", "/v1/owners") == "merchant-unknown"


def test_owners_never_begin_in_a_closed_period(shop: Shop) -> None:
    owners = owners_of(shop)
    closed_at = seconds_floor(parse_instant("2017-02-15T00:00:00Z", "at"))
    with shop.serving.foundations.database.begin() as conn:
        block = {"number": 9, "hash": b"\x01" * 32, "parent_hash": bytes(32), "timestamp": closed_at}
        conn.execute(chain_block.insert().values(**block, base_fee=0))
        conn.execute(chain_period.insert().values(period=1, last_batch=0, block_number=9))
    answer = shop.post("grocer", SET, halves(owners, "2017-02-14T23:59:59Z"))
    assert (answer.json["code"], answer.json["params"]) == ("owners-backdated", EARLIEST)
    shop.must("grocer", SET, halves(owners, "2017-02-15T00:00:00Z"))


def test_no_record_tells_an_account_by_trying(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.must("grocer", "/v1/owners", person(iban=IBAN.replace(" ", "")), key="k")
    assert "WEST12345698765432" not in capfd.readouterr().err
    with shop.serving.foundations.database.read() as conn:
        kept = conn.execute(select(idempotency).where(idempotency.c.key == "k")).one()
    plain = orjson.dumps(person(iban=IBAN.replace(" ", "")), option=orjson.OPT_SORT_KEYS)
    assert kept.body_hash != sha256(b"POST /v1/owners\n" + plain).digest()
    assert b"WEST" not in kept.response
