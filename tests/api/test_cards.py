"""Cards over HTTP: made, imported, bound, lost, replaced; the number earns at the till and stands nowhere."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ledger_service.db.schema import whole_metadata
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.members.cards.rules import MOST_CARDS_OF_MEMBER, luhn_digit
from tests.api.service import FUEL, FUEL_STORE, GROCER, Shop, basket
from tests.api.test_pages import all_pages
from tests.api.without_phone import PHONE, card_of, enrol, later


def earn(shop: Shop, **member: str) -> int:
    answer = shop.must("grocer-till", "/v1/sales", basket(amount=1_000, member=member))
    return int(answer["earned"][0]["points"])


def test_a_card_or_a_phone_number_is_enough_to_earn_at_any_merchant(any_shop: Shop) -> None:
    number = enrol(any_shop, identities=[{"kind": "phone", "value": PHONE}])
    card = card_of(any_shop, number)
    assert (len(card), card[0], int(card[-1])) == (16, "9", luhn_digit(card[:-1]))
    assert earn(any_shop, card=card) == earn(any_shop, phone="+1 415 555 0123") == 10
    assert earn(any_shop, card=f"{card[:4]} {card[4:]}") == 10
    body = basket(FUEL_STORE, 1_000, member={"card": card})
    assert any_shop.must("fuel-till", "/v1/sales", body)["earned"][0]["programme"] == "FUEL"
    quoted = any_shop.must("grocer-till", "/v1/quotes", basket(amount=1_000, member={"card": card}))
    assert (quoted["earned"][0]["points"], quoted["payable"]) == (10, [])


def test_a_card_alone_pays_nothing(shop: Shop) -> None:
    card = card_of(shop, enrol(shop))
    body = basket(member={"card": card}, spend=[{"programme": "GROC", "points": 1}])
    assert shop.post("grocer-till", "/v1/sales", body).json["code"] == "malformed-field"
    for member in ({"card": card, "number": "9" * 18}, {"phone": PHONE, "pin": "2580"}, {}, {"card": "1"}):
        answer = shop.post("grocer-till", "/v1/sales", basket(member=member))
        assert answer.json["code"] == "malformed-field"


def test_a_lost_card_fails_at_once_and_its_successor_serves(shop: Shop) -> None:
    number = enrol(shop)
    old, other = card_of(shop, number), card_of(shop, number)
    new = shop.must("grocer", "/v1/card-batches", {"merchant": GROCER, "count": 1})["numbers"][0]
    ids = {c["tail"]: c["card_id"] for c in shop.get("operator", f"/v1/members/{number}/cards").json["cards"]}
    path = f"/v1/members/{number}/cards/lost"
    told = shop.must("grocer", path, {"card_id": ids[old[-4:]], "new_card": new})
    assert (told["ended"], told["card"]["tail"]) == (1, new[-4:])
    assert shop.post("grocer-till", "/v1/sales", basket(member={"card": old})).json["code"] == "card-ended"
    assert shop.post("grocer", "/v1/members/identify", {"kind": "card", "value": old}).status_code == 404
    assert earn(shop, card=new) == earn(shop, card=other) == 10
    assert shop.must("grocer", path, {})["ended"] == 2
    listed = shop.get("operator", f"/v1/members/{number}/cards").json["cards"]
    assert {c["reason"] for c in listed} == {"replaced", "lost"}
    again = shop.post("grocer", path, {"card_id": ids[old[-4:]]})
    assert (again.status_code, again.json["code"]) == (404, "card-unknown")


def test_a_card_serves_one_member_in_its_life(shop: Shop) -> None:
    one, two = enrol(shop), enrol(shop)
    card = card_of(shop, one)
    shop.must("grocer", f"/v1/members/{one}/cards/lost", {})
    for number in (one, two):
        answer = shop.post("grocer", f"/v1/members/{number}/cards", {"card": card})
        assert (answer.status_code, answer.json["code"]) == (409, "card-taken")
    kept = card_of(shop, two)
    shop.must("operator", f"/v1/members/{two}/erase")
    answer = shop.post("grocer", f"/v1/members/{one}/cards", {"card": kept})
    assert answer.json["code"] == "card-taken"
    sold = shop.post("grocer-till", "/v1/sales", basket(member={"card": kept}))
    assert sold.json["code"] == "member-unknown"


def test_a_merchant_gives_out_its_own_cards_only_and_a_member_has_a_few(shop: Shop) -> None:
    number = enrol(shop)
    foreign = shop.must("fuel", "/v1/card-batches", {"merchant": FUEL, "count": 1})["numbers"][0]
    for card in (foreign, "9000000000000005"):
        answer = shop.post("grocer", f"/v1/members/{number}/cards", {"card": card})
        assert (answer.status_code, answer.json["code"]) == (404, "card-unknown")
    assert shop.post("grocer", "/v1/card-batches", {"merchant": FUEL, "count": 1}).json["code"] == "not-yours"
    for _ in range(MOST_CARDS_OF_MEMBER):
        card_of(shop, number)
    last = shop.must("grocer", "/v1/card-batches", {"merchant": GROCER, "count": 1})["numbers"][0]
    answer = shop.post("grocer", f"/v1/members/{number}/cards", {"card": last})
    assert answer.json["code"] == "card-limit-reached"


def test_printed_numbers_are_taken_over_with_their_own_check_digit(shop: Shop) -> None:
    luhn = "636000123" + str(luhn_digit("636000123"))
    gs1, free = with_check_digit("26000012345"), "VIP-0001"
    for numbers, check in (([luhn], "luhn"), ([gs1], "gs1"), ([free], "none")):
        body = {"merchant": GROCER, "numbers": numbers, "check_digit": check}
        assert shop.must("grocer", "/v1/card-batches", body)["numbers"] == numbers
    number = enrol(shop)
    shop.must("grocer", f"/v1/members/{number}/cards", {"card": "vip-0001"})
    assert earn(shop, card="vip 0001".replace(" ", "-")) == 10
    wrong = {"merchant": GROCER, "numbers": [luhn[:-1] + str((int(luhn[-1]) + 1) % 10)]}
    assert shop.post("grocer", "/v1/card-batches", wrong).json["code"] == "malformed-field"
    known = {"merchant": GROCER, "numbers": ["9000000000000018", luhn], "check_digit": "none"}
    answer = shop.post("grocer", "/v1/card-batches", known)
    assert (answer.json["code"], answer.json["params"]["position"]) == ("card-known", 1)
    for body in ({}, {"count": 2, "numbers": [free]}):
        refused = shop.post("grocer", "/v1/card-batches", {"merchant": GROCER, **body})
        assert refused.json["code"] == "malformed-field"


def test_a_retry_shows_the_same_numbers_and_no_table_holds_one(any_shop: Shop) -> None:
    body = {"merchant": GROCER, "count": 5}
    first = any_shop.must("grocer", "/v1/card-batches", body, key="batch")
    assert any_shop.must("grocer", "/v1/card-batches", body, key="batch") == first
    assert len(set(first["numbers"])) == 5
    number = enrol(any_shop)
    any_shop.must("grocer", f"/v1/members/{number}/cards", {"card": first["numbers"][0]})
    earn(any_shop, card=first["numbers"][0])
    assert_nowhere(any_shop, first["numbers"])
    rows = all_pages(any_shop, "grocer", "/v1/cards", "cards")
    assert sorted(row["tail"] for row in rows) == sorted(n[-4:] for n in first["numbers"])
    assert [row["used"] for row in rows].count(True) == 1


def assert_nowhere(shop: Shop, secrets: list[str]) -> None:
    """None of these texts stands in any column of any table."""
    tables = whole_metadata().sorted_tables
    with shop.serving.foundations.database.read() as conn:
        told = [(table.name, row) for table in tables for row in conn.execute(select(table))]
    for name, row in told:
        raw = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
        for secret in secrets:
            assert secret.encode() not in raw, f"{name} holds {secret}"


def test_a_misread_card_is_told_apart_from_an_unknown_one(shop: Shop) -> None:
    card = card_of(shop, enrol(shop))
    misread = card[:-1] + str((int(card[-1]) + 1) % 10)
    answer = shop.post("grocer-till", "/v1/sales", basket(member={"card": misread}))
    assert (answer.json["code"], answer.json["params"]["field"]) == ("malformed-field", "member.card")
    body = "9" + "0" * 14
    answer = shop.post("grocer-till", "/v1/sales", basket(member={"card": body + str(luhn_digit(body))}))
    assert answer.json["code"] == "member-unknown"


def test_the_same_key_serves_the_same_card_only(shop: Shop) -> None:
    number = enrol(shop)
    one, two = card_of(shop, number), card_of(shop, number)
    first = shop.must("grocer-till", "/v1/sales", basket(member={"card": one}), key="k")
    later(shop, minutes=5)
    assert shop.must("grocer-till", "/v1/sales", basket(member={"card": one}), key="k") == first
    other = shop.post("grocer-till", "/v1/sales", basket(member={"card": two}), key="k")
    assert other.json["code"] == "idempotency-key-reused"


@pytest.mark.parametrize("who", ["fuel", "grocer-till"])
def test_cards_of_others_are_not_listed(shop: Shop, who: str) -> None:
    answer = shop.get(who, f"/v1/cards?merchant={GROCER}")
    assert answer.json["code"] in ("not-yours", "scope-missing")
