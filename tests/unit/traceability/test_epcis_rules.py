"""Events of every kind that are right pass; each part that is wrong is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.documents import CONTEXT, open_document
from ledger_service.traceability.epcis.errors import CaptureTooLarge
from ledger_service.traceability.epcis.prepared import prepare, prepare_all

VECTORS = Path(__file__).parents[2] / "vectors" / "epcis_event_hash.json"
# Its business step is no word of the CBV, as the published schema has it too.
NOT_STRICT = {"event_with_identical_hash_id_7"}
ITEM, OTHER = "https://id.gs1.org/01/09506000134352/21/S1", "urn:epc:id:sgtin:4012345.011111.9876"
LOT, CASE = "https://id.gs1.org/01/09506000134352/10/L1", "urn:epc:id:sscc:4012345.0111111111"
PLACE = {"id": "https://id.gs1.org/414/9506000134352"}
TIME = {"eventTime": "2026-03-04T11:00:30.005+08:00", "eventTimeZoneOffset": "+08:00"}
OBJECT = {"type": "ObjectEvent", **TIME, "action": "ADD", "epcList": [ITEM], "bizStep": "commissioning",
          "readPoint": PLACE, "ilmd": {"ex:lot": "1"}, "ex:note": {"ex:deep": [1]}}  # fmt: skip
PACK = {"type": "AggregationEvent", **TIME, "action": "ADD", "parentID": CASE, "childEPCs": [ITEM, OTHER]}
TRANSACTION = {"type": "TransactionEvent", **TIME, "action": "OBSERVE", "epcList": [ITEM],
               "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:order:1"}]}  # fmt: skip
BAKING = {"type": "TransformationEvent", **TIME, "outputEPCList": [ITEM],
          "inputQuantityList": [{"epcClass": LOT, "quantity": 1.5, "uom": "KGM"}]}  # fmt: skip
JOINED = {"type": "AssociationEvent", **TIME, "action": "ADD", "parentID": CASE, "childEPCs": [ITEM]}
SENSOR = {"type": "ObjectEvent", **TIME, "action": "OBSERVE", "epcList": [], "readPoint": PLACE,
          "sensorElementList": [{"sensorMetadata": {"time": "2026-03-04T11:00:30Z"},
                                 "sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL"}]}],
}  # fmt: skip
WHOLE = {"object": OBJECT, "pack": PACK, "transaction": TRANSACTION, "baking": BAKING, "joined": JOINED,
         "sensor": SENSOR}  # fmt: skip


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at the path, or without what is there for None."""
    whole = copy.deepcopy(event)
    *way, last = path.split(".")
    part: Any = whole
    for step in way:
        part = part[int(step)] if isinstance(part, list) else part[step]
    if value is None:
        del part[last]
    elif isinstance(part, list):
        part[int(last)] = value
    else:
        part[last] = value
    return whole


@pytest.mark.parametrize("event", WHOLE.values(), ids=WHOLE)
def test_every_kind_of_event_that_is_right_passes(event: dict[str, Any]) -> None:
    assert prepare(event, "e").event_id.startswith("ni:///sha-256;")


