"""Accounts that move, from the request to the chain and back, with both books equal afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ledger_service.chain.models import chain_operation
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import MovePermit, SignerGrant, SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from ledger_service.members.rules import account_of
from tests.api.service import FUEL_STORE, basket
from tests.integration.care.whole import Whole

PHONE, NEXT_PHONE = b"\x11" * 32, b"\x12" * 32
SALT, EVIDENCE = b"\x51" * 32, "0x" + "e1" * 32
REFUND = {"reference": "back", "lines": [{"line": "1", "quantity": 4}]}


def device(whole: Whole, key: bytes, account: bytes = bytes(20)) -> dict[str, Any]:
    until = seconds_floor(parse_instant(whole.shop.at, "at")) + 3_600
    grant = SignerGrant(account, address_of_key(key), 0, until)
    proof = sign_digest(key, whole.alliance.domain.digest(grant.struct_hash()))
    return {"signer": "0x" + address_of_key(key).hex(), "valid_until": until, "proof": "0x" + proof.hex()}


def pay_code(whole: Whole, key: bytes, account: str, nonce: int) -> str:
    until = seconds_floor(parse_instant(whole.shop.at, "at")) + 60
    permit = SpendPermit(bytes.fromhex(account[2:]), nonce, 10**9, until)
    return encode_pay_code(sign_pay_code(key, whole.alliance.domain, permit))


class Buyer:
    """A member with a phone, who earned a thousand points and has spent a hundred."""

    def __init__(self, whole: Whole) -> None:
        self.whole, self.shop, self.key = whole, whole.shop, PHONE
        enrolled = self.shop.must("grocer", "/v1/members", {"device": device(whole, PHONE)})
        self.number, self.account, self.lane = enrolled["number"], enrolled["account"], 1
        self.counter = 0
        body = basket(amount=100_000, member={"number": self.number})
        self.earned = self.shop.must("grocer-till", "/v1/sales", body)["sale_id"]
        self.spent = self.pay(100)["sale_id"]

    def pay(self, points: int) -> dict[str, Any]:
        self.counter += 1
        code = pay_code(self.whole, self.key, self.account, nonce_of(self.lane, self.counter))
        spend = [{"programme": "GROC", "points": points}]
        body = basket(FUEL_STORE, 1_000, member={"pay_code": code}, spend=spend)
        return self.shop.must("fuel-till", "/v1/sales", body)

    def refresh(self, key: bytes) -> None:
        """The member's app is another one, on the account that stands now."""
        shown = self.shop.get("operator", f"/v1/members/{self.number}").json
        self.account, self.key = shown["account"], key
        self.lane = next(d["lane"] for d in shown["devices"] if not d["revoked_at"])

    def balance(self) -> dict[str, int]:
        shown = self.shop.get("operator", f"/v1/members/{self.number}/balance").json
        return {b["programme"]: b["available"] for b in shown["balances"]}


def moves(whole: Whole) -> int:
    with whole.database.read() as conn:
        mined = select(chain_operation.c.op_id).where(chain_operation.c.kind == int(Kind.MOVE))
        return len(conn.execute(mined).all())


def test_a_rotation_and_refunds_after_it(whole: Whole) -> None:
    buyer = Buyer(whole)
    successor = account_of(SALT)
    new = device(whole, NEXT_PHONE, successor)
    permit = MovePermit(
        bytes.fromhex(buyer.account[2:]), successor, address_of_key(NEXT_PHONE), new["valid_until"]
    )
    signature = sign_digest(PHONE, whole.alliance.domain.digest(permit.struct_hash()))
    body = {"salt": "0x" + SALT.hex(), "device": new, "authorisation": "0x" + signature.hex()}
    before = buyer.balance()
    assert whole.shop.must("operator", f"/v1/members/{buyer.number}/account/rotation", body)["linked"]
    assert buyer.balance() == before
    buyer.refresh(NEXT_PHONE)
    buyer.pay(50)
    whole.shop.must("fuel-till", f"/v1/sales/{buyer.spent}/refunds", REFUND)
    whole.shop.must("grocer-till", f"/v1/sales/{buyer.earned}/refunds", REFUND)
    whole.settle()
    assert moves(whole) == 1


def opened(whole: Whole, buyer: Buyer, **more: Any) -> str:
    """A case that two operators agree on, whose notice has begun."""
    whole.further_operator("second")
    body = {"member": buyer.number, "kind": "lost_phone", "evidence": EVIDENCE, **more}
    case = str(whole.shop.must("operator", "/v1/cases", body)["case"])
    whole.shop.must("second", f"/v1/cases/{case}/approval")
    whole.until(lambda: shown(whole, case)["state"] == "notice", "announced")
    return case


def shown(whole: Whole, case: str) -> dict[str, Any]:
    return dict(whole.shop.get("operator", f"/v1/cases/{case}").json)


