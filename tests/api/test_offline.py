"""Offline tills over HTTP: upload, allowances and statements, the report of losses, debts by decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant, parse_instant, seconds_floor
from ledger_service.kernel.paycode import decode_pay_code, encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SignerGrant, SpendPermit, acceptance_struct_hash, nonce_of
from ledger_service.kernel.secp256k1 import (
    address_of_key,
    address_text,
    keccak256,
    recover_address,
    sign_digest,
)
from tests.api.service import ALLIANCE, FUEL_STORE, GROCER_STORE, Shop, basket

DOMAIN = ALLIANCE.domain
PHONE = keccak256(b"phone")
UPLOAD, LOSSES = "/v1/offline-sales", "/v1/offline-losses"


def till_key(who: str) -> bytes:
    return keccak256(who.encode())


def equip(shop: Shop, who: str, allowance_minor: int = 5_000) -> str:
    """The till signs acceptances, and its merchant lets it take so much a day; returns the terminal."""
    terminal = shop.keys[f"{who}-terminal"]
    own = {"till_key": address_text(address_of_key(till_key(who)))}
    shop.must(who, f"/v1/terminals/{terminal}/till-key", own)
    wish = {"allowance_micros": allowance_minor * 10_000, "window_seconds": 86_400}
    shop.must(who, f"/v1/terminals/{terminal}/offline-allowance", wish)
    return terminal


def enrol(shop: Shop, points: int = 1_000) -> dict[str, Any]:
    """A member with a phone of its own and points of the grocer."""
    valid_until = seconds_floor(parse_instant(shop.at, "at")) + 3_600
    grant = SignerGrant(bytes(20), address_of_key(PHONE), 0, valid_until)
    proof = sign_digest(PHONE, DOMAIN.digest(grant.struct_hash()))
    signer = address_text(address_of_key(PHONE))
    device = {"signer": signer, "valid_until": valid_until, "proof": "0x" + proof.hex()}
    member = shop.must("grocer", "/v1/members", {"custody": "device", "device": device})
    shop.must("grocer-till", "/v1/sales", basket(amount=points * 100, member={"number": member["number"]}))
    return member


def spend(shop: Shop, who: str, member: dict[str, Any], counter: int, **more: Any) -> dict[str, Any]:
    """Three dollars in points, taken alone at the shop's instant."""
    at = parse_instant(shop.at, "at")
    permit = SpendPermit(
        bytes.fromhex(member["account"][2:]), nonce_of(member["devices"][0]["lane"], counter), 10**8,
        seconds_floor(at) + 60,
    )  # fmt: skip
    code = encode_pay_code(sign_pay_code(PHONE, DOMAIN, permit))
    digest = DOMAIN.digest(decode_pay_code(code).permit.struct_hash())
    signature = sign_digest(till_key(who), DOMAIN.digest(acceptance_struct_hash(digest, seconds_floor(at))))
    store = FUEL_STORE if who == "fuel" else GROCER_STORE
    acceptance = {"accepted_at": shop.at, "signature": "0x" + signature.hex()}
    paid = {"member": {"pay_code": code}, "spend": {"max_value_minor": 300}, "acceptance": acceptance}
    sale = basket(store, 1_000, **paid)
    return {"key": f"k{counter}", "sold_at": shop.at, "sale": sale, "allowance_version": 1, **more}


def earn(shop: Shop, number: str, key: str = "e1", **more: Any) -> dict[str, Any]:
    return {"key": key, "sold_at": shop.at, "sale": basket(member={"number": number}), **more}


