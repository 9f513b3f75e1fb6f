"""Households over HTTP: joined by each member's own word, rights at the till, privacy between mates."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import GiftPermit, SpendPermit, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import sign_digest
from tests.api.service import ALLIANCE, GROCER_STORE, Shop
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone

OURS, THEIRS = b"\x21" * 32, b"\x22" * 32
ALL = {"spends": "all", "sees_balances": True}
DAY = {"spends": "day", "limit_minor": 500, "sees_balances": False}


@dataclass
class House:
    """Jane's household; ``jane`` and ``joe`` are their own keys, numbers and phones for the household."""

    shop: Shop
    jane: str
    joe: str
    numbers: dict[str, str]
    number: str = ""
    account: str = ""
    counters: Any = field(default_factory=lambda: count(1))

    @property
    def path(self) -> str:
        return f"/v1/households/{self.number}"

    def begin(self) -> None:
        body = {"timezone": "Asia/Taipei", "parting": "own-part", "display_name": "Lin", "own_lane": 1}
        device = new_device(self.shop, OURS)
        begun = f"/v1/members/{self.numbers['jane']}/household"
        self.number = self.shop.must(self.jane, begun, {**body, "device": device})["household"]
        self.account = self.shop.get(self.jane, self.path).json["account"]

    def join(self, rights: dict[str, Any] = ALL, **more: Any) -> None:
        self.shop.must(self.jane, f"{self.path}/invitations", {"member": self.numbers["joe"], **rights})
        device = new_device(self.shop, THEIRS, bytes.fromhex(self.account[2:]), OURS)
        self.shop.must(self.joe, f"{self.path}/acceptance",
                       {"accept": True, "device": device, "own_lane": 1, **more})  # fmt: skip

    def sell(self, key: bytes, amount: int, points: int = 0) -> Any:
        """A sale under the household's code of this phone."""
        lane, at = (1 if key == OURS else 2), seconds_floor(parse_instant(self.shop.at, "at"))
        account = bytes.fromhex(self.account[2:])
        permit = SpendPermit(account, nonce_of(lane, next(self.counters)), 10**9, at + 60)
        code = encode_pay_code(sign_pay_code(key, ALLIANCE.domain, permit))
        line = {"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": amount}
        body: dict[str, Any] = {"store": GROCER_STORE, "currency": "USD", "reference": "r", "lines": [line]}
        body["member"] = {"pay_code": code}
        if points:
            body["spend"] = [{"programme": "GROC", "points": points}]
        return self.shop.post("grocer-till", "/v1/sales", body)

    def gift(self, key: bytes, giver: str, to: str, points: int) -> dict[str, Any]:
        until = seconds_floor(parse_instant(self.shop.at, "at")) + 600
        nonce = nonce_of(1 if key in (PHONE, NEXT_PHONE, OURS) else 2, next(self.counters))
        leg = Leg(1, 1, 2, points)
        permit = GiftPermit(bytes.fromhex(giver[2:]), bytes.fromhex(to[2:]), nonce, until, (leg,))
        signature = "0x" + sign_digest(key, ALLIANCE.domain.digest(permit.struct_hash())).hex()
        leg_body = {"programme_id": 1, "terms_version": 1, "epoch": 2, "amount": points}
        return {"giver": giver, "recipient": to, "legs": [leg_body], "nonce": str(nonce),
                "valid_until": until, "signature": signature}  # fmt: skip

    def rights(self, who: str, rights: dict[str, Any]) -> Any:
        return self.shop.post(who, f"{self.path}/mates/{self.numbers['joe']}/rights", rights)