def test_a_recovery_after_its_notice_and_refunds_after_it(whole: Whole) -> None:
    buyer = Buyer(whole)
    own = whole.shop.key_for("member", buyer.number)
    case = opened(whole, buyer, device=device(whole, NEXT_PHONE))
    ends = parse_instant(shown(whole, case)["notice_ends"], "at")
    assert ends >= parse_instant(whole.shop.at, "at") + timedelta(days=7)
    whole.at(ends - timedelta(seconds=1))
    before = buyer.balance()
    assert shown(whole, case)["state"] == "notice"
    whole.at(ends + timedelta(minutes=3))
    whole.until(lambda: shown(whole, case)["state"] == "executed", "executed")
    assert whole.shop.get(own, f"/v1/members/{buyer.number}").json["code"] == "credentials-refused"
    assert buyer.balance() == before
    whole.pass_time(60)  # the job's clock is a little ahead of the last request's
    buyer.refresh(NEXT_PHONE)
    buyer.pay(50)
    whole.shop.must("fuel-till", f"/v1/sales/{buyer.spent}/refunds", REFUND)
    whole.shop.must("grocer-till", f"/v1/sales/{buyer.earned}/refunds", REFUND)
    whole.settle()
    assert moves(whole) == 1
    kinds = [event["kind"] for event in shown(whole, case)["events"]]
    assert kinds == ["opened", "approved", "announced", "executed"]


def test_an_objection_in_the_last_second_stops_it_for_good(whole: Whole) -> None:
    buyer = Buyer(whole)
    own = whole.shop.key_for("member", buyer.number)
    case = opened(whole, buyer)
    ends = parse_instant(shown(whole, case)["notice_ends"], "at")
    whole.at(ends - timedelta(seconds=1))
    assert whole.shop.must(own, f"/v1/cases/{case}/objection")["state"] == "objected"
    whole.at(ends + timedelta(minutes=3))
    whole.until(lambda: shown(whole, case)["state"] == "stopped", "stopped")
    buyer.pay(50)
    whole.settle()
    assert moves(whole) == 0


def test_a_sale_under_way_is_waited_for(whole: Whole) -> None:
    buyer = Buyer(whole)
    case = opened(whole, buyer)
    ends = parse_instant(shown(whole, case)["notice_ends"], "at")
    whole.at(ends - timedelta(minutes=1))
    code = pay_code(whole, PHONE, buyer.account, nonce_of(1, 9))
    body = basket(FUEL_STORE, 1_000, member={"pay_code": code}, spend=[{"programme": "GROC", "points": 10}])
    hold = whole.shop.must("fuel-till", "/v1/authorisations", body | {"ttl_seconds": 3_600})["hold_id"]
    whole.at(ends + timedelta(minutes=3))
    whole.until(whole.drained, "drained")
    assert shown(whole, case)["state"] == "notice"
    whole.shop.must("fuel-till", f"/v1/authorisations/{hold}/void")
    whole.until(lambda: shown(whole, case)["state"] == "executed", "executed")
    whole.settle()
    assert (
        shown(whole, case)["successor"]
        == whole.shop.get("operator", f"/v1/members/{buyer.number}").json["account"]
    )


def test_two_members_become_one_and_refunds_find_the_one_who_stays(whole: Whole) -> None:
    shop = whole.shop
    closes = Buyer(whole)
    shop.must("grocer-till", "/v1/sales", basket(amount=30_000, member={"number": closes.number}))
    enrolled = {"custody": "custodial", "identities": [{"kind": "phone", "value": "+14155550199"}]}
    stays = shop.must("grocer", "/v1/members", enrolled)["number"]
    shop.must("grocer-till", "/v1/sales", basket(amount=20_000, member={"number": stays}))
    whole.further_operator("second")
    asked = {"member": closes.number, "into": stays, "evidence": EVIDENCE}
    case = str(shop.must("operator", "/v1/merges", asked)["case"])
    shop.must("second", f"/v1/cases/{case}/approval")
    whole.until(lambda: shown(whole, case)["state"] == "notice", "announced")
    before = closes.balance()["GROC"]
    whole.at(parse_instant(shown(whole, case)["notice_ends"], "at") + timedelta(minutes=3))
    whole.until(lambda: shown(whole, case)["state"] == "executed", "executed")
    whole.pass_time(60)
    assert shop.get("operator", f"/v1/members/{closes.number}").json["code"] == "member-unknown"
    assert points_of(whole, stays) == before + 200
    shop.must("fuel-till", f"/v1/sales/{closes.spent}/refunds", REFUND)
    assert points_of(whole, stays) == before + 300
    shop.must("grocer-till", f"/v1/sales/{closes.earned}/refunds", REFUND)
    assert points_of(whole, stays) == before - 700
    whole.settle()
    assert moves(whole) == 1


def points_of(whole: Whole, number: str) -> int:
    shown = whole.shop.get("operator", f"/v1/members/{number}/balance").json["balances"]
    return sum(b["available"] for b in shown if b["programme"] == "GROC")
