"""Events over both databases: stored once, found, walked along, contradicted, and never changed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.merchants.models import merchant
from ledger_service.traceability.epcis.errors import EventIdTaken, EventUnknown, QueryTooLarge
from ledger_service.traceability.epcis.findings import facts_of, findings_of, noted_after
from ledger_service.traceability.epcis.looking import page_of
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.queries import bodies_of, find_event
from ledger_service.traceability.epcis.searching import Search, parse_search
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.epcis.walk import History, history_of

AT = datetime(2026, 3, 9, tzinfo=UTC)
GTIN = "https://id.gs1.org/01/09506000134352"
LOAF, TWIN = f"{GTIN}/21/A", f"{GTIN}/21/B"
FLOUR = "https://id.gs1.org/01/09506000134369/10/L1"
CASE, PALLET = (f"https://id.gs1.org/00/{with_check_digit(f'0950600013435200{n}')}" for n in (0, 1))


def told(minute: int, step: str, kind: str = "ObjectEvent", **parts: Any) -> dict[str, Any]:
    return {"type": kind, "eventTime": f"2026-03-01T00:{minute:02d}:00Z", "eventTimeZoneOffset": "+00:00",
            "bizStep": step, **({} if kind == "TransformationEvent" else {"action": "OBSERVE"}),
            **parts}  # fmt: skip


def moved(minute: int, action: str, parent: str, *children: str) -> dict[str, Any]:
    inside = {"childEPCs": list(children)} if children else {}
    return told(minute, "packing", "AggregationEvent", action=action, parentID=parent, **inside)


WAY = [
    told(1, "commissioning", action="ADD", quantityList=[{"epcClass": FLOUR, "quantity": 100, "uom": "KGM"}]),
    told(2, "creating_class_instance", "TransformationEvent",
         inputQuantityList=[{"epcClass": FLOUR}], outputEPCList=[LOAF, TWIN]),
    told(3, "commissioning", action="ADD", epcList=[LOAF, TWIN]),
    moved(4, "ADD", CASE, LOAF, TWIN),
    moved(5, "ADD", PALLET, CASE),
    told(6, "shipping", epcList=[PALLET]),
    moved(7, "DELETE", PALLET),
    told(8, "inspecting", epcList=[PALLET]),
    moved(9, "DELETE", CASE, LOAF),
    told(10, "storing", epcList=[CASE]),
    told(11, "retail_selling", epcList=[LOAF]),
]  # fmt: skip


def two_merchants(database: Database) -> tuple[int, int]:
    """Two merchants of the alliance."""
    keys = {f"{k}_key": bytes(20) for k in ("admin", "operations", "settlement")}
    found = 9506000000013, 9506000000020
    with database.begin() as conn:
        for number in found:
            row = {"merchant_id": number, "name": "M", "status": "active", "created_at": AT, **keys}
            conn.execute(insert(merchant).values(row))
    return found


def capture(database: Database, *events: dict[str, Any], at: datetime = AT) -> list[str]:
    with database.begin() as conn:
        return capture_events(conn, None, events, at)


def way_of(history: History) -> list[tuple[str, int, str]]:
    return [(step.relation, step.depth, step.event["bizStep"]) for step in history.steps]


def test_an_event_is_stored_once_however_often_it_is_told(database: Database) -> None:
    first = capture(database, WAY[10], WAY[2], WAY[10])
    assert first[0] == first[2] != first[1]
    # Another form of the same names and times is the same event.
    told = {"eventTime": "2026-03-01T08:11:00.000+08:00", "recordTime": "2026-03-08T00:00:00Z"}
    again = {**WAY[10], **told, "epcList": ["urn:epc:id:sgtin:9506000.013435.A"]}
    assert capture(database, again) == first[:1]
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(epcis_event)).scalar_one() == 2
        stored = json.loads(find_event(conn, first[0], None))
    assert stored == {**WAY[10], "eventID": first[0], "recordTime": "2026-03-09T00:00:00Z"}


def test_nothing_of_a_capture_is_stored_where_one_event_is_wrong(database: Database) -> None:
    with pytest.raises(MalformedField, match=r"events\[1\]\.action"):
        capture(database, WAY[2], {**WAY[3], "action": "PACK"})
    capture(database, {**WAY[2], "eventID": "urn:uuid:1"})
    with pytest.raises(EventIdTaken):
        capture(database, WAY[10], {**WAY[3], "eventID": "urn:uuid:1"})
    with database.read() as conn:
        assert conn.execute(select(func.count()).select_from(epcis_event)).scalar_one() == 1
        assert json.loads(find_event(conn, "urn:uuid:1", None))["bizStep"] == "commissioning"
        with pytest.raises(EventUnknown):
            find_event(conn, "urn:uuid:1", 9520100000007)


def test_events_and_their_index_cannot_be_rewritten(database: Database) -> None:
    capture(database, WAY[10])
    for table in (epcis_event, epcis_event_epc):
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as conn:
            conn.execute(delete(table))


def test_captures_at_once_store_each_event_once_and_number_them_without_gaps(database: Database) -> None:
    events = [told(n, "storing", epcList=[f"{GTIN}/21/N{n}"]) for n in range(12)]
    groups = [events[n:] + events[:n] for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda group: sorted(capture(database, *group)), groups))
    assert ids[0] == ids[1] == ids[2] == ids[3]
    with database.read() as conn:
        numbers = conn.execute(select(epcis_event.c.event_seq).order_by(epcis_event.c.event_seq)).scalars()
        assert list(numbers) == list(range(12))


def test_the_way_of_an_item_leads_through_what_it_is_made_of_and_was_inside(database: Database) -> None:
    capture(database, *WAY[::-1])
    with database.snapshot() as conn:
        assert way_of(history_of(conn, [LOAF])) == [
            ("made-of", 1, "commissioning"), ("itself", 0, "creating_class_instance"),
            ("itself", 0, "commissioning"), ("itself", 0, "packing"), ("inside", 1, "packing"),
            ("inside", 2, "shipping"), ("inside", 2, "packing"), ("itself", 0, "packing"),
            ("itself", 0, "retail_selling"),
        ]  # fmt: skip
        forwards = way_of(history_of(conn, [FLOUR]))
        assert ("became", 1, "retail_selling") in forwards
        assert ("became", 3, "shipping") in forwards
        assert not any(step == "inspecting" for _, _, step in forwards)
        # The twin stayed in the case.
        assert ("inside", 1, "storing") in way_of(history_of(conn, ["urn:epc:id:sgtin:9506000.013435.B"]))


def test_halves_of_a_transformation_are_joined_by_its_id(database: Database) -> None:
    name = {"transformationID": "urn:x:baking:1"}
    capture(
        database, WAY[0],
        told(2, "assembling", "TransformationEvent", inputQuantityList=[{"epcClass": FLOUR}], **name),
        told(3, "creating_class_instance", "TransformationEvent", outputEPCList=[LOAF], **name),
    )  # fmt: skip
    with database.snapshot() as conn:
        assert {step for _, _, step in way_of(history_of(conn, [LOAF]))} == {
            "commissioning", "assembling", "creating_class_instance",
        }  # fmt: skip


def test_what_was_declared_wrong_is_shown_so_and_does_not_count(database: Database) -> None:
    capture(database, told(1, "retail_selling", epcList=[LOAF]), WAY[10])
    declaration = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "did_not_occur"}
    wrong = {**WAY[10], "errorDeclaration": declaration}
    with database.read() as conn:
        assert [one.code for one in findings_of(conn, LOAF)] == ["sold-twice"]
    (name,) = capture(database, wrong)
    with database.read() as conn:
        assert findings_of(conn, LOAF) == []
        assert len(facts_of(conn, LOAF)) == 1
        assert "errorDeclaration" in json.loads(find_event(conn, name, None))
        assert len(history_of(conn, [LOAF]).steps) == 1
        for asked, count in (("", 1), ("true", 1), ("false", 3)):
            loaf = {"MATCH_epc": LOAF, "EQ_action": "OBSERVE"}
            search = parse_search({"EXISTS_errorDeclaration": asked} | loaf)
            assert len(page_of(conn, search, None, 9).bodies) == count, asked
    # What was noted stays noted: that it looked so was seen by cases.
    with database.read() as conn:
        assert [(f.epc, f.code) for f in noted_after(conn, AT, 9)] == [(LOAF, "sold-twice")]


def test_an_event_is_no_fact_where_its_declaration_came_first(database: Database) -> None:
    capture(database, {**WAY[10], "errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z"}})
    capture(database, WAY[10])
    with database.read() as conn:
        assert facts_of(conn, LOAF) == []


def test_nobody_declares_wrong_what_another_has_told(database: Database) -> None:
    one, other = two_merchants(database)
    wrong = {**WAY[10], "errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z"}}
    with database.begin() as conn:
        capture_events(conn, one, [WAY[10]], AT)
    with pytest.raises(EventUnknown), database.begin() as conn:
        capture_events(conn, other, [wrong], AT)
    early = {**WAY[9], "errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z"}}
    # Nor in advance: who guesses an event could take its teller's own declaration away.
    with pytest.raises(EventUnknown), database.begin() as conn:
        capture_events(conn, other, [early], AT)
    with database.begin() as conn:
        capture_events(conn, one, [WAY[9]], AT)
    with database.read() as conn:
        assert (len(facts_of(conn, LOAF)), len(facts_of(conn, CASE))) == (1, 1)
    with database.begin() as conn:
        capture_events(conn, one, [early], AT)
        assert len(facts_of(conn, CASE)) == 0
        # In one document the declaration may stand before what it is about.
        later = {**WAY[8], "errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z"}}
        assert len(capture_events(conn, one, [later, WAY[8]], AT)) == 2
    with database.begin() as conn:
        capture_events(conn, None, [wrong], AT)
    with database.read() as conn:
        assert facts_of(conn, LOAF) == []


def test_contradictions_are_noted_when_they_show_and_the_events_stand(database: Database) -> None:
    packed_twice = (moved(6, "ADD", CASE, LOAF), moved(7, "ADD", PALLET, LOAF))
    capture(database, told(5, "storing", epcList=[LOAF]), *packed_twice)
    capture(database, told(9, "commissioning", action="ADD", epcList=[LOAF]))
    capture(database, {**told(1, "storing", epcList=[TWIN]), "eventTime": "2026-04-01T00:00:00Z"})
    with database.read() as conn:
        noted = {(one.epc, one.code, one.event_seq) for one in noted_after(conn, AT, 99)}
        assert len(bodies_of(conn, [0, 1, 2, 3, 4])) == 5
    assert noted == {
        (LOAF, "two-parents", 2), (TWIN, "event-in-future", 4),
        *((LOAF, "before-commissioning", n) for n in (0, 1, 2)),
    }  # fmt: skip


SEARCHES: list[tuple[dict[str, str], list[int]]] = [
    ({"MATCH_epc": LOAF}, [10, 8, 3, 2]), ({"MATCH_anyEPC": LOAF}, [10, 8, 3, 2, 1]),
    ({"MATCH_anyEPC": "urn:epc:idpat:sgtin:9506000.013435.*"}, [10, 8, 3, 2, 1]),
    ({"MATCH_anyEPC": f"{LOAF}|{CASE}", "MATCH_parentID": CASE}, [8, 3]),
    ({"MATCH_epcClass": FLOUR}, [0]), ({"MATCH_inputEPCClass": FLOUR}, [1]), ({"MATCH_outputEPC": TWIN}, [1]),
    ({"eventType": "AggregationEvent", "orderDirection": "ASC"}, [3, 4, 6, 8]),
    ({"EQ_action": "DELETE"}, [8, 6]), ({"EQ_bizStep": "storing|shipping"}, [9, 5]),
    ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-storing"}, [9]),
    ({"GE_eventTime": "2026-03-01T00:10:00Z"}, [10, 9]),
    ({"LT_eventTime": "2026-03-01T00:03:00Z", "MATCH_anyEPC": LOAF}, [1]),
    ({"LT_recordTime": "2026-03-09T00:00:00Z"}, []), ({"EQ_eventID": "urn:x:nobody"}, []),
    ({"orderBy": "recordTime", "EQ_bizStep": "packing"}, [8, 6, 4, 3]),
]  # fmt: skip


def test_searches_find_what_they_say_page_by_page(database: Database) -> None:
    capture(database, *WAY)
    with database.read() as conn:
        for query, numbers in SEARCHES:
            search = parse_search(query)
            page = page_of(conn, search, None, 2)
            found = [row.event_seq for row in page.rows]
            while page.behind is not None:
                page = page_of(conn, search, page.behind, 2)
                found += [row.event_seq for row in page.rows]
            assert found == numbers, query
        with pytest.raises(QueryTooLarge):
            page_of(conn, parse_search({"maxEventCount": "3"}), None, 9)
        assert page_of(conn, Search(owner=9520100000007), None, 9).rows == []


@pytest.mark.parametrize(
    "query",
    [
        {"GE_eventTime": "yesterday"}, {"orderBy": "size"}, {"orderDirection": "UP"}, {"maxEventCount": "0"},
        {"eventCountLimit": "1", "maxEventCount": "1"}, {"MATCH_epc": "||"}, {"MATCH_epc": "' OR 1=1"},
        {"MATCH_epc": "urn:epc:idpat:sgtin:*.*.*"}, {"MATCH_epc": "|".join(["urn:x:1"] * 51)},
    ],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(MalformedField):
        parse_search(query)
