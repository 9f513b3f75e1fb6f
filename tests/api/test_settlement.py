"""Settlement periods over HTTP: who sees which nets and lines, pages, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from ledger_service.api.ports import NetWord
from ledger_service.chain import models as m
from ledger_service.chain import standings
from ledger_service.kernel.gs1 import gln_text, with_check_digit
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg
from ledger_service.kernel.settlement_words import Held
from ledger_service.settlement.errors import SettlementNotOffered
from tests.api.service import FUEL, GROCER, Shop
from tests.api.test_administration import with_phone
from tests.api.test_pages import all_pages

PERIODS = "/v1/settlement/periods"
THIRD = with_check_digit("952010000090")
OPERATIONS = 7
MICROS = 950_000


def redemption(batch: int, position: int) -> dict[str, Any]:
    """A hundred of the grocer's points at the fuel station, as the mirror keeps the event."""
    head = batch << 192 | position << 160 | int(FUEL) << 96
    words = [head, 0, 0, 0, 0, 0, 1, Leg(1, 1, 1, 100).word()]
    data = b"".join(word.to_bytes(32, "big") for word in words)
    return {"batch": batch, "position": position, "op_id": bytes(16), "kind": int(Kind.REDEEM),
            "account": bytes(20), "leaf": bytes(32), "data": data}  # fmt: skip


def settled(shop: Shop) -> None:
    """Period 1 holds seven redemptions in two batches and is closed; period 2 is open and holds one."""
    shop.must("operator", "/v1/merchants", {"merchant": THIRD, "name": "third"})
    shop.keys["third"] = shop.key_for("merchant", THIRD)
    places = [(1, i) for i in range(4)] + [(2, i) for i in range(3)] + [(3, 0)]
    terms = {"effective_from": 0, "issuance_cap": 1, "validity_epochs": 1, "block_number": 1}
    worth = {"version": 1, "point_value_micros": 10_000, "fee_bps": 500}
    batches = [(1, 1, 4), (2, 1, 3), (3, 2, 1)]
    nets = [(1, GROCER, -OPERATIONS * MICROS), (1, FUEL, OPERATIONS * MICROS), (2, GROCER, -MICROS),
            (2, FUEL, MICROS)]  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        one = {"id": 1, "number": 9, "hash": bytes(32), "parent_hash": bytes(32), "final_number": 9}
        conn.execute(insert(m.chain_cursor).values(one))
        programme = {"programme_id": 1, "issuer": int(GROCER), "token": bytes(20), "block_number": 1}
        conn.execute(insert(m.chain_programme).values(programme))
        conn.execute(insert(m.chain_terms).values(programme_id=1, **worth, **terms))
        conn.execute(insert(m.chain_period).values(period=1, last_batch=2, block_number=8))
        block = {"number": 8, "hash": b"\x08" * 32, "parent_hash": bytes(32), "timestamp": 9, "base_fee": 0}
        conn.execute(insert(m.chain_block).values(block))
        for number, period, count in batches:
            row = {"number": number, "period": period, "count": count, "block_number": number}
            conn.execute(insert(m.chain_applied).values(root=bytes([number]) * 32, **row))
        conn.execute(insert(m.chain_operation), [redemption(*place) for place in places])
        conn.execute(insert(m.chain_net), [
            {"period": period, "merchant": int(merchant), "net_micros": net} for period, merchant, net in nets
        ])  # fmt: skip


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_parties_and_auditors_page_through_the_lines_and_others_see_none(any_shop: Shop, limit: int) -> None:
    settled(any_shop)
    for who in ("grocer", "fuel", "operator", "auditor"):
        rows = all_pages(any_shop, who, f"{PERIODS}/1/lines", "lines", limit)
        places = [(row["batch"], row["position"], row["leg"]) for row in rows]
        assert places == sorted(set(places))
        assert len(places) == OPERATIONS
        assert all(row["root"] == f"{row['batch']:02x}" * 32 for row in rows)
        assert {(row["debtor"], row["creditor"], row["owed_micros"]) for row in rows} == {
            (GROCER, FUEL, str(MICROS))
        }
    assert any_shop.get("third", f"{PERIODS}/1/lines").json == {"lines": [], "next_cursor": None}


def test_a_merchant_of_few_lines_finds_them_behind_pages_without_any(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(shop)
    monkeypatch.setattr("ledger_service.chain.periods._MOST_READ", 2)
    first = shop.get("third", f"{PERIODS}/1/lines").json
    assert (first["lines"], first["next_cursor"] is None) == ([], False)
    assert len(all_pages(shop, "fuel", f"{PERIODS}/1/lines", "lines", 200)) == OPERATIONS


def test_nets_of_a_closed_period_are_told_to_all_and_of_an_open_one_to_each_its_own(any_shop: Shop) -> None:
    settled(any_shop)
    rows = all_pages(any_shop, "grocer", PERIODS, "periods", 1)
    assert rows == [{"period": 1, "state": "final"}, {"period": 2, "state": "open"}]
    for who in ("third", "auditor", "operator"):
        nets = any_shop.get(who, f"{PERIODS}/1").json["nets"]
        assert {net["merchant"]: int(net["net_micros"]) for net in nets} == {
            GROCER: -OPERATIONS * MICROS, FUEL: OPERATIONS * MICROS,
        }  # fmt: skip
    open_now = {who: any_shop.get(who, f"{PERIODS}/2").json["nets"] for who in ("third", "fuel", "auditor")}
    assert open_now["third"] == []
    assert open_now["fuel"] == [{"merchant": gln_text(int(FUEL)), "net_micros": str(MICROS)}]
    assert len(open_now["auditor"]) == 2


def test_a_close_that_a_reorganisation_could_undo_is_not_final(shop: Shop) -> None:
    settled(shop)
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(m.chain_cursor).values(final_number=7))
    assert shop.get("grocer", f"{PERIODS}/1").json["state"] == "closed"


