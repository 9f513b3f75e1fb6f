"""What is not a checkout: members, devices, keys, places, and pages of a list."""

from __future__ import annotations

from typing import Any

from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.permits import SignerGrant
from ledger_service.kernel.secp256k1 import address_of_key, address_text, sign_digest
from tests.api.service import (
    ALLIANCE,
    FUEL,
    GROCER,
    Shop,
    basket,
)

PHONE, NEXT_PHONE = b"\x11" * 32, b"\x12" * 32


def new_device(shop: Shop, key: bytes, account: bytes = bytes(20), by: bytes | None = None) -> dict[str, Any]:
    until = seconds_floor(parse_instant(shop.at, "at")) + 3_600
    digest = ALLIANCE.domain.digest(SignerGrant(account, address_of_key(key), 0, until).struct_hash())
    device = {
        "signer": address_text(address_of_key(key)),
        "valid_until": until,
        "proof": "0x" + sign_digest(key, digest).hex(),
    }
    return device | ({} if by is None else {"authorisation": "0x" + sign_digest(by, digest).hex()})


def with_phone(shop: Shop, key: bytes = PHONE) -> dict[str, Any]:
    return shop.must("grocer", "/v1/members", {"device": new_device(shop, key)})


def test_a_member_is_found_by_identity_and_an_identity_belongs_to_one_member(shop: Shop) -> None:
    body = {"identities": [{"kind": "email", "value": "Jane@Example.com"}]}
    number = shop.must("grocer", "/v1/members", body, key="e1")["number"]
    assert shop.must("grocer", "/v1/members", body, key="e1")["number"] == number
    again = shop.post("fuel", "/v1/members", body)
    assert (again.status_code, again.json["code"]) == (409, "identity-taken")
    found = shop.post("grocer-till", "/v1/members/identify", {"kind": "email", "value": "jane@example.com"})
    assert found.json == {"number": number}
    other = shop.post("grocer-till", "/v1/members/identify", {"kind": "email", "value": "joe@example.com"})
    assert (other.status_code, other.json["code"]) == (404, "member-unknown")


def test_a_devices_secret_is_answered_again_to_a_retry_and_never_stored_in_clear(shop: Shop) -> None:
    first = shop.must("grocer", "/v1/members", {"custody": "custodial"}, key="m")
    again = shop.post("grocer", "/v1/members", {"custody": "custodial"}, key="m")
    assert again.json == first
    assert again.headers["Idempotency-Replayed"] == "true"
    secret = first["devices"][0]["digits"]["secret"]
    with shop.serving.foundations.database.read() as conn:
        stored = [bytes(r[0]) for r in conn.exec_driver_sql("SELECT response FROM idempotency")]
    assert not [raw for raw in stored if secret.encode() in raw]
    assert not [raw for raw in stored if b"alk_" in raw]


def test_devices_are_added_with_a_grant_shown_and_revoked(shop: Shop) -> None:
    member = with_phone(shop)
    number, account = member["number"], bytes.fromhex(member["account"][2:])
    own = shop.key_for("member", number)
    added = shop.must(own, f"/v1/members/{number}/devices", new_device(shop, NEXT_PHONE, account, PHONE))
    assert added["active_from"] == shop.at
    known = shop.post(own, f"/v1/members/{number}/devices", new_device(shop, NEXT_PHONE, account, PHONE))
    assert (known.status_code, known.json["code"]) == (409, "signer-known")
    forged = shop.post(
        own, f"/v1/members/{number}/devices", new_device(shop, b"\x13" * 32, account, b"\x14" * 32)
    )
    assert forged.json["code"] == "grant-invalid"
    unproved = new_device(shop, b"\x13" * 32, b"\x09" * 20)
    assert shop.post(own, f"/v1/members/{number}/devices", unproved).json["code"] == "device-proof-invalid"
    assert shop.must(own, f"/v1/members/{number}/devices/{added['lane']}/revoke")["lane"] == added["lane"]
    gone = shop.post(own, f"/v1/members/{number}/devices/{added['lane']}/revoke")
    assert (gone.status_code, gone.json["code"]) == (404, "device-unknown")
    shown = shop.get("auditor", f"/v1/members/{number}").json["devices"]
    assert [bool(d["revoked_at"]) for d in shown] == [False, True]