@pytest.fixture
def house(any_shop: Shop) -> House:
    shop = any_shop
    jane, joe = (
        shop.must("grocer", "/v1/members", {"device": new_device(shop, key), "display_name": name})
        for key, name in ((PHONE, "Jane"), (NEXT_PHONE, "Joe"))
    )
    numbers = {"jane": jane["number"], "joe": joe["number"]}
    keys = [shop.key_for("member", number) for number in numbers.values()]
    house = House(shop, keys[0], keys[1], numbers)
    house.begin()
    return house


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_member_joins_by_its_own_word_and_spends_up_to_its_limit(house: House) -> None:
    shop = house.shop
    house.join(DAY)
    assert house.sell(OURS, 100_000).status_code == 201
    assert house.sell(THEIRS, 400, 4).status_code == 201
    over = house.sell(THEIRS, 1_000, 500)
    assert code_of(over) == (422, "household-limit-reached")
    assert over.json["params"]["left_micros"] == 5_000_000 - 40_000
    assert shop.get(house.jane, house.path).json["balances"][0]["available"] == 999
    seen = shop.get(house.joe, house.path).json
    assert (seen["balances"], len(seen["mates"]), seen["display_name"]) == (None, 2, "Lin")
    assert house.rights(house.jane, {"spends": "none", "sees_balances": True}).status_code == 200
    assert code_of(house.sell(THEIRS, 400, 1)) == (422, "household-spend-refused")
    assert house.sell(THEIRS, 400).status_code == 201
    mine = shop.get(house.joe, f"/v1/members/{house.numbers['joe']}/households").json["households"]
    assert [(m["number"], m["role"], m["state"]) for m in mine] == [(house.number, "mate", "in")]


def test_what_only_the_owner_or_the_invited_may_do_is_refused_to_others(house: House) -> None:
    shop, path = house.shop, house.path
    invitation = {"member": house.numbers["joe"], **ALL}
    assert code_of(shop.get(house.joe, path)) == (404, "household-unknown")
    assert code_of(shop.post(house.joe, f"{path}/invitations", invitation)) == (404, "household-unknown")
    assert code_of(shop.post("operator", f"{path}/invitations", invitation)) == (403, "scope-missing")
    assert code_of(shop.post("operator", f"{path}/acceptance", {"accept": True})) == (403, "scope-missing")
    shop.must(house.jane, f"{path}/invitations", invitation)
    own = shop.post(house.jane, f"{path}/acceptance", {"accept": True})
    assert (code_of(own), own.json["params"]["reason"]) == ((409, "household-conflict"), "not-invited")
    assert [mate["display_name"] for mate in shop.get(house.jane, path).json["mates"]] == ["Jane", None]
    for list_of in ("purchases", "events"):
        assert code_of(shop.get(house.joe, f"{path}/{list_of}")) == (404, "household-unknown")
    shop.must(house.joe, f"{path}/acceptance", {"accept": False})
    assert code_of(shop.get(house.joe, path)) == (404, "household-unknown")
    house.join()
    assert code_of(house.rights(house.joe, ALL)) == (403, "household-right-missing")
    assert code_of(house.rights("operator", ALL)) == (403, "household-right-missing")
    assert code_of(house.rights(house.jane, {**ALL, "limit_minor": 5})) == (400, "malformed-field")
    assert code_of(shop.post(house.joe, f"{path}/dissolution")) == (403, "household-right-missing")
    again = shop.post(house.jane, f"{path}/invitations", invitation)
    assert (code_of(again), again.json["params"]["reason"]) == ((409, "household-conflict"), "already-in")


def test_a_households_number_is_nobodys_own_account(house: House) -> None:
    shop, number = house.shop, house.number
    refused = [
        shop.post("operator", "/v1/keys", {"role": "member", "subject": number}),
        shop.post("operator", f"/v1/members/{number}/devices", new_device(shop, THEIRS)),
        shop.post("operator", f"/v1/members/{number}/erase"),
        shop.post("operator", "/v1/cases", {"member": number, "kind": "death", "evidence": "0x" + "1" * 64}),
        shop.put("operator", f"/v1/members/{number}/birthday", {"birthday": "02-03"}),
    ]
    assert [code_of(answer) for answer in refused] == [(409, "household-account")] * 5
    assert shop.get("operator", f"/v1/members/{number}/balance").status_code == 200