@pytest.mark.parametrize("path", [PERIODS, f"{PERIODS}/1", f"{PERIODS}/1/lines"])
def test_tills_and_members_see_nothing_of_it(shop: Shop, path: str) -> None:
    settled(shop)
    member = shop.key_for("member", with_phone(shop)["number"])
    for who in ("grocer-till", member):
        assert (shop.get(who, path).status_code, shop.get(who, path).json["code"]) == (403, "scope-missing")
    assert shop.get("nobody", path).status_code == 401


def test_a_period_that_has_not_begun_and_a_strange_cursor_are_refused(shop: Shop) -> None:
    settled(shop)
    for period in ("0", "3", "4294967295"):
        for path in (f"{PERIODS}/{period}", f"{PERIODS}/{period}/lines"):
            answer = shop.get("grocer", path)
            assert (answer.status_code, answer.json["code"]) == (404, "settlement-period-unknown")
    assert shop.get("grocer", f"{PERIODS}/one").status_code == 400
    mine = shop.get("grocer", f"{PERIODS}/1/lines?limit=1").json["next_cursor"]
    answer = shop.get("third", f"{PERIODS}/1/lines?cursor={mine}")
    assert (answer.status_code, answer.json["code"]) == (400, "cursor-refused")


STANDING = {
    "period": 1, "statements": "0x" + "ab" * 32, "until": "2017-04-08T00:00:00Z", "root": None,
    "merchants": [
        {"merchant": GROCER, "net_micros": -MICROS, "net_minor": -95, "confirmed": False},
        {"merchant": FUEL, "net_micros": MICROS, "net_minor": 95, "confirmed": True},
    ],
    "disputes": [{"debtor": GROCER, "creditor": FUEL, "held_micros": 5, "open": True,
                  "deadline": "2017-05-08T00:00:00Z"}],
    "payouts": [{"payer": GROCER, "payee": FUEL, "minor": 95, "paid": False, "from_reserve": False}],
}  # fmt: skip


def published(shop: Shop) -> None:
    """Period 1 is published, as the leading bridge has read it from the desk."""
    settled(shop)
    with shop.serving.foundations.database.begin() as conn:
        standings.note(conn, 1, 9, STANDING)


def test_everybody_sees_the_published_totals_and_only_parties_their_disputes(any_shop: Shop) -> None:
    published(any_shop)
    for who, parts in (("grocer", 1), ("operator", 1), ("third", 0)):
        told = any_shop.get(who, f"{PERIODS}/1/standing").json
        assert [one["net_micros"] for one in told["merchants"]] == [str(-MICROS), str(MICROS)]
        assert (len(told["disputes"]), len(told["payouts"]), told["payouts_total"]) == (parts, parts, 1)
    assert any_shop.get("grocer", f"{PERIODS}/2/standing").json["code"] == "period-not-published"


def test_a_merchant_confirms_once_by_custody_or_by_its_own_signature(shop: Shop) -> None:
    published(shop)
    body = {"merchant": GROCER, "net_micros": str(-MICROS)}
    path = f"{PERIODS}/1/confirmations"
    first = shop.post("grocer", path, body, key="c1")
    assert (first.status_code, shop.post("grocer", path, body, key="c1").json) == (201, first.json)
    word = NetWord(1, int(GROCER), -MICROS, b"\xab" * 32)
    assert shop.registry.acts[-1] == ("confirm", word, None)
    signed = {**body, "signature": "0x" + "01" * 65}
    assert shop.post("operator", path, signed).status_code == 201
    assert shop.registry.acts[-2:] == [("confirm", word, None), ("confirm", word, b"\x01" * 65)]


@pytest.mark.parametrize(
    ("who", "change", "code"),
    [
        ("fuel", {}, "not-yours"),
        ("operator", {}, "not-yours"),
        ("grocer", {"net_micros": "1.5"}, "malformed-field"),
        ("grocer", {"signature": "0x12"}, "malformed-field"),
        ("grocer", {"merchant": "123"}, "malformed-field"),
    ],
)
def test_words_of_others_and_malformed_ones_reach_no_chain(
    shop: Shop, who: str, change: dict[str, Any], code: str
) -> None:
    published(shop)
    before = list(shop.registry.acts)
    body = {"merchant": GROCER, "net_micros": str(-MICROS), **change}
    assert shop.post(who, f"{PERIODS}/1/confirmations", body).json["code"] == code
    assert shop.registry.acts == before


def test_a_dispute_is_the_word_of_one_of_the_two(shop: Shop) -> None:
    published(shop)
    body = {"merchant": FUEL, "debtor": GROCER, "creditor": FUEL, "held_micros": "5", "evidence": "cd" * 32}
    assert shop.post("fuel", f"{PERIODS}/1/disputes", body).status_code == 201
    held = Held(1, int(GROCER), int(FUEL), int(FUEL), 5, b"\xcd" * 32)
    assert shop.registry.acts[-1] == ("dispute", held, None)
    third = {**body, "merchant": THIRD}
    assert shop.post("third", f"{PERIODS}/1/disputes", third).json["code"] == "malformed-field"
    assert shop.post("fuel", f"{PERIODS}/2/disputes", body).json["code"] == "period-not-published"


def test_an_alliance_without_a_desk_says_so(shop: Shop) -> None:
    published(shop)
    shop.registry.refusal = SettlementNotOffered()
    body = {"merchant": GROCER, "net_micros": str(-MICROS)}
    assert shop.post("grocer", f"{PERIODS}/1/confirmations", body).json["code"] == "settlement-not-offered"
