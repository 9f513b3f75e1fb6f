"""Coupon campaigns and goods lists over HTTP."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import insert

from ledger_service.coupons.definitions.errors import CampaignStateWrong, SourceUnknown
from ledger_service.coupons.wallet.models import coupon
from tests.api.service import GROCER, NOON, Shop
from tests.api.test_coupon_definitions import PATH as DEFINITIONS
from tests.api.test_coupon_definitions import TERMS, catalogue, defined, live, micros

PATH = f"/v1/merchants/{GROCER}/coupon-campaigns"
LISTS = f"/v1/merchants/{GROCER}/goods-lists"
ARMS = [{"weight": 3, "definitions": ["ten-off"]}, {"weight": 1, "definitions": []}]


def campaign(arms: Any = None, **more: str) -> dict[str, Any]:
    times = {"starts_at": "2017-03-02T00:00:00Z", "ends_at": "2017-04-01T00:00:00Z"}
    return {"code": "spring", "names": {"en": "Spring"}, "arms": arms or ARMS, **times, **more}


def offered(shop: Shop, source: str, member: int, at: str) -> Any:
    return catalogue(shop).offerings.offered(source, member, micros(at))


def test_a_campaign_goes_from_draft_to_approved_to_live_to_ended(shop: Shop) -> None:
    definition = live(shop, TERMS, "ten-off")
    draft = shop.must("grocer", PATH, campaign())
    assert (draft["state"], draft["arms"]) == ("draft", ARMS)
    source = shop.must("grocer", f"{PATH}/spring/sources", {"channel": "poster", "label": "Door"})["source"]
    with pytest.raises(CampaignStateWrong):
        offered(shop, source, 1, "2017-03-02T00:00:00Z")
    own = shop.post("grocer", f"{PATH}/spring/approval")
    assert (own.status_code, own.json["code"]) == (403, "coupon-approver-is-author")
    assert shop.must("operator", f"{PATH}/spring/approval")["state"] == "approved"
    assert shop.post("operator", f"{PATH}/spring/approval").json["code"] == "coupon-campaign-state-wrong"
    for at in ("2017-03-01T23:59:59Z", "2017-04-01T00:00:00Z"):
        with pytest.raises(CampaignStateWrong):
            offered(shop, source, 1, at)
    first, last = micros("2017-03-02T00:00:00Z"), micros("2017-03-31T23:59:59.999999Z")
    known = catalogue(shop).offerings
    found = [known.offered(source, member, first) for member in range(400)]
    assert found == [known.offered(source, member, last) for member in range(400)]
    shares = Counter(one.definitions for one in found)
    assert set(shares) == {(definition,), ()}
    assert 260 < shares[(definition,)] < 340
    shop.at = "2017-03-03T00:00:00Z"
    assert shop.get("grocer", PATH).json["campaigns"][0]["state"] == "live"
    assert shop.must("grocer", f"{PATH}/spring/end")["state"] == "ended"
    with pytest.raises(CampaignStateWrong):
        offered(shop, source, 1, "2017-03-04T00:00:00Z")
    for path in ("end", "sources"):
        body = {} if path == "end" else {"channel": "web", "label": "Late"}
        refused = shop.post("grocer", f"{PATH}/spring/{path}", body)
        assert refused.json["code"] == "coupon-campaign-state-wrong"


def test_sources_name_where_members_come_from(shop: Shop) -> None:
    definition = defined(shop)["definition"]
    shop.must("grocer", PATH, campaign())
    path = f"{PATH}/spring/sources"
    body = {"channel": "cashier", "label": "Till 7", "source": "TILL7", "arm": 1}
    one = shop.must("grocer", path, body, key="k")
    assert shop.must("grocer", path, body, key="k") == one
    assert shop.post("grocer", path, body).json["code"] == "coupon-code-taken"
    wrong = {**body, "source": "TILL8", "arm": 2}
    assert shop.post("grocer", path, wrong).json["code"] == "coupon-source-unknown"
    made = shop.must("grocer", path, {"channel": "share", "label": "Link"})
    first = shop.get("grocer", f"{path}?limit=1").json
    second = shop.get("grocer", f"{path}?limit=1&cursor={first['next_cursor']}").json
    found = [*first["sources"], *second["sources"]]
    assert sorted(row["source"] for row in found) == sorted([made["source"], "TILL7"])
    assert [(row["coupons"], row["used"]) for row in found] == [(0, 0)] * 2
    with shop.serving.foundations.database.begin() as conn:
        for number, state in enumerate(("available", "available", "consumed", "void")):
            used = b"u" * 16 if state == "consumed" else None
            source = "TILL7" if number else made["source"]
            conn.execute(insert(coupon).values(
                coupon_id=bytes([number]) * 16, definition_id=definition, version=1, state=state,
                used_by=used, source=source, claimed_at=NOON,
            ))  # fmt: skip
    assert {row["discount_minor"] for row in shop.get("grocer", path).json["sources"]} == {0}
    did = {row["source"]: (row["coupons"], row["used"]) for row in shop.get("grocer", path).json["sources"]}
    assert did == {"TILL7": (3, 1), made["source"]: (1, 0)}
    shop.must("operator", f"{PATH}/spring/approval")
    assert offered(shop, "TILL7", 5, "2017-03-05T00:00:00Z").definitions == ()
    with pytest.raises(SourceUnknown):
        offered(shop, "NOWHERE", 5, "2017-03-05T00:00:00Z")


def test_what_no_campaign_may_say(shop: Shop) -> None:
    defined(shop)
    refusals = [
        (campaign(ends_at="2017-03-02T00:00:00Z"), "malformed-field"),
        (campaign([{"weight": 1, "definitions": []}]), "malformed-field"),
        (campaign([{"weight": 1, "definitions": ["ten-off"]}] * 2), "malformed-field"),
        (campaign([{"weight": 1, "definitions": ["none"]}]), "coupon-definition-unknown"),
    ]
    for body, code in refusals:
        assert shop.post("grocer", PATH, body).json["code"] == code
    assert shop.get("grocer", PATH).json["campaigns"] == []
    shop.must("grocer", PATH, campaign())
    assert shop.post("grocer", PATH, campaign()).json["code"] == "coupon-code-taken"
    assert shop.post("fuel", PATH, campaign()).json["code"] == "not-yours"
    assert shop.post("operator", f"{PATH}/autumn/approval").json["code"] == "coupon-campaign-unknown"
    shop.must("grocer", f"{DEFINITIONS}/ten-off/withdrawal")
    late = shop.post("grocer", PATH, campaign(code="late"))
    assert late.json["code"] == "coupon-definition-withdrawn"


def test_goods_lists_and_products_take_good_rows_and_name_bad_ones(shop: Shop) -> None:
    made = shop.must("grocer", LISTS, {"code": "dairy"})
    assert shop.post("grocer", LISTS, {"code": "dairy"}).json["code"] == "coupon-code-taken"
    assert shop.get("grocer", LISTS).json["lists"] == [made]
    rows = {"column": "gtin", "rows": ["4006381333931", "4006381333932", "04006381333931"]}
    tally = shop.must("grocer", f"{LISTS}/dairy/goods", rows)
    assert tally == {"added": 1, "known": 1, "bad": [{"row": 2, "reason": "gtin"}]}
    assert shop.post("grocer", f"{LISTS}/bread/goods", rows).json["code"] == "goods-list-unknown"
    assert shop.post("fuel", f"{LISTS}/dairy/goods", rows).json["code"] == "not-yours"
    defined(shop)
    scoped = {**TERMS, "scope": {"of": {"lists": [made["list"]]}}}
    assert shop.must("grocer", f"{DEFINITIONS}/ten-off/versions", {"terms": scoped})["version"] == 1
    products = f"/v1/merchants/{GROCER}/products"
    named = {"sku": "A1", "brand": "Alpha", "manufacturer": ""}
    assert shop.must("grocer", products, {"rows": [named, {**named, "sku": ""}]}) == {
        "added": 1, "known": 0, "bad": [{"row": 2, "reason": "text"}],
    }  # fmt: skip
    assert shop.must("grocer", products, {"rows": [named]})["known"] == 1
    assert shop.must("grocer", products, {"rows": [{**named, "brand": "Beta"}]})["added"] == 1
    nowhere = "/v1/merchants/9506000000992"
    for path, body in ((f"{nowhere}/products", {"rows": [named]}), (f"{nowhere}/goods-lists", {"code": "x"})):
        assert shop.post("operator", path, body).json["code"] == "merchant-unknown"
