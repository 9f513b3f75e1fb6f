"""Items over HTTP: scans in public, a claim and a return, terms, cases, labels, the resolver's answers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import parse_instant
from ledger_service.traceability.goods.service import Goods, NewBatch
from tests.api.conftest import _opened
from tests.api.service import GROCER, Shop
from tests.integration.traceability.stock import GTIN, Seeds, Stock, stock_up

OURS = "http://127.0.0.1:8080"
LINKS = [
    {
        "kind": "pip",
        "href": "https://brand.example/tea?a=1",
        "title": "Tea",
        "languages": ["en"],
        "default": True,
    },
    {"kind": "pip", "href": "https://brand.example/cha", "title": "茶", "languages": ["zh-Hant", "zh-Hans"]},
    {"kind": "instructions", "href": "https://brand.example/one", "title": "One", "languages": ["fr"]},
    {"kind": "instructions", "href": "https://brand.example/two", "title": "Two", "languages": ["fr"]},
]


class Shelf:
    """A shop whose grocer has ten items of tea."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        serving = shop.serving
        self.stock: Stock = stock_up(
            serving.foundations.database, serving.secrets.one_time, int(GROCER), parse_instant(shop.at, "at")
        )
        self.batch = f"/v1/batches/{self.stock.batch_no}"

    def scan(self, code: str, **more: Any) -> TestResponse:
        body = json.dumps({"code": code, **more})
        return self.shop.client.post("/v1/scans", data=body, headers={"Content-Type": "application/json"})

    def go(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        return self.shop.client.open(path, method=method, headers=headers)


@pytest.fixture
def shelf(shop: Shop) -> Shelf:
    return Shelf(shop)


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_everybody_may_scan_and_sees_product_and_reasons(shelf: Shelf) -> None:
    code = shelf.stock.code(0)
    first = shelf.scan(code, country="HK", latitude_tenths=223, longitude_tenths=1142, device="12345678").json
    assert (first["verdict"], first["reasons"], first["names"]["zh-Hant"]) == (
        "genuine-first",
        ["first-scan"],
        "茶",
    )
    again = shelf.go(f"/v1/scans?code={code}&country=FR").json
    assert (again["verdict"], again["times"], again["first_country"]) == ("genuine-again", 1, "HK")
    assert shelf.scan("https://id.gs1.org/01/1").json["verdict"] == "malformed"
    unknown = shelf.scan(f"https://id.gs1.org/01/{GTIN}/21/ZZZZZZZZZZZZ").json
    assert (unknown["verdict"], unknown["names"], unknown["lot"]) == ("unknown", None, None)
    assert code_of(shelf.scan(code, latitude_tenths=22.3)) == (400, "malformed-field")


def test_an_address_that_scans_without_end_is_told_to_wait(sqlite_database: Database, tmp_path: Path) -> None:
    opened: Iterator[Shop] = _opened(sqlite_database, tmp_path, ALLIANCE_PUBLIC_BURST="3")
    shop = next(opened)
    answers = [shop.client.get("/v1/scans?code=x") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    other = shop.client.get("/v1/scans?code=x", environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert other.status_code == 200
    next(opened, None)


def test_an_item_is_claimed_returned_and_recalled(shelf: Shelf) -> None:
    shop, path = shelf.shop, f"/v1/products/{GTIN}/claim-terms"
    assert shop.get("grocer", path).json["version"] == 0
    assert code_of(shop.put("grocer", path, {"programme": "FUEL", "points": 5}))[0] in (400, 422)
    assert shop.put("grocer", path, {"programme": "GROC", "points": 5, "per_member_day": 2}).json == {
        "version": 1
    }
    assert shop.get("grocer", path).json["per_member_day"] == 2
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    shop.key_for("member", number)
    claims = f"/v1/members/{number}/item-claims"

    def claim(index: int, pin: str | None = None, key: str = "") -> TestResponse:
        body = {"code": shelf.stock.code(index), "pin": pin or shelf.stock.pin(index), "channel": "app"}
        return shop.post("operator", claims, body, **({"key": key} if key else {}))

    assert code_of(claim(0, "00000000")) == (422, "item-pin-refused")
    done = claim(0, key="once")
    assert (done.status_code, done.json["points"], done.json["state"]) == (201, 5, "available")
    assert claim(0, key="once").headers["Idempotency-Replayed"] == "true"
    assert code_of(claim(0)) == (409, "item-claimed")
    assert claim(1).status_code == 201
    assert code_of(claim(2)) == (422, "claim-cap-reached")
    assert [c["points"] for c in shop.get("operator", claims).json["claims"]] == [5, 5]
    scanned = shelf.scan(shelf.stock.code(0), device="another phone").json
    assert (scanned["verdict"], scanned["reasons"]) == ("repeat", ["claimed-by-another"])
    code = {"code": shelf.stock.code(0)}
    assert code_of(shop.post("fuel", "/v1/item-returns", code)) == (409, "item-not-of-sale")
    assert shop.post("grocer", "/v1/item-returns", code).json["available"] == 5
    assert code_of(shop.post("grocer", "/v1/item-returns", code)) == (409, "item-not-returnable")
    assert code_of(claim(0)) == (409, "item-claimed")
    assert shelf.scan(shelf.stock.code(0)).json["reasons"] == ["void"]
    recalled(shelf, number, claim)


def recalled(shelf: Shelf, number: str, claim: Callable[[int], TestResponse]) -> None:
    """After a recall nobody claims, and whoever has claimed is listed."""
    shop, path = shelf.shop, f"/v1/products/{GTIN}/claim-terms"
    assert code_of(shop.post("fuel", f"{shelf.batch}/recall")) == (404, "batch-unknown")
    assert shop.post("grocer", f"{shelf.batch}/recall").status_code == 200
    assert code_of(claim(3)) == (409, "item-not-claimable")
    seen = shop.get("operator", f"{shelf.batch}/recall").json
    assert [(c["member"], c["voided_at"] is None) for c in seen["claims"]] == [
        (number, False),
        (number, True),
    ]
    assert (seen["items"], seen["settlement"][0]["points"], seen["settlement"][0]["voided"]) == (10, 10, 1)
    assert {c["member"] for c in shop.get("grocer", f"{shelf.batch}/recall").json["claims"]} == {None}
    shop.put("grocer", path, {"programme": "GROC", "points": 0})
    assert code_of(claim(4)) == (422, "claim-not-offered")
    assert code_of(shop.get("fuel", f"/v1/products/{GTIN[:-1]}5/claim-terms")) in (
        (404, "product-unknown"), (400, "malformed-field"),
    )  # fmt: skip


def test_a_brand_sees_its_goods_in_pages_and_prints_whole_batches(shelf: Shelf) -> None:
    shop = shelf.shop
    assert [p["gtin"] for p in shop.get("grocer", "/v1/products").json["products"]] == [GTIN]
    assert shop.get("fuel", "/v1/products").json["products"] == []
    assert shop.get("grocer", f"/v1/products/{GTIN}/batches").json["batches"][0]["made"] == 10
    assert code_of(shop.get("fuel", f"/v1/products/{GTIN}/batches")) == (404, "product-unknown")
    page = shop.get("grocer", f"{shelf.batch}/items?limit=7").json
    rest = shop.get("grocer", f"{shelf.batch}/items?limit=7&cursor={page['next_cursor']}").json
    assert [i["serial"] for i in page["items"] + rest["items"]] == [i[1] for i in shelf.stock.items]
    lines = shop.get("grocer", f"{shelf.batch}/labels?format=csv&first=2&count=1").get_data(as_text=True)
    _, serial, pin = shelf.stock.items[2]
    assert lines.splitlines()[1] == f"2,{OURS.upper()}/01/{GTIN}/21/{serial},{serial},{pin}"
    tagged = shop.get("grocer", f"{shelf.batch}/labels?format=csv&count=1&tags=yes").get_data(as_text=True)
    code = tagged.splitlines()[1].split(",")[1]
    assert code.startswith(f"{OURS.upper()}/01/{GTIN}/21/{shelf.stock.items[0][1]}?98=")
    scanned = shelf.go("/v1/scans?code=" + quote(code, safe="")).json
    assert scanned["verdict"] == "genuine-first"
    packed = shop.get("grocer", f"{shelf.batch}/labels?format=zip&count=3").get_data()
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert archive.namelist() == ["items.csv", "labels.pdf"]
        assert archive.read("labels.pdf").startswith(b"%PDF")
    assert code_of(shop.get("fuel", f"{shelf.batch}/labels?format=csv")) == (404, "batch-unknown")
    assert code_of(shop.get("grocer-till", f"{shelf.batch}/labels?format=csv")) == (403, "scope-missing")
    # Who may set up shops and sell is not yet whoever may see PINs.
    desk = {"role": "merchant", "subject": GROCER, "scopes": ["store:write", "trace:read"]}
    token = shop.must("operator", "/v1/keys", desk)["token"]
    assert shop.get(token, f"{shelf.batch}/items").status_code == 200
    assert code_of(shop.get(token, f"{shelf.batch}/labels?format=csv")) == (403, "scope-missing")


def test_a_case_is_assigned_noted_and_closed_by_its_brand(shelf: Shelf) -> None:
    shop = shelf.shop
    for country, device in (("HK", "device one"), ("FR", "device two")):
        place = {"latitude_tenths": 223, "longitude_tenths": 1142 if country == "HK" else 24}
        shelf.scan(shelf.stock.code(0), device=device, country=country, **place)
    (case,) = shop.get("grocer", "/v1/item-cases?state=open").json["cases"]
    assert (case["kind"], case["gtin"]) == ("impossible-travel", GTIN)
    path = f"/v1/item-cases/{case['case']}"
    assert code_of(shop.get("fuel", path)) == (404, "item-case-unknown")
    assert shop.post("grocer", f"{path}/assignment", {"to": "Ann", "said": "please"}).json == {
        "state": "assigned"
    }
    assert shop.post("grocer", f"{path}/notes", {"said": "a photograph"}).json == {"state": "assigned"}
    closed = {"closure": "false-alarm", "said": "a gift by post"}
    assert shop.post("grocer", f"{path}/closure", closed).json == {"state": "closed"}
    assert code_of(shop.post("grocer", f"{path}/closure", closed)) == (409, "item-case-closed")
    events = [e["kind"] for e in shop.get("grocer", path).json["events"]]
    assert events == ["opened", "assigned", "noted", "closed"]


def test_a_code_leads_where_its_brand_says(shelf: Shelf) -> None:
    shop, path = shelf.shop, f"/v1/products/{GTIN}/links"
    built_in = shelf.go(f"/01/{GTIN}")
    assert (built_in.status_code, "/v1/scans?code=" in built_in.headers["Location"]) == (307, True)
    assert shop.put("grocer", path, {"links": LINKS}).json == {"version": 1}
    assert code_of(shop.put("fuel", path, {"links": LINKS})) == (404, "product-unknown")
    assert code_of(shop.put("grocer", path, {"links": LINKS, "lot": "L9"})) == (404, "batch-unknown")
    assert code_of(shop.put("grocer", path, {"links": LINKS[1:]})) == (400, "malformed-field")
    script = [{**LINKS[0], "href": "javascript:alert(1)"}]
    assert code_of(shop.put("grocer", path, {"links": script})) == (400, "malformed-field")
    assert shop.get("grocer", path).json["links"][0]["kind"] == "pip"
    led = shelf.go(f"/01/{GTIN}/?utm_source=x")
    assert (led.status_code, led.headers["Location"]) == (307, "https://brand.example/tea?a=1&utm_source=x")
    assert 'rel="linkset"' in led.headers["Link"]
    assert led.headers["Access-Control-Allow-Origin"] == "*"
    chinese = shelf.go(f"/01/{GTIN}", **{"Accept-Language": "fr;q=0.1, zh-TW;q=0, zh;q=0.9"})
    assert chinese.headers["Location"] == "https://brand.example/cha"
    # An unknown lot or serial walks up to its product; so does an item of ours.
    for tail in ("/10/NONE/21/X1", f"/21/{shelf.stock.items[0][1]}"):
        assert shelf.go(f"/01/{GTIN}{tail}").headers["Location"] == "https://brand.example/tea?a=1"
    several = shelf.go(f"/01/{GTIN}?linkType=gs1:instructions")
    assert (several.status_code, len(linked(several, "instructions"))) == (300, 2)
    assert code_of(shelf.go(f"/01/{GTIN}?linkType=gs1:dpp")) == (404, "link-absent")
    assert code_of(shelf.go("/01/09506000149301")) == (404, "link-absent")
    assert code_of(shelf.go("/01/09506000134353")) == (400, "code-malformed")
    assert code_of(shelf.go(f"/01/{GTIN}/21/A/10/B")) == (400, "code-malformed")
    assert code_of(shelf.go(f"/01/{GTIN}?4711=x")) == (400, "code-malformed")


def test_all_links_come_as_a_linkset_and_a_batchs_own_come_first(shelf: Shelf) -> None:
    shop = shelf.shop
    shop.put("grocer", f"/v1/products/{GTIN}/links", {"links": LINKS})
    own = [
        {"kind": "recallStatus", "href": "https://brand.example/recall", "title": "Recall", "default": True}
    ]
    shop.put("grocer", f"/v1/products/{GTIN}/links", {"links": own, "lot": "L1"})
    asked = shelf.go(f"/01/{GTIN}", Accept="application/linkset+json")
    assert (asked.status_code, asked.headers["Content-Type"]) == (200, "application/linkset+json")
    assert asked.get_data() == shelf.go(f"/01/{GTIN}?linkType=linkset").get_data()
    assert asked.json["linkset"][0]["anchor"] == f"{OURS}/01/{GTIN}"
    assert asked.json["linkset"][0]["description"] == asked.json["linkset"][0]["itemDescription"]
    for rel, kind in (
        ("linkset", "linkset+json"), ("http://www.w3.org/ns/json-ld#context", "ld+json"),
    ):  # fmt: skip
        assert f'; rel="{rel}"; type="application/{kind}"' in asked.headers["Link"]
    assert linked(asked, "defaultLink") == [{"href": "https://brand.example/tea?a=1", "title": "Tea"}]
    assert [link["hreflang"] for link in linked(asked, "pip")] == [["en"], ["zh-Hant", "zh-Hans"]]
    item = f"/01/{GTIN}/21/{shelf.stock.items[0][1]}"
    assert shelf.go(item).headers["Location"] == "https://brand.example/recall"
    english = {"Accept-Language": "en"}
    assert shelf.go(item + "?linkType=pip").status_code == 300
    asked = shelf.go(item + "?linkType=pip", **english)
    assert asked.headers["Location"] == "https://brand.example/tea?a=1"
    head = shelf.go(f"/01/{GTIN}", "HEAD")
    assert (head.status_code, head.get_data(), "Location" in head.headers) == (307, b"", True)
    options = shelf.go(f"/01/{GTIN}", "OPTIONS")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    described = shelf.go("/.well-known/gs1resolver")
    assert described.json["supportedPrimaryKeys"] == ["01"]
    assert described.headers["Access-Control-Allow-Origin"] == "*"


def linked(answer: TestResponse, kind: str) -> list[dict[str, Any]]:
    return list(answer.json["linkset"][0][f"https://gs1.org/voc/{kind}"])


def test_labels_wait_until_every_item_is_made(shelf: Shelf) -> None:

    serving = shelf.shop.serving
    with serving.foundations.database.begin() as conn:
        goods = Goods(serving.secrets.one_time, Seeds())
        batch = goods.open_batch(
            conn, NewBatch(GTIN, int(GROCER), "L2", 5), parse_instant(shelf.shop.at, "at")
        )
    assert code_of(shelf.shop.get("grocer", f"/v1/batches/{batch}/labels?format=pdf")) == (
        409,
        "batch-not-made",
    )
