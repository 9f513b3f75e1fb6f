"""Conversions over HTTP: terms that the operator publishes, quotes, and permits that name the quote."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from ledger_service.chain.errors import AdminRefused, ChainUnavailable
from ledger_service.db.models import alliance
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.events import ConversionAgreed
from ledger_service.kernel.permits import ConversionPermit, nonce_of
from ledger_service.kernel.secp256k1 import sign_digest
from ledger_service.points.conversion.service import note
from tests.api.service import ALLIANCE, Shop, basket
from tests.api.test_administration import NEXT_PHONE, PHONE, with_phone
from tests.api.test_pages import all_pages

PATH = "/v1/programmes/GROC/conversions"
QUOTE = "/v1/programmes/GROC/conversion-quote?target=FUEL&points=100"
JUNE, JULY = "2017-06-01T00:00:00Z", "2017-07-01T00:00:00Z"
OFFER = {"target": "FUEL", "effective_from": JUNE, "spread_bps": 200}
# Both programmes' points are worth a cent: a hundred less two percent.
RECEIVES = 98


def told(shop: Shop, number: int = 1, spread: int = 200, start: str = "2017-01-01T00:00:00Z") -> None:
    """What the index would tell."""
    at = seconds_floor(parse_instant(start, "start"))
    with shop.serving.foundations.database.begin() as conn:
        note(conn, [ConversionAgreed(1, 2, number, at, spread)])
    shop.serving.catalogue.refresh()


def member_with_points(shop: Shop) -> tuple[dict[str, Any], str]:
    member = with_phone(shop)
    shop.must("grocer-till", "/v1/sales", basket(member={"number": member["number"]}))
    return member, shop.key_for("member", member["number"])


def wish(
    shop: Shop, member: dict[str, Any], points: int = 100, counter: int = 1, **changes: Any
) -> dict[str, Any]:
    """The body of a conversion whose permit says just that (``by``: signed by another)."""
    until = seconds_floor(parse_instant(shop.at, "at")) + 600
    nonce, least = nonce_of(member["devices"][0]["lane"], counter), changes.get("least", points * 98 // 100)
    account = bytes.fromhex(member["account"][2:])
    permit = ConversionPermit(account, 1, points, 2, least, nonce, until)
    signature = sign_digest(changes.get("by", PHONE), ALLIANCE.domain.digest(permit.struct_hash()))
    return {"account": member["account"], "programme": "GROC", "target": "FUEL", "points": points,
            "least_points": least, "nonce": str(nonce), "valid_until": until,
            "signature": "0x" + signature.hex()}  # fmt: skip


def test_the_operator_publishes_terms_and_their_end(any_shop: Shop) -> None:
    shop = any_shop
    made = shop.must("operator", PATH, OFFER, key="once")
    assert made == {
        "programme": "GROC", "target": "FUEL", "number": 1, "effective_from": JUNE, "ends": False,
        "spread_bps": 200,
    }  # fmt: skip
    acts = len(shop.registry.acts)
    assert shop.must("operator", PATH, OFFER, key="once") == made
    told(shop, start=JUNE)
    assert shop.must("operator", PATH, OFFER) == made  # asked again after a lost answer, by another key
    assert len(shop.registry.acts) == acts
    ended = shop.must("operator", PATH, {"target": "FUEL", "effective_from": JULY, "ends": True})
    assert (ended["number"], ended["ends"], ended["spread_bps"]) == (2, True, None)
    assert shop.registry.acts[-1][1].spread_bps == 10_000
    told(shop, 2, 10_000, JULY)
    for who in ("operator", "grocer", "fuel-till", "auditor"):
        listed = shop.get(who, PATH).json["conversions"]
        assert [(t["number"], t["ends"]) for t in listed] == [(1, False), (2, True)]
    assert [t["number"] for t in all_pages(shop, "operator", PATH, "conversions", 1)] == [1, 2]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"target": "GROC"}, 422, "conversion-terms-invalid"),
        ({"target": "NONE"}, 404, "programme-unknown"),
        ({"spread_bps": 10_000}, 400, "malformed-field"),
        ({"spread_bps": -1}, 400, "malformed-field"),
        ({"ends": True}, 400, "malformed-field"),
        ({"effective_from": "2017-03-09T11:59:59Z"}, 422, "notice-too-short"),
        ({"effective_from": "yesterday"}, 400, "malformed-field"),
    ],
)
def test_terms_that_cannot_be_are_refused_before_the_chain_hears_of_them(
    shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    acts = list(shop.registry.acts)
    answer = shop.post("operator", PATH, OFFER | change)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert shop.registry.acts == acts


def test_an_end_needs_a_beginning_and_an_order(shop: Shop) -> None:
    ends = {"target": "FUEL", "effective_from": JUNE, "ends": True}
    answer = shop.post("operator", PATH, ends)
    assert answer.json["code"] == "conversion-terms-invalid"
    assert answer.json["params"]["reason"] == "nothing-to-end"
    without = {"target": "FUEL", "effective_from": JUNE}
    assert shop.post("operator", PATH, without).json["code"] == "malformed-field"
    told(shop, start=JULY)
    assert shop.post("operator", PATH, OFFER).json["params"]["reason"] == "not-later"


def test_what_the_chain_refuses_or_cannot_take_is_told(shop: Shop) -> None:
    for failure, code in ((ChainUnavailable("eth_call", "down"), "chain-unavailable"),
                          (AdminRefused("conversion", "no"), "chain-admin-refused")):  # fmt: skip
        shop.registry.refusal = failure
        assert shop.post("operator", PATH, OFFER, key="k").json["code"] == code
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(update(alliance).values(converts=False))
    assert shop.post("operator", PATH, OFFER).json["code"] == "registry-too-old"
    for who in ("grocer", "grocer-till", "auditor"):
        assert shop.post(who, PATH, OFFER).status_code == 403


def test_a_quote_says_rate_spread_result_and_end(shop: Shop) -> None:
    assert shop.get("grocer-till", QUOTE).json["code"] == "conversion-not-offered"
    told(shop)
    member, own = member_with_points(shop)
    quote = shop.get(own, QUOTE).json
    assert quote | {"epoch": 0, "expires_at": ""} == {
        "programme": "GROC", "programme_id": 1, "target": "FUEL", "target_id": 2, "points": 100,
        "receives": RECEIVES, "terms": 1, "spread_bps": 200, "point_value_micros": 10_000,
        "target_point_value_micros": 10_000, "epoch": 0, "expires_at": "", "quoted_at": shop.at,
    }  # fmt: skip
    assert quote["expires_at"] > shop.at
    refused = {
        "target=NONE&points=1": "programme-unknown", "target=GROC&points=1": "conversion-refused",
        "target=FUEL&points=1": "conversion-refused", "target=FUEL": "malformed-field",
        "target=FUEL&points=0": "malformed-field", f"target=FUEL&points=1{'0' * 15}": "malformed-field",
    }  # fmt: skip
    for query, code in refused.items():
        found = shop.get(own, f"/v1/programmes/GROC/conversion-quote?{query}").json
        assert found["code"] == code, query
    done = shop.must(own, "/v1/conversions", wish(shop, member))
    assert (done["received"], done["expires_at"]) == (quote["receives"], quote["expires_at"])


def test_a_member_converts_once_and_a_retry_gets_the_first_answer(any_shop: Shop) -> None:
    shop = any_shop
    told(shop)
    member, own = member_with_points(shop)
    body = wish(shop, member)
    done = shop.must(own, "/v1/conversions", body, key="c")
    assert (done["points"], done["received"], done["spread_bps"]) == (100, RECEIVES, 200)
    assert shop.must(own, "/v1/conversions", body, key="c") == done
    other = shop.post(own, "/v1/conversions", body | {"points": 99}, key="c")
    assert other.json["code"] == "idempotency-key-reused"
    assert shop.post(own, "/v1/conversions", body).json["code"] == "conversion-permit-invalid"
    found = shop.get("auditor", f"/v1/members/{member['number']}/balance").json["balances"]
    assert {b["programme"]: b["available"] for b in found if b["available"]} == {"FUEL": RECEIVES}
    more = shop.post(own, "/v1/conversions", wish(shop, member, counter=2))
    assert more.json["code"] == "insufficient-points"
    proof = shop.get(own, f"/v1/operations/{done['operation']}/proof").json
    assert (proof["kind"], proof["facts"]["terms"], proof["facts"]["spread_bps"]) == ("convert", 1, 200)
    assert [p["programme"] for p in proof["entry"]["postings"]] == ["GROC", "FUEL"]


def test_conversions_that_are_not_as_quoted_or_signed_change_nothing(shop: Shop) -> None:
    member, own = member_with_points(shop)
    path, body = "/v1/conversions", wish(shop, member)
    assert shop.post(own, path, body).json["code"] == "conversion-not-offered"
    told(shop)
    for altered, code in (
        (wish(shop, member, least=99), "conversion-below-least"),
        (wish(shop, member, by=NEXT_PHONE), "conversion-permit-invalid"),
        (body | {"least_points": 1}, "conversion-permit-invalid"),
        (body | {"target": "NONE"}, "programme-unknown"),
        (body | {"target": "GROC"}, "conversion-refused"),
        (body | {"account": "0x" + "77" * 20}, "not-yours"),
        (body | {"points": 0}, "malformed-field"),
        (body | {"nonce": str(2**64)}, "malformed-field"),
        (body | {"signature": "0x00"}, "malformed-field"),
    ):
        assert shop.post(own, path, altered).json["code"] == code, altered
    stranger = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    assert shop.post(stranger, path, body).json["code"] == "not-yours"
    assert shop.post("grocer-till", path, body).status_code == 403
    assert shop.must(own, path, body)["received"] == RECEIVES
