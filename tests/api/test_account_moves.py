"""A member's account changes over HTTP: by its own wish, with everything it has, and nobody else's way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from ledger_service.api.endpoints import devices
from ledger_service.care.requests import Rotate
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import AccountMove, Restore, SignerChange
from ledger_service.kernel.permits import MovePermit
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.members.models import former_account
from ledger_service.members.rules import account_of
from ledger_service.outbox.models import intent
from ledger_service.points.models import member_programme
from ledger_service.referrals.rewards.models import share_reward
from tests.api.service import ALLIANCE, FUEL_STORE, Shop, basket
from tests.api.test_administration import NEXT_PHONE, PHONE, new_device, with_phone
from tests.api.test_pay_codes import Holder
from tests.api.test_sharing import live, newcomer, sharer

SALT = b"\x51" * 32
REFUND = {"reference": "back", "lines": [{"line": "1", "quantity": 4}]}


def rotation(
    shop: Shop, account: str, by: bytes = PHONE, to: bytes = NEXT_PHONE, salt: bytes = SALT
) -> dict[str, Any]:
    """A body that the holder of ``by`` wills, for the key ``to``."""
    successor, until = account_of(salt), seconds_floor(parse_instant(shop.at, "at")) + 3_600
    permit = MovePermit(bytes.fromhex(account[2:]), successor, address_of_key(to), until)
    signature = sign_digest(by, ALLIANCE.domain.digest(permit.struct_hash()))
    return {
        "salt": "0x" + salt.hex(), "device": new_device(shop, to, successor),
        "authorisation": "0x" + signature.hex(),
    }  # fmt: skip


def operations(shop: Shop) -> list[Any]:
    with shop.serving.foundations.database.read() as conn:
        rows = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id))
        return [operation_of(row[0]) for row in rows]


def rich(shop: Shop) -> dict[str, Any]:
    """A member with a phone and points of the grocer's."""
    member = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(amount=100_000, member={"number": member["number"]}))
    return member


def path(number: str) -> str:
    return f"/v1/members/{number}/account/rotation"


def test_an_account_that_was_never_used_gives_way_without_a_link(any_shop: Shop) -> None:
    member = with_phone(any_shop)
    own = any_shop.key_for("member", member["number"])
    moved = any_shop.must(own, path(member["number"]), rotation(any_shop, member["account"]))
    assert (moved["former"], moved["linked"]) == (member["account"], False)
    assert moved["account"] == "0x" + account_of(SALT).hex()
    first, last = operations(any_shop)
    assert isinstance(first, SignerChange)
    assert isinstance(last, SignerChange)
    assert last.account == account_of(SALT)
    shown = any_shop.get(own, f"/v1/members/{member['number']}").json
    assert shown["account"] == moved["account"]
    assert [bool(d["revoked_at"]) for d in shown["devices"]] == [True, False]


def test_an_account_that_a_reward_is_promised_to_moves_in_public(shop: Shop) -> None:
    """The chain issues the reward to that account or its successor; to a stranger of it, it never would."""
    live(shop)
    key, code, number = sharer(shop)
    _, friend = newcomer(shop, code)
    shop.at = "2017-03-01T14:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket() | {"member": {"number": friend}})
    shop.serving.sharing.rewards.follow(parse_instant(shop.at, "at"))
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(share_reward).values(state="promised", promise="said", promise_id=bytes(16)))
    account = shop.get(key, f"/v1/members/{number}").json["account"]
    assert shop.must(key, path(number), rotation(shop, account))["linked"]
    move = operations(shop)[-1]
    assert isinstance(move, AccountMove)
    assert (move.successor, move.legs) == (account_of(SALT), ())


