"""Coupon definitions over HTTP: written, approved by another, agreed to, live from a date, never changed."""

from __future__ import annotations

from typing import Any

from ledger_service.coupons.definitions.catalogue import read_catalogue
from ledger_service.kernel.clock import micros_of, parse_instant
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop

PATH = f"/v1/merchants/{GROCER}/coupon-definitions"
OWN = [{"party": GROCER, "bps": 10_000}]
TERMS: dict[str, Any] = {"benefit": {"type": "PercentOff", "bps": 1_000}, "funders": OWN}
SHARED = {**TERMS, "funders": [{"party": GROCER, "bps": 6_000}, {"party": FUEL, "bps": 4_000}]}


def defined(shop: Shop, code: str = "ten-off", **more: Any) -> dict[str, Any]:
    return shop.must("grocer", PATH, {"code": code, "names": {"en": "Ten off", "zh-Hant": "九折"}, **more})


def written(shop: Shop, terms: dict[str, Any], code: str = "ten-off", **more: Any) -> dict[str, Any]:
    return shop.must("grocer", f"{PATH}/{code}/versions", {"terms": terms, **more})


def live(shop: Shop, terms: dict[str, Any], code: str) -> int:
    """The id of a definition whose first version is live."""
    definition = defined(shop, code)["definition"]
    written(shop, terms, code)
    shop.must("operator", f"{PATH}/{code}/versions/1/approval")
    return int(definition)


def catalogue(shop: Shop) -> Any:
    with shop.serving.foundations.database.read() as conn:
        return read_catalogue(conn)


def micros(text: str) -> int:
    return micros_of(parse_instant(text, "at"))


def test_a_version_is_live_once_another_has_approved_it_and_is_never_changed(shop: Shop) -> None:
    one = defined(shop)
    assert one["gcn"] is not None
    first = written(shop, {**TERMS, "scope": {"stores": [GROCER_STORE]}})
    assert (first["version"], first["approved"], first["live_from"]) == (1, False, None)
    assert first["terms"]["scope"]["stores"] == [GROCER_STORE]
    assert catalogue(shop).definitions == {}
    approval = f"{PATH}/ten-off/versions/1/approval"
    own = shop.post("grocer", approval)
    assert (own.status_code, own.json["code"]) == (403, "coupon-approver-is-author")
    approved = shop.must("operator", approval, key="a")
    assert approved["live_from"] == shop.at
    assert shop.must("operator", approval, key="a") == approved
    assert shop.post("operator", approval).json["code"] == "coupon-version-decided"
    later = written(shop, {**TERMS, "benefit": {"type": "AmountOff", "minor": 300}},
                    effective_from="2017-04-01T00:00:00Z")  # fmt: skip
    shop.must("operator", f"{PATH}/ten-off/versions/2/approval")
    assert later["terms_hash"] != first["terms_hash"]
    known, gln, id_ = catalogue(shop), int(GROCER), one["definition"]
    assert [t.version for t in known.live(gln, micros("2017-03-31T23:59:59.999999Z"))] == [1]
    assert [t.version for t in known.live(gln, micros("2017-04-01T00:00:00Z"))] == [2]
    assert known.live(int(FUEL), micros("2017-04-01T00:00:00Z")) == []
    with shop.serving.foundations.database.read() as conn:
        assert read_catalogue(conn, known).terms(id_, 1) is known.terms(id_, 1)
    early = shop.post("grocer", f"{PATH}/ten-off/versions",
                      {"terms": TERMS, "effective_from": "2017-03-31T00:00:00Z"})  # fmt: skip
    assert early.json["code"] == "coupon-version-out-of-order"
    pages = shop.get("grocer-till", f"{PATH}/ten-off/versions?limit=1").json
    rest = shop.get("grocer-till", f"{PATH}/ten-off/versions?limit=1&cursor={pages['next_cursor']}").json
    assert [one["version"] for page in (pages, rest) for one in page["versions"]] == [1, 2]


def test_whoever_pays_or_takes_it_beside_the_owner_must_agree_with_a_key_of_its_own(shop: Shop) -> None:
    definition = defined(shop)["definition"]
    first = written(shop, SHARED)
    assert first["waiting_for"] == [FUEL]
    approved = shop.must("operator", f"{PATH}/ten-off/versions/1/approval")
    assert (approved["approved"], approved["live_from"]) == (True, None)
    assert catalogue(shop).definitions == {}
    consent = f"{PATH}/ten-off/versions/1/consent"
    assert shop.post("operator", consent).json["code"] == "not-yours"
    assert shop.post("grocer", consent).json["code"] == "coupon-consent-not-needed"
    versions = f"{PATH}/ten-off/versions"
    written(shop, TERMS)
    assert [one["version"] for one in shop.get("fuel", versions).json["versions"]] == [1]
    assert [one["version"] for one in shop.get("auditor", versions).json["versions"]] == [1, 2]
    agreed = shop.must("fuel", consent)
    assert (agreed["waiting_for"], agreed["live_from"]) == ([], shop.at)
    assert shop.post("fuel", consent).json["code"] == "coupon-version-decided"
    assert set(catalogue(shop).definitions) == {definition}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"benefit": {"type": "Gold"}}, "malformed-field"),
    ({"version": 3}, "malformed-field"),
    ({"benefit": {"type": []}}, "malformed-field"),
    ({"scope": {"of": {"lists": [2**63]}}}, "malformed-field"),
    ({"scope": {"of": {"lists": [-1]}}}, "coupon-terms-faulty"),
    ({"funders": [{"party": "12", "bps": 10_000}]}, "malformed-field"),
    ({"scope": {"stores": "all"}}, "malformed-field"),
    ({"funders": [{"party": GROCER, "bps": 9_999}]}, "coupon-terms-faulty"),
    ({"funders": [{"party": "9506000000992", "bps": 10_000}]}, "coupon-terms-faulty"),
    ({"scope": {"stores": ["9506000000992"]}}, "coupon-terms-faulty"),
    ({"scope": {"of": {"lists": [4]}}}, "coupon-terms-faulty"),
    ({"window": {"zone": "Mars/Olympus"}}, "coupon-terms-faulty"),
    ({"benefit": {"type": "StoredValue", "most_minor": 100}, "kind": "paid"}, "coupon-law-refused"),
]


