"""Event hashes against outside vectors, names as one kind of URI, and what must not change a hash."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.epcis.epc_uris import normalised_epc
from ledger_service.kernel.epcis.event_hash import Event, Hasher

VECTORS = Path(__file__).parents[2] / "vectors" / "epcis_event_hash.json"
EXAMPLE = "https://ns.example.com/epcis/"
EVENT: Event = {
    "type": "ObjectEvent", "eventTime": "2026-03-04T11:00:30.0005+08:00", "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE", "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"], "bizStep": "shipping",
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "ex:note": "新貨", "ex:parts": [{"ex:no": 2}, {"ex:no": "1.50"}],
}  # fmt: skip
HASHER = Hasher.of_context(
    ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": EXAMPLE}]
)


def vectors() -> list[Any]:
    cases = json.loads(VECTORS.read_text(), parse_float=Decimal)["cases"]
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", vectors())
def test_events_are_written_and_hashed_as_others_do(case: dict[str, Any]) -> None:
    document = case["document"]
    body = document["epcisBody"]
    results = body.get("queryResults", {})
    events = body.get("eventList") or results.get("resultsBody", {}).get("eventList") or [body["event"]]
    ignored = [name for name in (document | results) if name.endswith(":ignoreFields")]
    hasher = Hasher.of_context(document["@context"], *((document | results)[name] for name in ignored))
    assert [hasher.prehash(event) for event in events] == case["prehashes"]
    assert [hasher.identify(event) for event in events] == case["hashes"]


def test_an_event_is_one_text() -> None:
    assert HASHER.prehash(EVENT) == (
        "eventType=ObjectEventeventTime=2026-03-04T03:00:30.000ZeventTimeZoneOffset=+08:00"
        "epcListepc=https://id.gs1.org/01/04012345111118/21/9876action=OBSERVE"
        "bizStep=https://ref.gs1.org/cbv/BizStep-shipping"
        "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4012345000009"
        f"{{{EXAMPLE}}}note=新貨{{{EXAMPLE}}}parts{{{EXAMPLE}}}no=1.5{{{EXAMPLE}}}parts{{{EXAMPLE}}}no=2"
    )


@given(st.permutations(list(EVENT)))
def test_neither_order_nor_what_is_left_out_changes_the_hash(names: list[str]) -> None:
    told = {name: EVENT[name] for name in names}
    told |= {
        "recordTime": "2026-03-05T00:00:00Z",
        "eventID": "urn:uuid:0",
        "errorDeclaration": {"reason": "x"},
    }
    assert HASHER.identify(told) == HASHER.identify(EVENT)


def test_another_prefix_of_the_same_namespace_changes_nothing() -> None:
    renamed = json.loads(json.dumps(EVENT).replace("ex:", "other:"))
    assert Hasher.of_context({"other": EXAMPLE}).identify(renamed) == HASHER.identify(EVENT)


@pytest.mark.parametrize("change", [
    {"action": "ADD"}, {"eventTime": "2026-03-04T11:00:30.002+08:00"}, {"epcList": []}, {"ex:note": "新货"},
    {"bizStep": "receiving"},
])  # fmt: skip
def test_every_change_changes_the_hash(change: Event) -> None:
    assert HASHER.identify({**EVENT, **change}) != HASHER.identify(EVENT)


def test_a_time_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="offset"):
        HASHER.prehash({**EVENT, "eventTime": "2026-03-04T11:00:30"})


@pytest.mark.parametrize(("uri", "wanted"), [
    ("urn:epc:id:sgtin:0614141.812345.6789%2F%26%25", "01/80614141123458/21/6789%2F%26%25"),
    ("urn:epc:id:sgtin:415056789012.0.987654", "01/04150567890128/21/987654"),
    ("urn:epc:id:sscc:4012345.3111111111", "00/340123451111111111"),
    ("urn:epc:id:sgln:4012345.00005.0", "414/4012345000054"),
    ("urn:epc:id:sgln:4012345.00005.122", "414/4012345000054/254/122"),
    ("urn:epc:id:grai:4012345.00022.334455", "8003/04012345000221334455"),
    ("urn:epc:id:giai:4012345.ABC345", "8004/4012345ABC345"),
    ("urn:epc:id:gsrn:4012345.0000006765", "8018/401234500000067657"),
    ("urn:epc:id:gsrnp:4012345.0000000007", "8017/401234500000000074"),
    ("urn:epc:id:gdti:987659999999..9", "253/98765999999929"),
    ("urn:epc:id:sgcn:4012345.67890.04711", "255/401234567890104711"),
    ("urn:epc:id:cpi:0614141.11111111111111-A%23%2F.1234", "8010/061414111111111111111-A%23%2F/8011/1234"),
    ("urn:epc:id:ginc:0614141.xyz47%2F11", "401/0614141xyz47%2F11"),
    ("urn:epc:id:gsin:4012345.222333444", "402/40123452223334442"),
    ("urn:epc:id:itip:4012345.011111.01.02.987", "8006/040123451111180102/21/987"),
    ("urn:epc:id:upui:1234567.098765.51qIgY", "01/01234567987651/235/51qIgY"),
    ("urn:epc:id:pgln:999999999999.", "417/9999999999994"),
    ("urn:epc:class:lgtin:4012345.012345.Lot987", "01/04012345123456/10/Lot987"),
    ("urn:epc:idpat:sgtin:4012345.012345.*", "01/04012345123456"),
    ("urn:epc:idpat:cpi:4012345.AB12.*", "8010/4012345AB12"),
    ("urn:epc:idpat:itip:4012345.012345.01.02.*", "8006/040123451234560102"),
    ("https://example.com/shop/gtin/4012345123456/cpv/A/lot/B/ser/C?17=261231#x", "01/04012345123456/21/C"),
    ("http://id.example.org/01/04012345123456/10/LOT/", "01/04012345123456/10/LOT"),
])  # fmt: skip
def test_names_of_things_become_one_kind_of_uri(uri: str, wanted: str) -> None:
    assert normalised_epc(uri) == f"https://id.gs1.org/{wanted}"


@pytest.mark.parametrize("uri", [
    "http://example.de/01/97803", "http://id.gs1.org/99/9780345418913", "urn:epc:id:sgtin:4012345.0111.9876",
    "http://id.gs1.org/01/9780345418913/99/x", "urn:epc:id:new:1.2", "42", "", "https://example.com",
    "urn:epc:id:sgtin:4012345.011111.", "http://example.org/gtin/abc",
])  # fmt: skip
def test_what_names_nothing_by_a_gs1_key_stays_as_it_is(uri: str) -> None:
    assert normalised_epc(uri) is None


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_none(text: str) -> None:
    for uri in (text, f"urn:epc:id:sgtin:{text}", f"https://a.example/01/{text}"):
        found = normalised_epc(uri)
        assert found is None or normalised_epc(found) == found


def text_of(**parts: object) -> str:
    """What an event with these parts is written as, behind its type."""
    return HASHER.prehash({"type": "ObjectEvent", **parts}).removeprefix("eventType=ObjectEvent")


@pytest.mark.parametrize(("parts", "wanted"), [
    # Empty lists and absent values leave no trace of an element, but of an extension its name.
    ({"epcList": [], "quantityList": [], "bizStep": None}, ""), ({"ex:a": ""}, f"{{{EXAMPLE}}}a"),
    # Lists within lists have no names; numbers are numbers however they are written, words are not.
    ({"ex:a": [[3, "b", 1.50]]}, f"{{{EXAMPLE}}}a=1.5=3=b"),
    ({"ex:a": [{"ex:b": [["2", "10"]]}]}, f"{{{EXAMPLE}}}a{{{EXAMPLE}}}b=10=2"),
    ({"ex:a": ["007", "1e2", "1_0", "-0.0", "+5", True]},
     "".join(f"{{{EXAMPLE}}}a={v}" for v in ("0", "100", "1_0", "5", "7", "true"))),
    # Extensions inside of extensions are sorted at each step; a prefix that nobody declared stays.
    ({"ex:b": {"ex:z": 1, "ex:a": 2}, "no:c": "x"}, f"no:c=x{{{EXAMPLE}}}b{{{EXAMPLE}}}a=2{{{EXAMPLE}}}z=1"),
    ({"ilmd": {"ex:lot": {"ex:no": "L1"}}}, f"ilmd{{{EXAMPLE}}}lot{{{EXAMPLE}}}no=L1"),
    # Times are instants to the millisecond, half to even, wherever they are told.
    ({"eventTime": "2026-12-31T23:59:59.9995-00:00"}, "eventTime=2027-01-01T00:00:00.000Z"),
    ({"eventTime": "2026-01-01T00:00:00.0005+14:00"}, "eventTime=2025-12-31T10:00:00.000Z"),
    ({"eventTime": "2024-02-29T23:30:00.1-00:45"}, "eventTime=2024-03-01T00:15:00.100Z"),
    ({"ex:time": "2026-01-01T00:00:00.000+01:00"}, f"{{{EXAMPLE}}}time=2026-01-01T00:00:00.000+01:00"),
    # Papers and parties by type and then name, in whatever order they were told.
    ({"bizTransactionList": [{"bizTransaction": "http://t.example/2"},
                             {"bizTransaction": "http://t.example/1", "type": "po"}]},
     "bizTransactionListbizTransaction=http://t.example/2"
     "type=https://ref.gs1.org/cbv/BTT-pobizTransaction=http://t.example/1"),
    ({"sensorElementList": [{"sensorReport": [
        {"type": "Temperature", "value": 26.10, "uom": "CEL", "exception": "ALARM_CONDITION"},
        {"type": "Pressure", "booleanValue": False, "component": "x"}],
        "sensorMetadata": {"time": "2026-01-01T01:00:00+01:00", "ex:m": 1}}]},
     f"sensorElementListsensorElementsensorMetadatatime=2026-01-01T00:00:00.000Z{{{EXAMPLE}}}m=1"
     "sensorReporttype=https://gs1.org/voc/Pressurecomponent=https://ref.gs1.org/cbv/Comp-xbooleanValue=false"
     "sensorReporttype=https://gs1.org/voc/Temperatureexception=https://gs1.org/voc/ALARM_CONDITION"
     "value=26.1uom=CEL"),
    ({"persistentDisposition": {"unset": ["damaged"], "set": ["in_transit", "active"]}},
     "persistentDispositionset=https://ref.gs1.org/cbv/Disp-activeset=https://ref.gs1.org/cbv/Disp-in_transit"
     "unset=https://ref.gs1.org/cbv/Disp-damaged"),
    ({"quantityList": [{"uom": "KGM", "quantity": 1.0, "epcClass": "urn:epc:idpat:sgtin:4012345.011111.*"}]},
     "quantityListquantityElementepcClass=https://id.gs1.org/01/04012345111118quantity=1uom=KGM"),
])  # fmt: skip
def test_what_a_part_is_written_as(parts: dict[str, object], wanted: str) -> None:
    assert text_of(**parts) == wanted


@pytest.mark.parametrize(("one", "other"), [
    ("urn:epc:id:sgtin:4012345.011111.98%2F76", "http://shop.example/x/gtin/4012345111118/cpv/2/ser/98%2f76?17=261231"),
    ("urn:epc:class:lgtin:4012345.012345.L%2F1", "https://id.gs1.org/01/04012345123456/10/L%2F1"),
    ("urn:epc:id:sgln:4012345.00005.0", "https://a.example/414/4012345000054#x"),
])  # fmt: skip
def test_two_names_of_one_thing_are_written_alike(one: str, other: str) -> None:
    assert text_of(epcList=[one]) == text_of(epcList=[other])
    assert text_of(epcList=[one]).startswith("epcListepc=https://id.gs1.org/")