HEARD = "e.sensorElementList[0]"
# The event, where a part is put (None: taken away), and the place that the refusal names.
WRONG: list[tuple[str, str, Any, str]] = [
    ("object", "type", "ThingEvent", "e.type"), ("object", "type", ["ObjectEvent"], "e.type"),
    ("object", "eventTime", None, "e.eventTime"),
    ("object", "eventTimeZoneOffset", None, "e.eventTimeZoneOffset"),
    ("object", "eventTime", "2026-03-04T11:00:30", "e.eventTime"),
    ("object", "eventTime", "2026-02-30T11:00:30Z", "e.eventTime"),
    ("object", "eventTime", "2026-03-04", "e.eventTime"), ("object", "eventTime", 1, "e.eventTime"),
    ("object", "eventTimeZoneOffset", "+14:30", "e.eventTimeZoneOffset"),
    ("object", "eventTimeZoneOffset", "Z", "e.eventTimeZoneOffset"),
    ("object", "action", None, "e.action"), ("object", "action", "add", "e.action"),
    ("object", "action", "OBSERVE", "e.ilmd"), ("object", "action", "DELETE", "e.ilmd"),
    ("object", "epcList", None, "e"), ("object", "epcList", [], "e.epcList"),
    ("object", "epcList", ITEM, "e.epcList"), ("object", "epcList", [ITEM, ITEM], "e.epcList"),
    ("object", "epcList", ["not a uri"], "e.epcList[0]"), ("object", "epcList", [7], "e.epcList[0]"),
    ("object", "epcList", ["https://id.gs1.org/01/09506000134353/21/S1"], "e.epcList[0]"),
    ("object", "epcList", ["https://shop.example/01/09506000134353/21/S1"], "e.epcList[0]"),
    ("object", "epcList", ["https://id.gs1.org/about"], "e.epcList[0]"),
    ("object", "epcList", ["urn:epc:id:sgtin:4012345.01111.9876"], "e.epcList[0]"),
    ("object", "epcList", ["urn:epc:id:nothing:4012345.01111.9876"], "e.epcList[0]"),
    ("object", "epcList", ["https://id.gs1.org/01/09506000134352/21/' OR 1=1 --"], "e.epcList[0]"),
    ("object", "epcList", ["https://id.gs1.org/01/09506000134352/21/\u0405\u0031"], "e.epcList[0]"),
    ("object", "epcList", ["https://id.gs1.org/01/../21/S1"], "e.epcList[0]"),
    ("object", "bizStep", "comissioning", "e.bizStep"),
    ("object", "bizStep", "urn:epcglobal:cbv:bizstep:shipping", "e.bizStep"),
    ("object", "bizStep", "https://ref.gs1.org/cbv/BizStep-shiping", "e.bizStep"),
    ("object", "disposition", "fine", "e.disposition"), ("object", "disposition", {}, "e.disposition"),
    ("object", "readPoint", {}, "e.readPoint.id"), ("object", "readPoint.id", "here", "e.readPoint.id"),
    ("object", "readPoint.id", "https://id.gs1.org/414/9506000134353", "e.readPoint.id"),
    ("object", "note", "mine", "e.note"), ("object", "ilmd", {"lot": 1}, "e.ilmd.lot"),
    ("object", "parentID", CASE, "e.parentID"), ("object", "quantityList", {}, "e.quantityList"),
    ("object", "quantityList", [{"quantity": 1}], "e.quantityList[0].epcClass"),
    ("object", "quantityList", [{"epcClass": ITEM}], "e.quantityList[0].epcClass"),
    ("object", "quantityList", [{"epcClass": LOT, "quantity": "1"}], "e.quantityList[0].quantity"),
    ("object", "quantityList", [{"epcClass": LOT, "quantity": True}], "e.quantityList[0].quantity"),
    ("object", "quantityList", [{"epcClass": LOT, "uom": "kg"}], "e.quantityList[0].uom"),
    ("object", "persistentDisposition", {}, "e.persistentDisposition"),
    ("object", "persistentDisposition", {"set": []}, "e.persistentDisposition.set"),
    ("object", "errorDeclaration", {}, "e.errorDeclaration.declarationTime"),
    ("object", "errorDeclaration", {"declarationTime": TIME["eventTime"], "reason": "oops"},
     "e.errorDeclaration.reason"),
    ("object", "sourceList", [{"source": "urn:x:1"}], "e.sourceList[0].type"),
    ("object", "destinationList", [{"type": "owning_party", "destination": "x"}],
     "e.destinationList[0].destination"),
    ("object", "certificationInfo", ["no"], "e.certificationInfo[0]"),
    ("object", "eventID", "1", "e.eventID"),
    ("object", "@context", 1, "e.@context"), ("pack", "parentID", None, "e.parentID"),
    ("pack", "childEPCs", None, "e.childEPCs"), ("pack", "childEPCs", [], "e.childEPCs"),
    ("pack", "ilmd", {}, "e.ilmd"), ("joined", "parentID", None, "e.parentID"),
    ("transaction", "bizTransactionList", [], "e.bizTransactionList"),
    ("transaction", "bizTransactionList.0", {"type": "po"}, "e.bizTransactionList[0].bizTransaction"),
    ("transaction", "bizTransactionList.0.type", "bill", "e.bizTransactionList[0].type"),
    ("transaction", "epcList", None, "e.epcList"), ("baking", "outputEPCList", None, "e"),
    ("baking", "inputQuantityList", [], "e"), ("baking", "action", "ADD", "e.action"),
    ("sensor", "sensorElementList.0.sensorReport", [], f"{HEARD}.sensorReport"),
    ("sensor", "sensorElementList.0.sensorReport.0.type", "Heat", f"{HEARD}.sensorReport[0].type"),
    ("sensor", "sensorElementList.0.sensorReport.0.value", "4", f"{HEARD}.sensorReport[0].value"),
    ("sensor", "sensorElementList.0.sensorMetadata.time", "now", f"{HEARD}.sensorMetadata.time"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value", "field"), WRONG)
def test_what_is_wrong_is_named_by_its_place(kind: str, path: str, value: Any, field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        prepare(changed(WHOLE[kind], path, value), "e")
    assert refused.value.field == field


def test_one_of_input_and_output_is_enough_where_a_transformation_is_named() -> None:
    prepare({**changed(BAKING, "outputEPCList", None), "transformationID": "urn:x:baking:1"}, "e")


def test_the_ids_of_captured_events_are_the_hashes_of_the_outside_vectors() -> None:
    seen = 0
    for case in json.loads(VECTORS.read_text())["cases"]:
        document = case["document"]
        body = document["epcisBody"]
        if "eventList" not in body or case["name"] in NOT_STRICT:
            continue
        events, context = body["eventList"], document["@context"]
        outer = tuple(context) if isinstance(context, list) else (context,)
        mine = [prepare(event, "e", outer).hash.hex() for event in events]
        assert mine == [name[14:78] for name in case["hashes"]], case["name"]
        seen += len(mine)
    assert seen >= 12


def document(*events: Any, **changes: Any) -> dict[str, Any]:
    return {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2026-03-04T11:00:30Z",
            "epcisBody": {"eventList": list(events)}} | changes  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "Document"}, "type"), ({"schemaVersion": "1.2"}, "schemaVersion"),
        ({"creationDate": "today"}, "creationDate"), ({"@context": []}, "@context"),
        ({"@context": ["https://example.com/other"]}, "@context"), ({"epcisBody": []}, "epcisBody"),
        ({"epcisBody": {}}, "epcisBody.eventList"), ({"epcisBody": {"eventList": {}}}, "epcisBody.eventList"),
        ({"note": 1}, "note"),
    ],
)  # fmt: skip
def test_what_is_around_the_events_must_be_right_too(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedField) as refused:
        open_document(document(OBJECT, **changes))
    assert refused.value.field == field


def test_right_events_of_a_document_are_told_from_wrong_ones() -> None:
    opened = open_document(document(OBJECT, "nothing", changed(OBJECT, "action", "X"), PACK))
    ready, wrong = prepare_all(opened)
    assert [event.event["type"] for event in ready] == ["ObjectEvent", "AggregationEvent"]
    assert [error.field for error in wrong] == ["epcisBody.eventList[1]", "epcisBody.eventList[2].action"]


def test_a_document_of_too_many_events_is_refused_before_any_is_looked_at() -> None:
    with pytest.raises(CaptureTooLarge):
        open_document(document(*["nothing"] * 1_001))


def test_an_id_that_is_another_hash_is_kept_and_known_for_it() -> None:
    stale = prepare({**OBJECT, "eventID": "ni:///sha-256;" + "0" * 64 + "?ver=CBV2.0"}, "e")
    assert stale.stale
    assert not prepare({**OBJECT, "eventID": prepare(OBJECT, "e").event_id}, "e").stale
    assert prepare({**OBJECT, "eventID": "urn:uuid:1"}, "e").event_id == "urn:uuid:1"