def test_a_members_key_reaches_that_member_alone(shop: Shop) -> None:
    mine, other = with_phone(shop), with_phone(shop, NEXT_PHONE)
    own = shop.key_for("member", mine["number"])
    assert shop.get(own, f"/v1/members/{mine['number']}/balance").status_code == 200
    for path in ("", "/balance", "/entries", "/code"):
        assert shop.get(own, f"/v1/members/{other['number']}{path}").json["code"] == "not-yours"
    unknown = "95200000000077777"
    assert shop.get(own, f"/v1/members/{with_check_digit(unknown)}").json["code"] == "not-yours"
    assert shop.get("auditor", f"/v1/members/{with_check_digit(unknown)}").json["code"] == "member-unknown"
    assert shop.get("auditor", "/v1/members/123").json["code"] == "malformed-field"


def test_digits_are_allowed_shown_and_drawn(shop: Shop) -> None:
    member = with_phone(shop)
    number = member["number"]
    own = shop.key_for("member", number)
    assert shop.get(own, f"/v1/members/{number}/code").json["code"] == "device-unknown"
    custodial = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    key = shop.key_for("member", custodial)
    digits = shop.get(key, f"/v1/members/{custodial}/code").json["digits"]
    assert len(digits) == 18
    for form, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        for look in ("qr", "bars"):
            drawn = shop.get(key, f"/v1/members/{custodial}/code-image?form={form}&look={look}")
            assert drawn.data.startswith(start)
            assert drawn.headers["Cache-Control"] == "no-store"
    sent = {"pay_code": digits, "form": "svg"}
    assert shop.post("grocer-till", "/v1/pay-codes/image", sent).data.startswith(b"<svg")
    assert (
        shop.post("grocer-till", "/v1/pay-codes/image", {"pay_code": "hello", "form": "png"}).json["code"]
        == "pay-code-malformed"
    )
    later = shop.must(own, f"/v1/members/{number}/digits")
    assert later["custodial"]
    assert later["active_from"] > shop.at


