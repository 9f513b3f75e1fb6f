"""A household on the chain from its beginning to its end, and the death of its owner, both books equal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.permits import GiftPermit, SignerGrant, nonce_of
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from tests.api.service import FUEL_STORE, basket
from tests.integration.care.test_whole import EVIDENCE, device, pay_code, shown
from tests.integration.care.whole import Whole

JANE, JOE, NEXT = b"\x11" * 32, b"\x12" * 32, b"\x13" * 32
OURS, THEIRS, HEIRS = b"\x21" * 32, b"\x22" * 32, b"\x23" * 32
LANES = {JANE: 1, JOE: 1, OURS: 1, THEIRS: 2, HEIRS: 3}


class House:
    """Jane's household with Joe; each gave it 200 of 1,000 points of its own."""

    def __init__(self, whole: Whole) -> None:
        self.whole, self.shop, self.counter = whole, whole.shop, 0
        phones = [{"device": device(whole, key)} for key in (JANE, JOE)]
        people = self.jane, self.joe = [self.shop.must("grocer", "/v1/members", phone) for phone in phones]
        self.keys = [self.shop.key_for("member", person["number"]) for person in people]
        body = {"timezone": "UTC", "parting": "own-part", "device": device(whole, OURS), "own_lane": 1}
        begun = self.shop.must(self.keys[0], f"/v1/members/{self.jane['number']}/household", body)
        self.path = f"/v1/households/{begun['household']}"
        self.account = self.shop.get("operator", self.path).json["account"]
        invitation = {"member": self.joe["number"], "spends": "all", "sees_balances": True}
        self.shop.must(self.keys[0], f"{self.path}/invitations", invitation)
        answer = {"accept": True, "device": self.granted(THEIRS, OURS), "own_lane": 1}
        self.shop.must(self.keys[1], f"{self.path}/acceptance", answer)
        for person, key in ((self.jane, JANE), (self.joe, JOE)):
            buyer = {"number": person["number"]}
            self.shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member=buyer))
            self.give(key, person["account"], self.account, 200)

    def granted(self, key: bytes, by: bytes) -> dict[str, Any]:
        """A key for the household's account with the grant of one of its signers."""
        account = bytes.fromhex(self.account[2:])
        new = device(self.whole, key, account)
        grant = SignerGrant(account, address_of_key(key), 0, new["valid_until"])
        leave = sign_digest(by, self.whole.alliance.domain.digest(grant.struct_hash()))
        return {**new, "authorisation": "0x" + leave.hex()}

    def give(self, key: bytes, giver: str, to: str, points: int) -> dict[str, Any]:
        self.counter += 1
        until = seconds_floor(parse_instant(self.shop.at, "at")) + 600
        nonce = nonce_of(LANES[key], self.counter)
        leg = Leg(1, 1, 2, points)
        permit = GiftPermit(bytes.fromhex(giver[2:]), bytes.fromhex(to[2:]), nonce, until, (leg,))
        signature = sign_digest(key, self.whole.alliance.domain.digest(permit.struct_hash()))
        legs = [{"programme_id": 1, "terms_version": 1, "epoch": 2, "amount": points}]
        body = {"giver": giver, "recipient": to, "legs": legs, "nonce": str(nonce), "valid_until": until}
        return self.shop.must("operator", "/v1/gifts", {**body, "signature": "0x" + signature.hex()})

    def pay(self, key: bytes, points: int) -> Any:
        self.counter += 1
        code = pay_code(self.whole, key, self.account, nonce_of(LANES[key], self.counter))
        spend = [{"programme": "GROC", "points": points}]
        body = basket(FUEL_STORE, 1_000, member={"pay_code": code}, spend=spend)
        return self.shop.post("fuel-till", "/v1/sales", body)

    def points(self, number: str) -> int:
        shown = self.shop.get("operator", f"/v1/members/{number}/balance").json["balances"]
        return sum(b["available"] for b in shown if b["programme"] == "GROC")


def test_a_household_from_its_beginning_to_its_end(whole: Whole) -> None:
    house = House(whole)
    sale = house.pay(THEIRS, 150).json["sale_id"]
    house.pay(OURS, 20)
    whole.shop.must("fuel-till", f"/v1/sales/{sale}/refunds", {"reference": "back"})
    removal = f"{house.path}/mates/{house.joe['number']}/removal"
    part = whole.shop.must(house.keys[0], removal)["part"]
    assert [p["points"] for p in part] == [200]
    assert house.pay(THEIRS, 1).json["code"] == "household-spend-refused"
    house.give(THEIRS, house.account, house.joe["account"], 200)
    assert whole.shop.must(house.keys[0], f"{house.path}/dissolution")["state"] == "closing"
    rest = house.points(house.path.rsplit("/", 1)[1])
    house.give(OURS, house.account, house.jane["account"], rest)
    whole.settle()
    assert (house.points(house.joe["number"]), house.points(house.jane["number"])) == (1_000, 800 + rest)


def test_the_heir_of_a_dead_owner_owns_the_household_and_its_old_phone_pays_no_more(whole: Whole) -> None:
    house = House(whole)
    whole.further_operator("second")
    body = {"member": house.jane["number"], "kind": "death", "evidence": EVIDENCE}
    body["device"] = device(whole, NEXT)
    case = str(whole.shop.must("operator", "/v1/cases", body)["case"])
    whole.shop.must("second", f"/v1/cases/{case}/approval")
    whole.until(lambda: shown(whole, case)["state"] == "notice", "announced")
    house.pay(OURS, 5)
    whole.at(parse_instant(shown(whole, case)["notice_ends"], "at") + timedelta(minutes=3))
    whole.until(lambda: shown(whole, case)["state"] == "executed", "executed")
    whole.pass_time(60)
    assert house.pay(OURS, 5).json["code"] == "pay-code-altered"
    heir = whole.shop.key_for("member", house.jane["number"])
    further = {"device": house.granted(HEIRS, THEIRS), "own_lane": 2}
    assert whole.shop.must(heir, f"{house.path}/keys", further)["lane"] == LANES[HEIRS]
    assert house.pay(HEIRS, 5).status_code == 201
    assert whole.shop.get(heir, house.path).json["mates"][0]["role"] == "owner"
    whole.settle()