def test_points_go_along_and_a_late_refund_finds_the_member(any_shop: Shop) -> None:
    shop = any_shop
    holder = Holder(shop, rich(shop))
    number, account = holder.member["number"], holder.member["account"]
    spent = holder.pay(holder.code())
    assert spent.status_code == 201
    moved = shop.must(shop.key_for("member", number), path(number), rotation(shop, account))
    assert moved["linked"]
    *_, enrols, move = operations(shop)
    assert isinstance(enrols, SignerChange)
    assert isinstance(move, AccountMove)
    assert (move.account, move.successor) == (bytes.fromhex(account[2:]), account_of(SALT))
    assert [(leg.terms_version, leg.amount) for leg in move.legs] == [(0, 0)] * 2
    assert holder.pay(holder.code()).json["code"] == "member-unknown"
    shop.must("fuel-till", f"/v1/sales/{spent.json['sale_id']}/refunds", REFUND)
    restores = [o for o in operations(shop) if isinstance(o, Restore)]
    assert [o.account for o in restores] == [account_of(SALT)]


def test_the_new_device_pays_and_the_old_one_does_not(shop: Shop) -> None:
    member = rich(shop)
    moved = shop.must("operator", path(member["number"]), rotation(shop, member["account"]))
    new = Holder(shop, {"account": moved["account"], "devices": [moved["device"]]})
    assert new.pay(new.code(key=PHONE)).json["code"] == "pay-code-altered"
    assert new.pay(new.code(key=NEXT_PHONE)).status_code == 201


def test_only_an_active_device_of_the_member_wills_it(shop: Shop) -> None:
    member, stranger = with_phone(shop), with_phone(shop, b"\x21" * 32)
    own = shop.key_for("member", member["number"])
    forged = rotation(shop, member["account"], by=b"\x21" * 32)
    assert shop.post(own, path(member["number"]), forged).json["code"] == "move-permit-invalid"
    unproved = rotation(shop, member["account"]) | {"salt": "0x" + "52" * 32}
    assert shop.post(own, path(member["number"]), unproved).json["code"] == "device-proof-invalid"
    same = rotation(shop, member["account"], to=PHONE)
    assert shop.post(own, path(member["number"]), same).json["code"] == "signer-known"
    other = rotation(shop, stranger["account"], by=b"\x21" * 32)
    assert shop.post(own, path(stranger["number"]), other).json["code"] == "not-yours"
    custodial = shop.must("grocer", "/v1/members", {"custody": "custodial"})
    refused = shop.post("operator", path(custodial["number"]), rotation(shop, custodial["account"]))
    assert refused.json["code"] == "move-permit-invalid"


def test_a_retry_gets_the_first_answer_and_a_second_rotation_goes_on_from_there(shop: Shop) -> None:
    member = with_phone(shop)
    body = rotation(shop, member["account"])
    first = shop.must("operator", path(member["number"]), body, key="once")
    again = shop.post("operator", path(member["number"]), body, key="once")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first, "true")
    further = rotation(shop, first["account"], by=NEXT_PHONE, to=b"\x13" * 32, salt=b"\x53" * 32)
    assert shop.must("operator", path(member["number"]), further)["former"] == first["account"]


def test_a_sale_under_way_is_finished_first(shop: Shop) -> None:
    holder = Holder(shop, rich(shop))
    member = {"pay_code": holder.code()}
    body = basket(FUEL_STORE, 1_000, member=member, spend=[{"programme": "GROC", "points": 100}])
    hold = shop.must("fuel-till", "/v1/authorisations", body)["hold_id"]
    number, account = holder.member["number"], holder.member["account"]
    refused = shop.post("operator", path(number), rotation(shop, account))
    assert (refused.status_code, refused.json["code"]) == (409, "holds-open")
    shop.must("fuel-till", f"/v1/authorisations/{hold}/void")
    assert shop.must("operator", path(number), rotation(shop, account))["linked"]


def test_a_difference_between_ledger_and_chain_is_settled_first(shop: Shop) -> None:
    member = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": member["number"]}))
    database = shop.serving.foundations.database
    with database.begin() as conn:
        member_id = conn.execute(select(func.max(intent.c.member_id))).scalar_one()
        row = {"member_id": member_id, "programme_id": 1, "frozen": True, "frozen_reason": "refused"}
        conn.execute(insert(member_programme).values(row))
    refused = shop.post("operator", path(member["number"]), rotation(shop, member["account"]))
    assert refused.json["code"] == "account-unsettled"


