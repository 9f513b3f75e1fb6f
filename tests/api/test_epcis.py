"""The REST binding of EPCIS 2.0: jobs and how they fail, single events, pages, whose events who sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from ledger_service.api.endpoints.epcis_wants import unmet_header
from ledger_service.traceability.epcis.documents import CONTEXT, MOST_BYTES
from tests.api.service import Shop

ITEM = "https://id.gs1.org/01/09506000134352/21/S{}"
BEHAVIOUR = "GS1-Capture-Error-Behaviour"


def event(number: int, **parts: Any) -> dict[str, Any]:
    plain = {"type": "ObjectEvent", "eventTime": f"2017-02-01T00:00:{number:02d}Z", "bizStep": "storing"}
    plain |= {"eventTimeZoneOffset": "-05:00", "action": "OBSERVE", "epcList": [ITEM.format(number % 2)]}
    return plain | parts


def document(*events: Any) -> dict[str, Any]:
    return {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2017-02-01T00:00:00Z", "epcisBody": {"eventList": list(events)}}  # fmt: skip


def events_of(answer: TestResponse) -> list[dict[str, Any]]:
    return list(answer.json["epcisBody"]["queryResults"]["resultsBody"]["eventList"])


def problem(answer: TestResponse) -> tuple[int, str, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json["type"].removeprefix("epcisException:"), answer.json["code"]


def test_a_document_is_captured_and_its_job_is_found(any_shop: Shop) -> None:
    captured = any_shop.post("grocer", "/epcis/capture", document(event(1), event(2)))
    assert captured.status_code == 202
    assert captured.headers["GS1-EPCIS-Version"] == "2.0.0"
    job = any_shop.get("grocer", captured.headers["Location"]).json
    assert (job["running"], job["success"], job["storedCount"], job["errors"]) == (False, True, 2, [])
    # Once more: a new job, nothing doubled.
    again = any_shop.post("grocer", "/epcis/capture", document(event(1), event(2)), **{
        "Content-Type": "application/ld+json"})  # fmt: skip
    assert again.json["success"]
    assert len(events_of(any_shop.get("grocer", "/epcis/events"))) == 2
    assert [j["captureID"] for j in any_shop.get("grocer", "/epcis/capture").json] == [
        again.json["captureID"], job["captureID"],
    ] or len(any_shop.get("grocer", "/epcis/capture").json) == 2  # fmt: skip
    missing = any_shop.get("fuel", captured.headers["Location"])
    assert problem(missing) == (404, "NoSuchResourceException", "capture-unknown")


def test_one_wrong_event_undoes_all_of_a_document_or_itself_alone(shop: Shop) -> None:
    mixed = document(event(1), event(2, action="MOVE"), event(3, eventID="urn:uuid:1"))
    undone = shop.post("grocer", "/epcis/capture", mixed).json
    told = undone["success"], undone["captureErrorBehaviour"], undone["storedCount"]
    assert told == (False, "rollback", 0)
    assert undone["errors"][0]["type"] == "epcisException:ValidationException"
    assert undone["errors"][0]["params"]["field"] == "epcisBody.eventList[1].action"
    assert events_of(shop.get("grocer", "/epcis/events")) == []
    part = shop.post("grocer", "/epcis/capture", mixed, **{BEHAVIOUR: "proceed"}).json
    assert (part["success"], part["captureErrorBehaviour"], part["storedCount"]) == (False, "proceed", 2)
    taken = shop.post("grocer", "/epcis/capture", document(event(5), event(4, eventID="urn:uuid:1"))).json
    assert [e["code"] for e in taken["errors"]] == ["event-id-taken"]
    assert len(events_of(shop.get("grocer", "/epcis/events"))) == 2
    odd = shop.post("grocer", "/epcis/capture", document(event(6)), **{BEHAVIOUR: "maybe"})
    assert problem(odd) == (400, "ValidationException", "malformed-field")


def test_a_document_that_is_none_or_too_large_is_refused_at_once(shop: Shop) -> None:
    none = shop.post("grocer", "/epcis/capture", {**document(event(1)), "schemaVersion": "1.2"})
    assert problem(none) == (400, "ValidationException", "malformed-field")
    many = shop.post("grocer", "/epcis/capture", document(*[0] * 1_001))
    assert problem(many) == (413, "CaptureLimitExceededException", "capture-too-large")
    headers = {"Authorization": f"Bearer {shop.keys['grocer']}", "Content-Type": "application/json"}
    announced = {"CONTENT_LENGTH": "100000000"}
    large = shop.client.post("/epcis/capture", headers=headers, data=b"{", environ_overrides=announced)
    assert problem(large) == (413, "CaptureLimitExceededException", "body-too-large")
    text = shop.client.post("/epcis/capture", headers={**headers, "Content-Type": "text/xml"}, data=b"<a/>")
    assert problem(text) == (415, "UnsupportedMediaTypeException", "media-type-unsupported")
    limits = shop.client.options("/epcis/capture", headers=headers)
    assert limits.status_code == 204
    assert limits.headers["GS1-EPCIS-Capture-File-Size-Limit"] == str(MOST_BYTES)
    assert (limits.headers["GS1-EPCIS-Capture-Limit"], limits.headers[BEHAVIOUR]) == ("1000", "all")
    assert problem(shop.get("grocer-till", "/epcis/events")) == (403, "SecurityException", "scope-missing")


def test_a_single_event_is_stored_once_and_read_by_its_id(shop: Shop) -> None:
    given = {"@context": CONTEXT, **event(1)}
    stored = shop.post("grocer", "/epcis/events", given)
    assert stored.status_code == 201
    assert stored.json["eventID"].startswith("ni:///sha-256;")
    shown = shop.get("grocer", stored.headers["Location"])
    assert [{"@context": [CONTEXT], **one} for one in events_of(shown)] == [stored.json]
    twice = shop.post("grocer", "/epcis/events", given)
    assert problem(twice) == (409, "ResourceAlreadyExistsException", "event-known")
    shop.post("grocer", "/epcis/events", {**given, **event(2), "eventID": "urn:uuid:7"})
    other = shop.post("grocer", "/epcis/events", {**given, **event(3), "eventID": "urn:uuid:7"})
    assert problem(other) == (409, "ResourceAlreadyExistsException", "event-id-taken")
    assert problem(shop.post("grocer", "/epcis/events", event(4)))[0] == 400
    assert events_of(shop.get("operator", "/epcis/events/urn%3Auuid%3A7"))[0]["epcList"] == [ITEM.format(0)]
    unknown = shop.get("fuel", stored.headers["Location"])
    assert problem(unknown) == (404, "NoSuchResourceException", "event-unknown")


def test_an_extension_keeps_its_context(shop: Shop) -> None:
    own = {"ex": "https://ns.example.com/epcis/"}
    given = document(event(1, **{"ex:shelf": 4}))
    shop.post("grocer", "/epcis/capture", {**given, "@context": [CONTEXT, own]})
    (found,) = events_of(shop.get("grocer", "/epcis/events"))
    assert (found["@context"], found["ex:shelf"]) == ([own], 4)
    alone = shop.get("grocer", f"/epcis/events/{quote(found['eventID'], safe='')}")
    assert events_of(alone) == [found]


def test_pages_follow_each_other_and_tokens_fit_their_search_alone(shop: Shop) -> None:
    shop.post("grocer", "/epcis/capture", document(*map(event, range(7))))
    query, seen = "?perPage=3&orderDirection=ASC", []
    while query:
        page = shop.get("grocer", f"/epcis/events{query}")
        seen += [e["eventTime"][17:19] for e in events_of(page)]
        link = page.headers.get("Link", "")
        assert not link or link.endswith('; rel="next"')
        last, query = query, link.partition(">")[0][1:]
    assert seen == ["00", "01", "02", "03", "04", "05", "06"]
    foreign = shop.get("grocer", f"/epcis/events{last.replace('ASC', 'DESC')}")
    assert problem(foreign) == (400, "QueryParameterException", "cursor-refused")
    for bad in ("perPage=0", "perPage=-1", "EQ_size=1", "GE_eventTime=now", "orderBy=size"):
        assert problem(shop.get("grocer", f"/epcis/events?{bad}"))[:2] == (400, "QueryParameterException")
    assert problem(shop.get("grocer", "/epcis/events?maxEventCount=6"))[2] == "query-too-large"


def test_a_merchant_sees_its_own_events_and_those_of_things_that_it_can_name(shop: Shop) -> None:
    shop.post("grocer", "/epcis/capture", document(event(1), event(2)))
    assert events_of(shop.get("fuel", "/epcis/events")) == []
    pattern = "urn:epc:idpat:sgtin:9506000.013435.*"
    assert events_of(shop.get("fuel", f"/epcis/events?MATCH_anyEPC={pattern}")) == []
    item, gtin = quote(ITEM.format(1), safe=""), quote("https://id.gs1.org/01/09506000134352", safe="")
    assert len(events_of(shop.get("fuel", f"/epcis/events?MATCH_epc={item}"))) == 1
    assert len(events_of(shop.get("fuel", f"/epcis/epcs/{item}/events"))) == 1
    assert events_of(shop.get("fuel", f"/epcis/epcs/{gtin}/events")) == []
    assert len(events_of(shop.get("auditor", f"/epcis/epcs/{gtin}/events"))) == 2
    assert problem(shop.get("fuel", f"/epcis/epcs/{gtin}/history"))[2] == "not-yours"
    assert len(shop.get("auditor", f"/epcis/epcs/{gtin}/history").json["steps"]) == 0
    # As it is: slashes in the path need no escape.
    plain = shop.client.get(
        f"/epcis/epcs/{ITEM.format(1)}/events", headers={"Authorization": f"Bearer {shop.keys['fuel']}"}
    )
    assert len(events_of(plain)) == 1
    bad = shop.get("fuel", f"/epcis/epcs/{quote('https://id.gs1.org/01/1/21/1', safe='')}/events")
    assert problem(bad) == (400, "QueryParameterException", "malformed-field")


def test_events_are_found_by_the_trade_around_them_and_by_resource(shop: Shop) -> None:
    order, sender = "urn:epcglobal:cbv:bt:9506000134352:1", "urn:epc:id:pgln:9506000.13435"
    trade = {
        "bizTransactionList": [{"type": "po", "bizTransaction": order}, {"bizTransaction": "urn:x:2"}],
        "sourceList": [{"type": "owning_party", "source": sender}],
    }
    shop.post("grocer", "/epcis/capture", document(event(1, **trade), event(2, bizStep="shipping")))

    def found(who: str, path: str) -> list[str]:
        return [e["eventTime"][17:19] for e in events_of(shop.get(who, f"/epcis/{path}"))]

    assert found("grocer", f"events?EQ_bizTransaction_po={order}") == ["01"]
    assert found("grocer", f"events?EQ_bizTransaction_po=urn:x:1|{order}") == ["01"]
    assert found("grocer", f"events?EQ_bizTransaction_inv={order}") == []
    linked = quote("https://id.gs1.org/417/9506000134352", safe="")
    assert found("grocer", f"events?EQ_source_owning_party={linked}&EQ_action=OBSERVE") == ["01"]
    assert found("grocer", f"events?EQ_destination_owning_party={linked}") == []
    # An order is no thing: who knows its number sees nobody else's events by it.
    assert found("fuel", f"events?EQ_bizTransaction_po={order}") == []
    assert found("grocer", "bizSteps/shipping/events") == ["02"]
    step = quote("https://ref.gs1.org/cbv/BizStep-shipping", safe="")
    assert found("grocer", f"bizSteps/{step}/events?LT_eventTime=2017-02-01T00:00:02Z") == []
    assert found("grocer", "eventTypes/ObjectEvent/events?orderDirection=ASC&perPage=1") == ["01"]
    twice = shop.get("grocer", "/epcis/bizSteps/shipping/events?EQ_bizStep=storing")
    assert problem(twice)[:2] == (400, "QueryParameterException")


def test_the_history_of_an_item_names_what_contradicts_itself(shop: Shop) -> None:
    sales = [event(1, bizStep="retail_selling"), event(3, bizStep="retail_selling")]
    shop.post("grocer", "/epcis/capture", document(*sales))
    found = shop.get("fuel", f"/epcis/epcs/{quote(ITEM.format(1), safe='')}/history").json
    first, second = (step["event"]["eventID"] for step in found["steps"])
    assert found["contradictions"] == [{"code": "sold-twice", "event": second, "other": first}]


def test_captures_at_once_by_two_merchants_store_an_event_once(any_shop: Shop) -> None:
    def send(who: str) -> int:
        headers = {"Authorization": f"Bearer {any_shop.keys[who]}", "Content-Type": "application/json"}
        client = any_shop.client.application.test_client()
        given = {"@context": CONTEXT, **event(1)}
        return client.post("/epcis/events", json=given, headers=headers).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, ("grocer", "fuel", "grocer", "fuel"))) == [201, 409, 409, 409]


def test_what_cannot_be_had_is_refused_and_nothing_captured(shop: Shop) -> None:
    xml = shop.get("grocer", "/epcis/events", Accept="application/xml, text/*;q=0.5")
    assert problem(xml) == (406, "NotAcceptableException", "not-acceptable")
    assert xml.json["params"] == {"header": "Accept"}
    given = document(event(1))
    urns = shop.post("grocer", "/epcis/capture", given, **{"GS1-EPC-Format": "Always_EPC_URN"})
    assert problem(urns)[0] == 406
    assert events_of(shop.get("grocer", "/epcis/events", Accept="text/html, application/*;q=0.1")) == []


@pytest.mark.parametrize(("header", "value", "told"), [
    ("ACCEPT", "*/*", ""), ("ACCEPT", "", ""), ("ACCEPT", "application/ld+json;profile=x", ""),
    ("ACCEPT", "application/json;q=0, text/xml", "Accept"),
    ("GS1_EPCIS_VERSION", "2.0", ""), ("GS1_EPCIS_VERSION", "1.2", "GS1-EPCIS-Version"),
    ("GS1_CBV_VERSION", "2.1.0", "GS1-CBV-Version"), ("GS1_EPC_FORMAT", "No_Preference", ""),
    ("GS1_EPC_FORMAT", "Always_GS1_Digital_Link", "GS1-EPC-Format"), ("GS1_EPCIS_MIN", "1.2", ""),
    ("GS1_EPCIS_MIN", "2.0", ""), ("GS1_EPCIS_MIN", "2.1.0", "GS1-EPCIS-Min"),
    ("GS1_CBV_MAX", "1.2", "GS1-CBV-Max"), ("GS1_CBV_MAX", "soon", ""),
])  # fmt: skip
def test_a_wish_is_met_or_named(header: str, value: str, told: str) -> None:
    assert unmet_header({f"HTTP_{header}": value}) == told


@pytest.mark.parametrize("raw", [b'{"type":', b"[]", b'{"type":"a","type":"b"}', b'{"a":"\\u0000"}'])
def test_bytes_that_are_no_document_are_problems_of_the_standard(shop: Shop, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {shop.keys['grocer']}", "Content-Type": "application/ld+json"}
    answer = shop.client.post("/epcis/capture", headers=headers, data=raw)
    assert problem(answer) == (400, "ValidationException", "malformed-body")
