"""The REST binding of EPCIS 2.0, row by row as the standard's own description of it has it: methods,
statuses, types of problems, headers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import quote

import orjson
import pytest

from ledger_service.api.endpoints.epcis_wants import MOST_ADDRESS_BYTES
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.traceability.epcis.documents import CONTEXT, MOST_BYTES
from tests.api import contract
from tests.api.service import Shop
from tests.api.test_epcis import ITEM, document, event, events_of, problem

ITEM_PATH = quote(ITEM.format(1), safe="")
QUERY, STANDING = "/epcis/queries/all", {"name": "all", "query": {"eventType": ["ObjectEvent"]}}
# Every resource of the standard, and its methods beside OPTIONS.
RESOURCES = {
    "/epcis": "GET", "/epcis/capture": "GET, POST", "/epcis/capture/" + "0" * 32: "GET",
    "/epcis/events": "GET, POST", "/epcis/events/urn%3Ax%3A1": "GET",
    "/epcis/eventTypes": "GET", "/epcis/eventTypes/ObjectEvent": "GET",
    "/epcis/eventTypes/ObjectEvent/events": "GET",
    "/epcis/epcs": "GET", "/epcis/bizLocations": "GET", "/epcis/readPoints": "GET",
    f"/epcis/epcs/{ITEM_PATH}": "GET", f"/epcis/epcs/{ITEM_PATH}/events": "GET",
    "/epcis/bizSteps": "GET", "/epcis/bizSteps/shipping": "GET", "/epcis/bizSteps/shipping/events": "GET",
    "/epcis/bizLocations/urn%3Ax%3A1": "GET", "/epcis/bizLocations/urn%3Ax%3A1/events": "GET",
    "/epcis/readPoints/urn%3Ax%3A1": "GET", "/epcis/readPoints/urn%3Ax%3A1/events": "GET",
    "/epcis/dispositions": "GET", "/epcis/dispositions/in_transit": "GET",
    "/epcis/dispositions/in_transit/events": "GET",
    "/epcis/queries": "GET, POST", "/epcis/queries/all": "DELETE, GET", "/epcis/queries/all/events": "GET",
    "/epcis/queries/all/subscriptions": "GET, POST",
    "/epcis/queries/all/subscriptions/" + "0" * 32: "DELETE, GET",
}  # fmt: skip
TOLD = {
    "GS1-EPCIS-Version": "2.0.0", "GS1-EPCIS-Min": "2.0.0", "GS1-EPCIS-Max": "2.0.0",
    "GS1-CBV-Version": "2.0.0", "GS1-CBV-Min": "2.0.0", "GS1-CBV-Max": "2.0.0",
    "GS1-EPC-Format": "Never_Translates", "GS1-Extensions": "",
}  # fmt: skip
LIMITS = {"GS1-EPCIS-Capture-Limit": "1000", "GS1-EPCIS-Capture-File-Size-Limit": str(MOST_BYTES)}


def authorized(shop: Shop, who: str = "grocer", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {shop.keys[who]}", "Content-Type": "application/json", **more}


@pytest.mark.parametrize(("path", "methods"), RESOURCES.items())
def test_each_resource_says_what_it_can(open_shop_once: Shop, path: str, methods: str) -> None:
    shop = open_shop_once
    told = shop.client.options(path, headers=authorized(shop))
    assert (told.status_code, told.headers["Allow"]) == (204, f"{methods}, OPTIONS")
    assert {name: told.headers.get(name) for name in TOLD} == TOLD
    assert told.headers["GS1-Vendor-Version"]
    takes = "POST" in methods and not path.startswith("/epcis/queries")
    assert {name: told.headers.get(name) for name in LIMITS} == (LIMITS if takes else dict.fromkeys(LIMITS))
    assert problem(shop.client.options(path))[:2] == (401, "SecurityException")


@pytest.mark.parametrize(("path", "some"), [
    ("", {"capture", "epcs", "events", "eventTypes", "queries", "bizSteps", "dispositions", "readPoints",
          "bizLocations"}),
    ("/eventTypes", {"ObjectEvent", "AssociationEvent"}), ("/bizSteps", {"shipping", "sampling"}),
    ("/dispositions", {"in_transit"}), ("/bizSteps/shipping", {"events"}), (f"/epcs/{ITEM_PATH}", {"events"}),
    ("/eventTypes/ObjectEvent", {"events"}), ("/readPoints/urn%3Ax%3A1", {"events"}),
    ("/epcs", set()), ("/bizLocations", set()), ("/readPoints", set()),
    ("/bizLocations/urn%3Ax%3A1", {"events"}), ("/dispositions/in_transit", {"events"}),
])  # fmt: skip
def test_resources_lead_from_one_to_the_next(open_shop_once: Shop, path: str, some: set[str]) -> None:
    found = open_shop_once.get("grocer", f"/epcis{path}")
    assert found.status_code == 200
    assert (found.json["@context"], found.json["type"]) == (CONTEXT, "Collection")
    assert some <= set(found.json["member"])
    assert (len(found.json["member"]) == 9) == (path == "")


# Method, path, body, headers beside the key's; then status, type and our code.
_LONG = "/epcis/events?EQ_bizStep=" + "s" * MOST_ADDRESS_BYTES
_EVENT = {"@context": CONTEXT, **event(1)}
Asked: TypeAlias = tuple[str, str, Any, dict[str, str], tuple[int, str, str]]
REFUSED: list[Asked] = [
    ("POST", "/epcis/capture", {}, {}, (400, "ValidationException", "malformed-field")),
    ("POST", "/epcis/events", {"@context": CONTEXT}, {}, (400, "ValidationException", "malformed-field")),
    ("POST", "/epcis/capture", document(event(1)), {"GS1-EPCIS-Version": "1.2"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("POST", "/epcis/events", _EVENT, {"GS1-CBV-Version": "3.0.0"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("GET", "/epcis/capture", None, {"GS1-EPCIS-Min": "2.1.0"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("GET", "/epcis/events", None, {"Accept": "application/xml"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("GET", "/epcis/events", None, {"GS1-EPC-Format": "Always_EPC_URN"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("POST", "/epcis/capture", None, {"Content-Type": "application/xml"},
     (415, "UnsupportedMediaTypeException", "media-type-unsupported")),
    ("POST", "/epcis/queries", None, {"Content-Type": "text/plain"},
     (415, "UnsupportedMediaTypeException", "media-type-unsupported")),
    ("POST", "/epcis/capture", document(*[0] * 1_001), {},
     (413, "CaptureLimitExceededException", "capture-too-large")),
    ("GET", _LONG, None, {}, (414, "URITooLongException", "address-too-long")),
    ("GET", "/epcis/bizSteps/shipping/events?LT_eventTime=soon", None, {},
     (400, "QueryParameterException", "malformed-field")),
    ("GET", "/epcis/events?eventCountLimit=3", None, {}, (400, "QueryParameterException", "malformed-field")),
    ("GET", "/epcis/epcs?nextPageToken=x", None, {}, (400, "QueryParameterException", "cursor-refused")),
    ("GET", "/epcis/readPoints?perPage=0", None, {}, (400, "QueryParameterException", "malformed-field")),
    ("GET", "/epcis/bizLocations", None, {"GS1-EPCIS-Version": "1.2"},
     (406, "NotAcceptableException", "not-acceptable")),
    ("GET", "/epcis/events?nextPageToken=x", None, {}, (400, "QueryParameterException", "cursor-refused")),
    ("GET", "/epcis/events/urn%3Ax%3A9", None, {}, (404, "NoSuchResourceException", "event-unknown")),
    ("GET", "/epcis/capture/" + "0" * 32, None, {}, (404, "NoSuchResourceException", "capture-unknown")),
    ("GET", "/epcis/queries/none", None, {}, (404, "NoSuchNameException", "query-unknown")),
    ("DELETE", "/epcis/queries/none", None, {}, (404, "NoSuchNameException", "query-unknown")),
    ("GET", "/epcis/queries/none/events", None, {}, (404, "NoSuchNameException", "query-unknown")),
    ("POST", "/epcis/queries", {"name": "all"}, {}, (400, "QueryValidationException", "malformed-field")),
    ("POST", f"{QUERY}/subscriptions", {"dest": "https://example.com"}, {},
     (400, "SubscriptionControlsException", "malformed-field")),
    ("GET", "/epcis/bizSteps/%00", None, {}, (400, "QueryParameterException", "malformed-field")),
    ("OPTIONS", "/epcis/queries/%5C", None, {}, (400, "QueryParameterException", "malformed-field")),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_each_refusal_has_the_standards_status_and_type(open_shop_once: Shop, row: Asked) -> None:
    shop, (method, path, body, headers, told) = open_shop_once, row
    raw = b"" if method != "POST" else b"<a/>" if body is None else orjson.dumps(body)
    answer = shop.client.open(path, method=method, data=raw, headers=authorized(shop, **headers))
    contract.check(method, path, answer)
    assert problem(answer) == told
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    if told[0] == 413:
        assert {name: answer.headers.get(name) for name in LIMITS} == LIMITS


def test_a_page_leads_to_the_next_for_a_day(shop: Shop) -> None:
    shop.must("grocer", "/epcis/capture", document(*(event(n) for n in range(1, 5))))
    first = shop.get("grocer", "/epcis/events?perPage=3&orderDirection=ASC")
    ends = parse_instant(first.headers["GS1-Next-Page-Token-Expires"], "header")
    assert timedelta(hours=23) < ends - parse_instant(shop.at, "at") <= timedelta(hours=24, seconds=1)
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    following = "/epcis/events" + link[1:].partition(">")[0]
    last = shop.get("grocer", following)
    assert len(events_of(last)) == 1
    assert not {"Link", "GS1-Next-Page-Token-Expires"} & set(last.headers.keys())
    shop.at = format_instant(ends - timedelta(seconds=1))
    assert shop.get("grocer", following).status_code == 200
    shop.at = format_instant(ends)
    assert problem(shop.get("grocer", following)) == (400, "QueryParameterException", "cursor-refused")
    # More than one answer takes is no error: it may hold fewer than were wished.
    assert len(events_of(shop.get("grocer", "/epcis/events?perPage=100000"))) == 4
    jobs = shop.get("grocer", "/epcis/capture?perPage=1")
    assert "Link" not in jobs.headers


def test_what_is_made_stands_where_its_answer_says(shop: Shop) -> None:
    job = shop.post("grocer", "/epcis/capture", document(event(1)))
    assert (job.status_code, job.headers["Location"]) == (202, f"/epcis/capture/{job.json['captureID']}")
    wanted = {"captureID", "createdAt", "running", "success", "captureErrorBehaviour", "errors"}
    assert wanted <= set(shop.get("grocer", job.headers["Location"]).json)
    made = shop.post("grocer", "/epcis/events", {"@context": CONTEXT, **event(2)})
    assert made.status_code == 201
    found = shop.get("grocer", made.headers["Location"])
    assert (found.json["type"], len(events_of(found))) == ("EPCISQueryDocument", 1)
    query = shop.post("grocer", "/epcis/queries", STANDING)
    assert (query.status_code, query.headers["Location"]) == (201, QUERY)
    assert problem(shop.post("grocer", "/epcis/queries", STANDING)) == (
        409, "ResourceAlreadyExistsException", "query-name-taken")  # fmt: skip
    assert shop.get("grocer", QUERY).json == STANDING
    assert len(events_of(shop.get("grocer", f"{QUERY}/events"))) == 2
    gone = shop.client.delete(QUERY, headers=authorized(shop))
    assert (gone.status_code, gone.data) == (204, b"")