def test_mates_see_each_others_points_and_baskets_only_of_who_shows_them(house: House) -> None:
    shop = house.shop
    house.join()
    house.sell(OURS, 100_000)
    shop.at = "2017-03-01T12:00:01Z"  # sales of one instant stand in no order of theirs
    house.sell(THEIRS, 400, 4)

    def seen(who: str) -> list[tuple[bool, bool]]:
        rows = shop.get(who, f"{house.path}/purchases?limit=2").json["purchases"]
        return [(row["points"] is not None, row["basket"] is not None) for row in rows]

    assert seen(house.jane) == [(True, False), (True, True)]
    assert seen(house.joe) == [(True, True), (True, False)]
    assert seen("operator") == [(True, True)] * 2
    shop.must(house.joe, f"{house.path}/privacy", {"shows_baskets": True})
    house.rights(house.jane, {"spends": "all", "sees_balances": False})
    assert seen(house.jane) == [(True, True)] * 2
    assert seen(house.joe) == [(True, True), (False, False)]
    row = shop.get(house.jane, f"{house.path}/purchases?limit=1").json
    assert (row["purchases"][0]["mate"], row["next_cursor"] is not None) == (house.numbers["joe"], True)


def test_a_mate_leaves_with_its_part_and_the_rest_is_the_owners_at_the_end(house: House) -> None:
    shop = house.shop
    house.join()
    shop.must("grocer-till", "/v1/sales", {
        "store": GROCER_STORE, "currency": "USD", "reference": "r",
        "member": {"number": house.numbers["joe"]},
        "lines": [{"line": "1", "category": "FOOD", "quantity": 1, "amount_minor": 10_000}],
    })  # fmt: skip
    own = shop.get("operator", f"/v1/members/{house.numbers['joe']}").json["account"]
    janes = shop.get("operator", f"/v1/members/{house.numbers['jane']}").json["account"]
    shop.must(house.joe, "/v1/gifts", house.gift(NEXT_PHONE, own, house.account, 100))
    house.sell(OURS, 5_000)
    stranger = shop.key_for("member", with_phone(shop, b"\x31" * 32)["number"])
    assert code_of(shop.post(stranger, "/v1/gifts", house.gift(OURS, house.account, janes, 1))) == (
        403, "not-yours",
    )  # fmt: skip
    refused = shop.post(house.jane, "/v1/gifts", house.gift(OURS, house.account, janes, 1))
    assert code_of(refused) == (422, "household-gift-refused")
    removal = f"{house.path}/mates/{house.numbers['joe']}/removal"
    part = shop.must(house.joe, removal, key="out")["part"]
    assert shop.must(house.joe, removal, key="out")["part"] == part
    assert [(p["programme"], p["points"]) for p in part] == [("GROC", 100)]
    assert code_of(house.sell(THEIRS, 400)) == (422, "household-spend-refused")
    shop.must(house.joe, "/v1/gifts", house.gift(THEIRS, house.account, own, 100))
    assert shop.must(house.jane, f"{house.path}/dissolution")["state"] == "closing"
    shop.must(house.jane, "/v1/gifts", house.gift(OURS, house.account, janes, 50))
    assert shop.must(house.jane, f"{house.path}/dissolution")["state"] == "closed"
    assert code_of(shop.get(house.jane, house.path)) == (404, "household-unknown")
    events = shop.get("operator", f"{house.path}/events").json["events"]
    assert [e["kind"] for e in events] == ["begun", "invited", "joined", "left", "closing", "closed"]
    assert events[0]["by"].startswith("member:")


def test_two_operators_name_another_owner_where_the_owner_cannot(house: House) -> None:
    shop = house.shop
    house.join()
    heir = {"member": house.numbers["joe"]}
    assert shop.must("operator", f"{house.path}/owner", heir) == {"done": False}
    second = shop.further_operator("second").token
    assert shop.must(second, f"{house.path}/owner", heir) == {"done": True}
    assert shop.must(house.joe, f"{house.path}/owner", {"member": house.numbers["jane"]}) == {"done": True}
    further = new_device(shop, b"\x23" * 32, bytes.fromhex(house.account[2:]), OURS)
    added = shop.must(house.joe, f"{house.path}/keys", {"device": further, "own_lane": 1})
    assert added["lane"] == 3
    missing = shop.post(house.joe, f"{house.path}/keys", {"device": further, "own_lane": 9})
    assert code_of(missing) == (404, "device-unknown")