def test_terms_that_no_coupon_may_have_are_refused_and_nothing_is_written(shop: Shop) -> None:
    defined(shop)
    path = f"{PATH}/ten-off/versions"
    for change, code in REFUSED:
        for dry in (True, False):
            refused = shop.post("grocer", path, {"terms": {**TERMS, **change}, "dry_run": dry})
            assert refused.json["code"] == code, change
    assert shop.must("grocer", path, {"terms": TERMS, "dry_run": True})["version"] == 1
    assert shop.get("grocer", path).json["versions"] == []


def test_groups_that_contradict_each_other_are_refused_when_written(shop: Shop) -> None:
    live(shop, {**TERMS, "stacking": {"group": "a", "combines_with": ["b"]}}, "first")
    defined(shop, "second")
    circle = {**TERMS, "stacking": {"group": "b", "combines_with": ["c"]}}
    refused = shop.post("grocer", f"{PATH}/second/versions", {"terms": circle})
    assert (refused.status_code, refused.json["code"]) == (422, "coupon-stacking-contradiction")
    assert refused.json["params"] == {"definition": "first", "group": "b"}
    written(shop, {**TERMS, "stacking": {"group": "b", "combines_with": ["a"]}}, "second")
    shop.must("operator", f"{PATH}/second/versions/1/approval")


def test_two_drafts_that_contradict_are_caught_at_the_second_approval(shop: Shop) -> None:
    for code, group, other in (("first", "a", "b"), ("second", "b", "c")):
        defined(shop, code)
        written(shop, {**TERMS, "stacking": {"group": group, "combines_with": [other]}}, code)
    shop.must("operator", f"{PATH}/first/versions/1/approval")
    refused = shop.post("operator", f"{PATH}/second/versions/1/approval")
    assert refused.json["code"] == "coupon-stacking-contradiction"


def test_a_definition_is_withdrawn_once_and_takes_no_more_versions(shop: Shop) -> None:
    live(shop, TERMS, "ten-off")
    gone = shop.must("grocer", f"{PATH}/ten-off/withdrawal")
    assert gone["withdrawn_at"] == shop.at
    assert catalogue(shop).live(int(GROCER), micros(shop.at)) == []
    for path in (f"{PATH}/ten-off/withdrawal", f"{PATH}/ten-off/versions"):
        body = {"terms": TERMS} if path.endswith("versions") else {}
        assert shop.post("grocer", path, body).json["code"] == "coupon-definition-withdrawn"


def test_codes_numbers_and_owners_of_definitions(shop: Shop) -> None:
    body = {"code": "ten-off", "names": {"en": "Ten off"}}
    assert shop.post("fuel", PATH, body).json["code"] == "not-yours"
    assert shop.post("grocer-till", PATH, body).json["code"] == "scope-missing"
    one = defined(shop, gcn="9501101530003")
    assert (one["gcn"], one["jurisdiction"]) == ("9501101530003", "none")
    assert shop.post("grocer", PATH, body).json["code"] == "coupon-code-taken"
    other = {**body, "code": "other"}
    assert shop.post("grocer", PATH, {**other, "gcn": "9501101530003"}).json["code"] == "coupon-code-taken"
    assert shop.post("grocer", PATH, {**other, "gcn": "9501101530004"}).json["code"] == "malformed-field"
    nowhere = "/v1/merchants/9506000000992/coupon-definitions"
    assert shop.post("operator", nowhere, body).json["code"] == "merchant-unknown"
    assert shop.get("grocer", PATH).json["definitions"] == [one]
    for path in (PATH, f"/v1/merchants/{GROCER}/coupon-campaigns", f"/v1/merchants/{GROCER}/goods-lists"):
        assert shop.get("fuel-till", path).json["code"] == "not-yours"
        assert shop.get("auditor", path).status_code == 200
    for path in (f"{PATH}/none/versions", f"{PATH}/ten-off/versions/1/approval"):
        expected = "coupon-definition-unknown" if "none" in path else "coupon-version-unknown"
        said = {"terms": TERMS} if path.endswith("versions") else {}
        assert shop.post("operator", path, said).json["code"] == expected
    for odd in ("ten-off/versions/x", "%00/versions/1", "a%20b/versions/1", "ten-off/versions/%D9%A1"):
        assert shop.post("operator", f"{PATH}/{odd}/approval").json["code"] == "malformed-field"