def upload(shop: Shop, who: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = shop.must(f"{who}-till", UPLOAD, {"sales": list(items)})
    return list(answer["results"])


def later(shop: Shop, **span: int) -> None:
    shop.at = format_instant(parse_instant(shop.at, "at") + timedelta(**span))


def test_each_sale_of_a_batch_is_answered_for_itself_and_again_on_a_second_upload(any_shop: Shop) -> None:
    shop = any_shop
    member, _ = enrol(shop), equip(shop, "grocer")
    items = [spend(shop, "grocer", member, 1), earn(shop, member["number"]), earn(shop, "9" * 18, "e2")]
    items.append({"key": "broken", "sold_at": shop.at, "sale": {}})
    later(shop, hours=8)
    first, second = upload(shop, "grocer", *items), upload(shop, "grocer", *reversed(items))
    assert [r["state"] for r in first] == ["certain", "certain", "refused", "refused"]
    assert first[0]["result"]["sale"]["points_value_minor"] == 300
    assert first[2]["problem"]["code"] == "malformed-field"
    assert first[3]["problem"]["status"] == 400
    assert [r["result"] for r in reversed(second)] == [r["result"] for r in first]
    assert [r["replayed"] for r in second] == [False, False, True, True]
    sale_id = first[0]["result"]["sale_id"]
    assert shop.get("grocer-till", f"{UPLOAD}/{sale_id}").json == first[0]["result"]
    assert shop.get("grocer-till", f"/v1/sales/{sale_id}").json["points_value_minor"] == 300


def test_a_stranger_finds_no_offline_sale_and_the_list_holds_ones_own(shop: Shop) -> None:
    member = enrol(shop)
    result = upload(shop, "grocer", earn(shop, member["number"]), earn(shop, member["number"], "e2"))[0]
    sale_id = result["result"]["sale_id"]
    other = shop.get("fuel-till", f"{UPLOAD}/{sale_id}")
    assert (other.status_code, other.json["code"]) == (404, "offline-sale-unknown")
    assert shop.get("fuel-till", UPLOAD).json["sales"] == []
    page = shop.get("grocer", f"{UPLOAD}?limit=1&state=certain").json
    rest = shop.get("grocer", f"{UPLOAD}?limit=1&state=certain&cursor={page['next_cursor']}").json
    assert {s["key"] for s in page["sales"] + rest["sales"]} == {"e1", "e2"}
    assert rest["next_cursor"] is None


def test_a_sale_after_a_week_is_refused_with_its_code_and_listed(shop: Shop) -> None:
    member = enrol(shop)
    item = earn(shop, member["number"])
    later(shop, days=8)
    problem = upload(shop, "grocer", item)[0]["problem"]
    assert (problem["code"], problem["status"]) == ("offline-sale-too-late", 422)
    listed = shop.get("grocer", f"{UPLOAD}?state=refused").json["sales"]
    assert [(s["key"], s["code"]) for s in listed] == [("e1", "offline-sale-too-late")]


def test_a_clock_ahead_and_a_suspended_merchant_wait_and_say_why(shop: Shop) -> None:
    member = enrol(shop)
    ahead = earn(shop, member["number"])
    ahead["sold_at"] = format_instant(parse_instant(shop.at, "at") + timedelta(hours=1))
    waits = upload(shop, "grocer", ahead)[0]
    assert (waits["state"], waits["problem"]["code"]) == ("waiting", "clock-skew")
    later(shop, hours=1)
    shop.must("operator", f"/v1/merchants/{shop.registry.acts[0][1]:013d}/suspension", {"suspended": True})
    waits = upload(shop, "grocer", ahead)[0]
    assert (waits["state"], waits["problem"]["code"]) == ("waiting", "merchant-suspended")


def test_the_statement_is_signed_by_the_service_and_says_what_is_used(shop: Shop) -> None:
    member, terminal = enrol(shop), equip(shop, "grocer")
    upload(shop, "grocer", spend(shop, "grocer", member, 1))
    statement = shop.get("grocer-till", "/v1/offline-allowance").json
    assert statement["terminal"] == terminal
    assert (statement["allowance_micros"], statement["used_micros"]) == (50_000_000, 3_000_000)
    signature = bytes.fromhex(statement.pop("signature")[2:])
    signer = shop.get("grocer-till", "/v1/alliance").json["receipt_signer"]
    assert recover_address(keccak256(canonical_json(statement)), signature) == bytes.fromhex(signer[2:])
    shop.must("grocer", f"/v1/terminals/{terminal}/offline-allowance", {
        "allowance_micros": 0, "window_seconds": 3_600})  # fmt: skip
    history = shop.get("grocer", f"/v1/terminals/{terminal}/offline-allowance").json
    assert [v["version"] for v in history["versions"]] == [2, 1]
    assert history["allowance_micros"] == 0


def test_a_merchant_sets_allowances_of_its_own_tills_only(shop: Shop) -> None:
    wish = {"allowance_micros": 1, "window_seconds": 3_600}
    path = f"/v1/terminals/{shop.keys['fuel-terminal']}/offline-allowance"
    refused = shop.post("grocer", path, wish)
    assert (refused.status_code, refused.json["code"]) == (404, "terminal-unknown")
    assert shop.get("grocer", path).json["code"] == "terminal-unknown"
    short = shop.post("fuel", path, wish | {"window_seconds": 60})
    assert short.json["code"] == "malformed-field"


def double_spent(shop: Shop) -> tuple[dict[str, Any], str]:
    """A member shows one code to the grocer's till and to the fuel station's, both cut off."""
    member = enrol(shop)
    equip(shop, "grocer"), equip(shop, "fuel")
    first, second = spend(shop, "grocer", member, 1), spend(shop, "fuel", member, 1)
    later(shop, hours=1)
    assert upload(shop, "grocer", first)[0]["result"]["loss"] is None
    lost = upload(shop, "fuel", second)[0]["result"]
    assert lost["loss"]["cause"] == "pay-code-used"
    return member, lost["sale_id"]


def test_the_report_names_who_bears_a_loss_and_who_is_to_blame(shop: Shop) -> None:
    member, sale_id = double_spent(shop)
    for who, number in (("fuel", None), ("operator", member["number"])):
        loss = shop.get(who, LOSSES).json["losses"][0]
        assert (loss["sale_id"], loss["loss_minor"], loss["beyond_minor"]) == (sale_id, 300, 0)
        assert loss["member_flagged"]
        assert loss["member"] == number
    assert shop.get("grocer", LOSSES).json["losses"] == []


def test_a_flagged_loss_becomes_a_debt_once_and_later_earnings_pay_it(shop: Shop) -> None:
    member, sale_id = double_spent(shop)
    path = f"{LOSSES}/{sale_id}/decision"
    decided = shop.must("operator", path, {"collect": True})
    assert decided["debt_points"] == 300
    again = shop.post("operator", path, {"collect": False})
    assert (again.status_code, again.json["code"]) == (422, "offline-debt-refused")
    assert again.json["params"]["reason"] == "decided-before"
    unknown = shop.post("operator", f"{LOSSES}/{'0' * 32}/decision", {"collect": False})
    assert unknown.json["code"] == "offline-sale-unknown"
    body = basket(FUEL_STORE, 40_000, member={"number": member["number"]})
    earned = shop.must("fuel-till", "/v1/sales", body)["earned"][0]
    assert (earned["points"], earned["debt_collected"]) == (400, 300)


def test_a_batch_without_sales_or_with_too_many_is_refused_whole(shop: Shop) -> None:
    for sales in ([], [{}] * 201, None, [1]):
        refused = shop.post("grocer-till", UPLOAD, {"sales": sales})
        assert (refused.status_code, refused.json["code"]) == (400, "malformed-field")