def test_an_account_moves_thirty_two_times_at_most(shop: Shop) -> None:
    member = with_phone(shop)
    with shop.serving.foundations.database.begin() as conn:
        member_id = conn.execute(select(func.max(intent.c.member_id))).scalar_one()
        rows = [
            {"account": keccak256(bytes([i]))[:20], "member_id": member_id, "successor": bytes(20),
             "reason": "rotation", "linked": True, "until": parse_instant(shop.at, "at")}
            for i in range(32)
        ]  # fmt: skip
        conn.execute(insert(former_account), rows)
    refused = shop.post("operator", path(member["number"]), rotation(shop, member["account"]))
    assert (refused.json["code"], refused.json["params"]) == ("account-moves-exhausted", {"most": 32})


def test_contracts_older_than_moves_refuse_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    member = with_phone(shop)
    monkeypatch.setitem(vars(shop.serving.care), "recovery", None)
    refused = shop.post("operator", path(member["number"]), rotation(shop, member["account"]))
    assert refused.json["code"] == "account-moves-unavailable"


def test_the_switch_and_the_move_are_one_db_transaction(shop: Shop) -> None:
    member = rich(shop)
    given = rotation(shop, member["account"])
    device = devices.new_device(given["device"], "")
    request = Rotate(member["number"], SALT, device, bytes.fromhex(given["authorisation"][2:]))

    class Killed(Exception):
        pass

    def switch(conn: Connection) -> None:
        shop.serving.care.rotate(conn, request, parse_instant(shop.at, "at"))
        raise Killed

    with pytest.raises(Killed):
        shop.serving.writer.run(switch)
    shown = shop.get("operator", f"/v1/members/{member['number']}").json
    assert (shown["account"], len(shown["devices"])) == (member["account"], 1)
    assert not [o for o in operations(shop) if isinstance(o, AccountMove)]


def test_erasure_forgets_former_salts_too(shop: Shop) -> None:
    member = with_phone(shop)
    shop.must("operator", path(member["number"]), rotation(shop, member["account"]))
    shop.must("operator", f"/v1/members/{member['number']}/erase")
    with shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(former_account.c.salt)).scalars().all() == [None]


def test_a_member_freezes_itself_at_once_and_only_an_operator_thaws_it(shop: Shop) -> None:
    member, other = rich(shop), with_phone(shop, NEXT_PHONE)
    own, path_ = shop.key_for("member", member["number"]), f"/v1/members/{member['number']}/freeze"
    holder = Holder(shop, member)
    assert shop.must(own, path_, {"frozen": True})["frozen"]
    assert holder.pay(holder.code()).json["code"] == "member-frozen"
    thaw = shop.post(own, path_, {"frozen": False})
    assert (thaw.status_code, thaw.json["code"]) == (403, "scope-missing")
    theirs = shop.post(own, f"/v1/members/{other['number']}/freeze", {"frozen": True})
    assert theirs.json["code"] == "not-yours"
    shop.must("operator", path_, {"frozen": False})
    assert holder.pay(holder.code()).status_code == 201


def test_no_account_is_given_twice(any_shop: Shop) -> None:
    """The contract lets nobody go where an account was before, so that successions never meet (D7)."""
    shop = any_shop
    member = with_phone(shop)
    number = member["number"]
    first = shop.must("operator", path(number), rotation(shop, member["account"]))
    where = rotation(shop, first["account"], by=NEXT_PHONE, to=b"\x13" * 32)
    refused = shop.post("operator", path(number), where)
    assert (refused.status_code, refused.json["code"]) == (409, "account-known")
    on = rotation(shop, first["account"], by=NEXT_PHONE, to=b"\x13" * 32, salt=b"\x53" * 32)
    second = shop.must("operator", path(number), on)
    back = rotation(shop, second["account"], by=b"\x13" * 32, to=b"\x14" * 32)
    assert shop.post("operator", path(number), back).json["code"] == "account-known"
    other = with_phone(shop, b"\x21" * 32)
    theirs = rotation(shop, other["account"], by=b"\x21" * 32, to=b"\x22" * 32, salt=b"\x53" * 32)
    assert shop.post("operator", path(other["number"]), theirs).json["code"] == "account-known"
    assert len([o for o in operations(shop) if isinstance(o, SignerChange)]) == 4
