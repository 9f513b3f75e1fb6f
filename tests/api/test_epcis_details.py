"""Events are found by what their sensors, quantities and declarations say; things and places are listed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from ledger_service.traceability.epcis import looking
from tests.api.service import Shop
from tests.api.test_epcis import ITEM, document, event, events_of, problem

LOT = "https://id.gs1.org/01/09506000134352/10/L"
GLN = "https://id.gs1.org/414/9506000134352"
FLOUR = [{"epcClass": f"{LOT}1", "quantity": 12.5, "uom": "KGM"}]
EGGS = [{"epcClass": f"{LOT}2", "quantity": 200}]
COLD = {
    "sensorMetadata": {
        "startTime": "2017-02-01T06:00:00Z", "endTime": "2017-02-01T07:00:00+01:00",
        "deviceID": "urn:epc:id:giai:4000001.111", "bizRules": "https://rules.example/1",
        "dataProcessingMethod": "https://method.example/1",
    },
    "sensorReport": [
        {"type": "Temperature", "minValue": -4, "maxValue": 6.25, "meanValue": 1.5, "sDev": 0.5, "uom": "CEL",
         "percRank": 50, "percValue": 2},
        {"type": "Dimensionless", "stringValue": "door open", "booleanValue": True, "hexBinaryValue": "f0",
         "uriValue": "https://v.example/1", "chemicalSubstance": "https://c.example/1",
         "microorganism": "https://m.example/1"},
    ],
}  # fmt: skip
WARM = {"sensorReport": [{"type": "Temperature", "value": 26, "uom": "CEL", "time": "2017-02-01T08:00:00Z"},
                         {"type": "Speed", "value": 90, "uom": "KMH"}]}  # fmt: skip
WRONG = {"declarationTime": "2017-02-03T00:00:00Z", "reason": "incorrect_data",
         "correctiveEventIDs": ["urn:x:right"]}  # fmt: skip
SET = {"set": ["available", "completeness_inferred"], "unset": ["damaged"]}
EVENTS = (
    event(1, quantityList=FLOUR), event(2, quantityList=EGGS), event(3, sensorElementList=[COLD]),
    event(4, sensorElementList=[COLD, WARM]), event(5, persistentDisposition=SET),
    event(6, readPoint={"id": GLN}), event(6, readPoint={"id": GLN}, errorDeclaration=WRONG), event(7),
)  # fmt: skip
# What is asked for, and the seconds of the events that it finds, the newest first.
ASKED: list[tuple[dict[str, str], list[int]]] = [
    ({"EQ_quantity": "12.5"}, [1]), ({"EQ_quantity": "200|12.5"}, [2, 1]), ({"GE_quantity": "12.5"}, [2, 1]),
    ({"GT_quantity": "12.5"}, [2]), ({"LE_quantity": "12.5"}, [1]), ({"LT_quantity": "12.5"}, []),
    ({"EQ_quantity_KGM": "12.5"}, [1]), ({"GT_quantity_KGM": "1"}, [1]), ({"GT_quantity_LTR": "1"}, []),
    ({"GE_quantity": "13", "LT_quantity": "1e3"}, [2]),
    ({"EQ_value_CEL": "26"}, [4]), ({"GT_value_CEL": "26"}, []), ({"GE_value_KMH": "9e1"}, [4]),
    ({"LT_minValue_CEL": "-3.5"}, [4, 3]), ({"GE_maxValue_CEL": "6.25"}, [4, 3]),
    ({"LT_maxValue_CEL": "6.25"}, []), ({"LE_meanValue_CEL": "1.5"}, [4, 3]),
    ({"GT_sDev_CEL": "0.4"}, [4, 3]), ({"EQ_percValue_CEL": "2"}, [4, 3]),
    ({"GE_percRank": "50"}, [4, 3]), ({"GT_percRank": "50"}, []), ({"EQ_value_FAH": "26"}, []),
    ({"EQ_type": "Speed"}, [4]), ({"EQ_type": "Temperature|Speed"}, [4, 3]), ({"EQ_type": "Mass"}, []),
    ({"EQ_deviceID": "https://id.gs1.org/8004/4000001111"}, [4, 3]), ({"EQ_deviceID": "urn:x:1"}, []),
    ({"EQ_bizRules": "https://rules.example/1"}, [4, 3]), ({"EQ_uriValue": "https://v.example/1"}, [4, 3]),
    ({"EQ_dataProcessingMethod": "https://method.example/1"}, [4, 3]),
    ({"EQ_microorganism": "https://m.example/1"}, [4, 3]), ({"EQ_stringValue": "door open"}, [4, 3]),
    ({"EQ_chemicalSubstance": "https://c.example/1", "EQ_value_CEL": "26"}, [4]),
    ({"EQ_booleanValue": "true"}, [4, 3]), ({"EQ_booleanValue": "false"}, []),
    ({"EQ_hexBinaryValue": "F0"}, [4, 3]),
    ({"EXISTS_sensorElementList": "true", "orderDirection": "ASC"}, [3, 4]),
    ({"EXISTS_sensorElementList": "false", "perPage": "2"}, [7, 6]),
    ({"GE_startTime": "2017-02-01T06:00:00Z"}, [4, 3]), ({"LT_startTime": "2017-02-01T06:00:00Z"}, []),
    ({"LT_endTime": "2017-02-01T06:00:01Z"}, [4, 3]), ({"GE_time": "2017-02-01T09:00:00+01:00"}, [4]),
    ({"LT_time": "2017-02-01T08:00:00Z"}, []),
    ({"EQ_persistentDisposition_set": "available"}, [5]), ({"EQ_persistentDisposition_set": "damaged"}, []),
    ({"EQ_persistentDisposition_unset": "https://ref.gs1.org/cbv/Disp-damaged"}, [5]),
    ({"EXISTS_errorDeclaration": "true"}, [6]),
    ({"EXISTS_errorDeclaration": "false", "perPage": "3"}, [7, 6, 6]),
    ({"GE_errorDeclarationTime": "2017-02-03T00:00:00Z"}, [6]),
    ({"LT_errorDeclarationTime": "2017-02-03T00:00:00Z"}, []),
    ({"EQ_errorReason": "incorrect_data"}, [6]), ({"EQ_errorReason": "did_not_occur"}, []),
    ({"EQ_correctiveEventID": "urn:x:right"}, [6]), ({"WD_readPoint": GLN}, [6, 6]),
    ({"WD_bizLocation": GLN}, []), ({"WD_readPoint": GLN, "EQ_readPoint": "urn:x:1"}, []),
    ({"orderBy": "eventTime", "eventCountLimit": "1"}, [7]),
    ({"GE_quantity": "1", "maxEventCount": "2"}, [2, 1]),
]  # fmt: skip
REFUSED = [
    {"EQ_quantity": "many"}, {"GE_quantity": "1|2"}, {"GE_value_CEL": "0x1"}, {"GE_value_CEL": "nan"},
    {"GE_value_cel": "1"}, {"GE_value": "1"}, {"EQ_percRank_CEL": "1"}, {"GE_startTime": "soon"},
    {"EXISTS_sensorElementList": "maybe"}, {"EXISTS_errorDeclaration": "yes"}, {"eventCountLimit": "3"},
    {"EQ_ex:field": "1"}, {"EQ_ILMD_ex:lot": "1"}, {"HASATTR_ex:a": "b"}, {"EQ_value_CELSI": "1"},
]  # fmt: skip


def seconds(shop: Shop, query: dict[str, str], path: str = "/epcis/events") -> list[int]:
    answer = shop.get("grocer", f"{path}?{urlencode(query)}")
    assert answer.status_code == 200, answer.json
    return [int(one["eventTime"][17:19]) for one in events_of(answer)]


def told(shop: Shop) -> Shop:
    assert shop.must("grocer", "/epcis/capture", document(*EVENTS))["success"]
    return shop


def test_events_are_found_by_their_details(any_shop: Shop) -> None:
    shop = told(any_shop)
    for query, wanted in ASKED:
        assert seconds(shop, query) == wanted, query
    many = shop.get("grocer", "/epcis/events?GE_quantity=1&maxEventCount=1")
    assert problem(many) == (413, "QueryTooLargeException", "query-too-large")
    # Of another merchant nothing is found, whatever is asked.
    for query in ("GE_quantity=0", "EQ_type=Speed", "EXISTS_sensorElementList=true"):
        assert events_of(shop.get("fuel", f"/epcis/events?{query}")) == []


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_such_parameter_or_value_is_refused(open_shop_once: Shop, query: dict[str, str]) -> None:
    answer = open_shop_once.get("grocer", f"/epcis/events?{urlencode(query)}")
    assert problem(answer) == (400, "QueryParameterException", "malformed-field")


def test_a_named_query_holds_numbers_and_tells_them_to_its_subscribers(shop: Shop) -> None:
    told(shop)
    asked = {"GE_quantity_KGM": 12.5, "EQ_quantity": [12.5, 7], "EXISTS_sensorElementList": False}
    made = shop.must("grocer", "/epcis/queries", {"name": "flour", "query": asked})
    assert made["query"] == asked
    assert seconds(shop, {}, "/epcis/queries/flour/events") == [1]
    late = shop.post("grocer", "/epcis/queries", {"name": "few", "query": {"eventCountLimit": 1}})
    assert problem(late) == (400, "QueryValidationException", "malformed-field")


def pages(shop: Shop, who: str, path: str) -> list[list[str]]:
    found, query = [], "?perPage=2"
    while query:
        answer = shop.get(who, f"{path}{query}")
        assert answer.status_code == 200
        found.append(answer.json["member"])
        query = answer.headers.get("Link", "<>")[1:].partition(">")[0]
    return found


def test_all_things_and_places_are_listed_page_by_page(any_shop: Shop) -> None:
    shop = any_shop
    for n in range(1, 8):
        place = {"id": f"https://id.gs1.org/414/9506000134352/254/{n % 3}"}
        parts: dict[str, Any] = {"readPoint": place, "epcList": [ITEM.format(n % 5), ITEM.format(n % 2)]}
        parts["epcList"] = list(dict.fromkeys(parts["epcList"]))
        shop.must("grocer", "/epcis/capture", document(event(n, **parts)))
    theirs = event(9, bizLocation={"id": GLN}, epcList=[ITEM.format(9)])
    shop.must("fuel", "/epcis/capture", document(theirs))
    items = [ITEM.format(n) for n in (1, 2, 0, 3, 4)]
    listed = pages(shop, "grocer", "/epcis/epcs")
    assert [name for page in listed for name in page] == items
    assert max(map(len, listed)) == 2
    assert [name for page in pages(shop, "fuel", "/epcis/epcs") for name in page] == [ITEM.format(9)]
    assert sum(map(len, pages(shop, "operator", "/epcis/epcs"))) == 6
    points = pages(shop, "grocer", "/epcis/readPoints")
    assert points == [[f"https://id.gs1.org/414/9506000134352/254/{n}" for n in (0, 1)],
                      ["https://id.gs1.org/414/9506000134352/254/2"]]  # fmt: skip
    assert pages(shop, "grocer", "/epcis/bizLocations") == [[]]
    for who in ("fuel", "operator"):
        assert pages(shop, who, "/epcis/bizLocations") == [[GLN]]
    (place,) = shop.get("fuel", "/epcis/bizLocations").json["member"]
    assert len(events_of(shop.get("fuel", f"/epcis/bizLocations/{quote(place, safe='')}/events"))) == 1


def test_a_page_looks_through_so_much_and_leads_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    told(shop)
    monkeypatch.setattr(looking, "_WINDOWS", (2, 3))
    monkeypatch.setattr(looking, "_READ", 1)
    for query, wanted in (
        ({"EQ_bizStep": "storing"}, [7, 6, 6, 5, 4, 3, 2, 1]), ({"EQ_readPoint": GLN}, [6, 6]),
        ({"GE_quantity": "1", "LE_quantity": "12.5"}, [1]),
        ({"EQ_type": "Speed", "EQ_action": "OBSERVE"}, [4]),
        ({"GE_recordTime": "2017-01-01T00:00:00Z", "EQ_action": "ADD"}, []),
        ({"orderBy": "recordTime", "EQ_readPoint": GLN, "MATCH_anyEPC": ITEM.format(0)}, [6, 6]),
    ):  # fmt: skip
        found, following, rounds = [], f"?{urlencode(query)}", 0
        while following:
            answer = shop.get("grocer", f"/epcis/events{following}")
            found += [int(one["eventTime"][17:19]) for one in events_of(answer)]
            following = answer.headers.get("Link", "<>")[1:].partition(">")[0]
            rounds += 1
        assert (found, rounds < 10) == (wanted, True), query


def test_a_page_of_large_events_is_short(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    told(shop)
    monkeypatch.setattr(looking, "MOST_BYTES", 700)
    first = shop.get("grocer", "/epcis/events")
    assert len(first.data) < 2_500
    assert 0 < len(events_of(first)) < 8
    assert "Link" in first.headers