def test_a_frozen_member_neither_earns_nor_spends_and_an_erased_one_is_gone(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    own = shop.key_for("member", number)
    shop.must("operator", f"/v1/members/{number}/freeze", {"frozen": True})
    refused = shop.post("grocer-till", "/v1/sales", basket(member={"number": number}))
    assert (refused.status_code, refused.json["code"]) == (422, "member-frozen")
    shop.must("operator", f"/v1/members/{number}/freeze", {"frozen": False})
    assert shop.must("operator", f"/v1/members/{number}/erase")["erased"]
    assert shop.get(own, f"/v1/members/{number}").json["code"] == "credentials-refused"
    assert shop.get("auditor", f"/v1/members/{number}").json["code"] == "member-unknown"
    assert shop.post("operator", f"/v1/members/{number}/erase").json["code"] == "member-unknown"


def test_a_merchant_reads_no_members_statement_balance_or_account(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    for path in ("", "/balance", "/entries"):
        refused = shop.get("grocer", f"/v1/members/{number}{path}")
        assert (refused.status_code, refused.json["code"]) == (403, "scope-missing")


def test_statements_come_in_pages_that_follow_each_other(shop: Shop) -> None:
    number = with_phone(shop)["number"]
    for _ in range(5):
        shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    path, cursor, seen = f"/v1/members/{number}/entries?limit=2", None, []
    while True:
        page = shop.get("auditor", path + (f"&cursor={cursor}" if cursor else "")).json
        seen += [entry["sequence"] for entry in page["entries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5
    first = shop.get("auditor", path).json["next_cursor"]
    other = with_phone(shop, NEXT_PHONE)["number"]
    assert shop.get("auditor", f"/v1/members/{other}/entries?cursor={first}").json["code"] == "cursor-refused"
    for limit in ("0", "201", "x", "-1"):
        assert (
            shop.get("auditor", f"/v1/members/{number}/entries?limit={limit}").json["code"]
            == "malformed-field"
        )


def test_a_balance_as_of_an_instant_is_what_it_was_then(any_shop: Shop) -> None:
    shop = any_shop
    number = with_phone(shop)["number"]
    shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    shop.at = "2017-03-02T12:00:00Z"
    shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    path = f"/v1/members/{number}/balance"

    def available(query: str = "") -> int:
        return sum(b["available"] for b in shop.get("auditor", path + query).json["balances"])

    assert available() == 200
    assert available("?as_of=2017-03-01T18:00:00Z") == 100
    assert available("?as_of=2017-02-28T00:00:00%2B01:00") == 0
    past = shop.get("auditor", path.replace("/balance", "/past-points")).json["past"]
    assert ([one["points"] for one in past[:6]], past[6]["points"]) == ([0] * 6, available(""))
    assert shop.get("auditor", path + "?as_of=yesterday").json["code"] == "malformed-field"


def test_a_merchant_manages_its_own_places_and_keys_and_nobody_elses(shop: Shop) -> None:
    gln = with_check_digit("952010000099")
    store = {"store": gln, "merchant": GROCER, "name": "New", "timezone": "America/New_York"}
    assert shop.post("fuel", "/v1/stores", store).json["code"] == "not-yours"
    shop.must("grocer", "/v1/stores", store)
    assert shop.post("grocer", "/v1/stores", store).json["code"] == "store-known"
    assert (
        shop.post("grocer", "/v1/stores", store | {"timezone": "Mars/Olympus"}).json["code"]
        == "malformed-field"
    )
    assert shop.post("fuel", "/v1/terminals", {"store": gln, "label": "x"}).json["code"] == "not-yours"
    till = shop.must("grocer", "/v1/terminals", {"store": gln, "label": "x"})["terminal"]
    assert shop.post("fuel", f"/v1/terminals/{till}/disable").json["code"] == "terminal-unknown"
    key = shop.must("grocer", "/v1/keys", {"role": "cashier", "subject": till})
    assert (
        shop.post("fuel", "/v1/keys", {"role": "cashier", "subject": till}).json["code"] == "terminal-unknown"
    )
    assert shop.post("grocer", "/v1/keys", {"role": "merchant", "subject": FUEL}).json["code"] == "not-yours"
    assert shop.post("grocer", "/v1/keys", {"role": "operator", "subject": "me"}).json["code"] == "not-yours"
    assert shop.post("fuel", f"/v1/keys/{key['key_id']}/revoke").json["code"] == "api-key-unknown"
    listed = shop.get("grocer", "/v1/stores").json["stores"]
    assert {s["merchant"] for s in listed} == {GROCER}
    assert {t["merchant"] for t in shop.get("grocer", "/v1/terminals").json["terminals"]} == {GROCER}
    # Whoever settles with others knows what they are called.
    assert {GROCER, FUEL} <= {m["merchant"] for m in shop.get("grocer", "/v1/merchants").json["merchants"]}
    signed = shop.must("grocer", f"/v1/terminals/{till}/till-key", {"till_key": "0x" + "11" * 20})
    assert signed["till_key"] == "0x" + "11" * 20
    assert shop.must("grocer", f"/v1/stores/{gln}/close")["status"] == "closed"
    assert shop.post("grocer", f"/v1/stores/{gln}/close").json["code"] == "store-unknown"


def test_a_key_is_rotated_listed_and_revoked_and_is_dead_at_once(shop: Shop) -> None:
    terminal = shop.keys["grocer-terminal"]
    old = shop.keys["grocer-till"]
    listed = shop.get("grocer", f"/v1/keys?role=cashier&subject={terminal}").json["keys"]
    fresh = shop.must("grocer", f"/v1/keys/{listed[0]['key_id']}/rotate")
    assert shop.post(old, "/v1/sales", basket()).json["code"] == "credentials-refused"
    assert shop.post(fresh["token"], "/v1/sales", basket()).status_code == 201
    shop.must("grocer", f"/v1/keys/{fresh['key_id']}/revoke")
    assert shop.post(fresh["token"], "/v1/sales", basket()).json["code"] == "credentials-refused"
    assert shop.post("grocer", f"/v1/keys/{fresh['key_id']}/revoke").json["code"] == "api-key-unknown"
    unfit = {"role": "cashier", "subject": terminal, "scopes": ["merchant:write"]}
    assert shop.post("operator", "/v1/keys", unfit).json["code"] == "role-unfit"
