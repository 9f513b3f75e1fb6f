"""A brand's product from its registration over HTTP to what a shopper sees of an item's way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from ledger_service.traceability.goods.service import Goods
from tests.api.service import FUEL, GROCER, GROCER_STORE, Shop
from tests.integration.traceability.stock import Seeds

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
GTIN = "09506000134376"
PRODUCT = {
    "gtin": GTIN, "merchant": GROCER, "brand": "Leaf", "markets": ["HK"],
    "names": {"en": "Tea", "zh-Hans": "茶", "zh-Hant": "茶"},
}  # fmt: skip


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def told(step: str, day: int, item: str, place: str, **more: Any) -> dict[str, Any]:
    return {"type": "ObjectEvent", "eventTime": f"2026-01-{day:02d}T10:00:00Z", "bizStep": step,
            "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "epcList": [item],
            "bizLocation": {"id": f"https://id.gs1.org/414/{place}"},
            "@context": [CONTEXT], **more}  # fmt: skip


def made(shop: Shop) -> str:
    """The code of the first item of a batch that was opened over HTTP."""
    shop.must("grocer", "/v1/products", PRODUCT)
    opened = shop.must("grocer", f"/v1/products/{GTIN}/batches", {"lot": "L1", "size": 3, "expiry": "290100"})
    serving = shop.serving
    with serving.foundations.database.begin() as conn:
        Goods(serving.secrets.one_time, Seeds()).make_items(conn, opened["batch"])
    items = shop.get("grocer", f"/v1/batches/{opened['batch']}/items").json["items"]
    return f"https://id.gs1.org/01/{GTIN}/21/{items[0]['serial']}"


def test_a_brand_registers_products_and_opens_batches_of_its_own_alone(shop: Shop) -> None:
    assert code_of(shop.post("fuel", "/v1/products", PRODUCT)) == (403, "not-yours")
    stranger = {**PRODUCT, "merchant": "9506000134352"}
    assert code_of(shop.post("operator", "/v1/products", stranger)) == (404, "merchant-unknown")
    first = shop.must("grocer", "/v1/products", PRODUCT, key="tea")
    assert first == shop.must("grocer", "/v1/products", PRODUCT, key="tea")
    assert code_of(shop.post("grocer", "/v1/products", PRODUCT)) == (400, "malformed-field")
    path = f"/v1/products/{GTIN}/batches"
    assert code_of(shop.post("fuel", path, {"lot": "L1", "size": 1})) == (404, "product-unknown")
    for odd in ({"lot": "l 1", "size": 1}, {"lot": "L1", "size": 0},
                {"lot": "L1", "size": 1, "expiry": "291301"}):  # fmt: skip
        assert code_of(shop.post("grocer", path, odd)) == (400, "malformed-field")
    assert shop.must("operator", path, {"lot": "L1", "size": 1})["batch"] > 0
    assert shop.get("fuel", "/v1/products").json["products"] == []
    assert FUEL != GROCER


def test_a_shopper_sees_days_and_places_and_never_a_sale(shop: Shop) -> None:
    item = made(shop)
    sale = {"bizTransactionList": [{"bizTransaction": "urn:epcglobal:cbv:bt:9506000134352:secret"}]}
    for event in (
        told("commissioning", 1, item, "9506000134352", action="ADD"),
        told("receiving", 2, item, GROCER_STORE),
        told("receiving", 2, item, GROCER_STORE, action="ADD"),
        told("retail_selling", 3, item, GROCER_STORE, **sale),
    ):
        assert shop.post("grocer", "/epcis/events", event).status_code == 201
    path = f"/v1/scans/journey?code={quote(item, safe='')}"
    answer = shop.client.get(path)
    stops = answer.json["stops"]
    assert [(s["day"], s["step"]) for s in stops] == [
        ("2026-01-01", "commissioning"), ("2026-01-02", "receiving"), ("2026-01-03", "retail_selling"),
    ]  # fmt: skip
    assert stops[0]["name"] is None and stops[2]["name"]
    assert b"secret" not in answer.data
    other = item[:-1] + ("Z" if item[-1] != "Z" else "Y")
    for nobody in ("x", f"{item}?98=00000000", other):
        empty = shop.client.get(f"/v1/scans/journey?code={quote(nobody, safe='')}")
        assert empty.json == {"stops": [], "cut": False}
    listed = shop.get("grocer", "/v1/batches/1/items").json["items"]
    assert listed[0]["state"] == "sold"
    led = shop.client.get(item.removeprefix("https://id.gs1.org")).headers["Location"]
    assert "/item?code=" in led and unquote(led).endswith(item.removeprefix("https://id.gs1.org"))
