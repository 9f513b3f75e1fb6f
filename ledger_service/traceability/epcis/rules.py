"""What an event of EPCIS 2.0 must look like; nothing that does not fit is repaired or left out.

Pure. The rules are those of the published JSON Schema (properties and what they may hold by type of event,
``ilmd`` with ADD alone, extensions by CURIE or URI) and of the standard beyond it: GS1 keys with their check
digits, a class in a list of quantities, times that exist. A class in a list of EPCs passes, as it does there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis import vocabulary as words
from ledger_service.traceability.epcis.checks import (
    Check,
    check_extension,
    check_word,
    every,
    number,
    record,
    text,
)
from ledger_service.traceability.epcis.naming import check_class, check_name, check_uri

Event = Mapping[str, Any]
_OFFSET = re.compile(r"[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)")
_UOM = re.compile(r"[A-Z0-9]{2,3}")
_HEX = re.compile(r"[A-Fa-f0-9]+")


def check_event(event: object, where: str) -> None:
    """The event is one of the five kinds, whole and right.

    Raises:
        MalformedField: naming the first place that is not.
    """
    if not isinstance(event, dict):
        raise MalformedField(where, "must be an object")
    kind = event.get("type")
    known = words.PROPERTIES.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise MalformedField(f"{where}.type", f"must be one of {', '.join(sorted(words.PROPERTIES))}")
    for name in ("eventTime", "eventTimeZoneOffset"):
        if name not in event:
            raise MalformedField(f"{where}.{name}", "is required")
    for name, value in event.items():
        if name in known:
            _CHECKS[name](value, f"{where}.{name}")
        else:
            check_extension(name, f"{where}.{name}")
    _check_whole(str(kind), event, where)


def _check_whole(kind: str, event: Event, where: str) -> None:
    if kind != "TransformationEvent" and "action" not in event:
        raise MalformedField(f"{where}.action", "is required")
    if "ilmd" in event and event.get("action", "ADD") != "ADD":
        raise MalformedField(f"{where}.ilmd", "is told with ADD alone")
    _WHOLE[kind](event, where)


def _object(event: Event, where: str) -> None:
    seen = "sensorElementList" in event and "readPoint" in event
    if not ("epcList" in event or event.get("quantityList") or seen):
        raise MalformedField(where, "needs epcList or quantityList, or sensors and their readPoint")
    if not (event.get("epcList") or event.get("quantityList") or event.get("sensorElementList")):
        raise MalformedField(f"{where}.epcList", "must not be empty where nothing else is named")


def _aggregation(event: Event, where: str) -> None:
    if event["action"] != "DELETE" and not (event.get("childEPCs") or event.get("childQuantityList")):
        raise MalformedField(f"{where}.childEPCs", "is required, or childQuantityList, but with DELETE")
    if "parentID" not in event and event["action"] != "OBSERVE":
        raise MalformedField(f"{where}.parentID", "is required with ADD and DELETE")


def _association(event: Event, where: str) -> None:
    _aggregation(event, where)
    if "parentID" not in event:
        raise MalformedField(f"{where}.parentID", "is required")


def _transaction(event: Event, where: str) -> None:
    if not event.get("bizTransactionList"):
        raise MalformedField(f"{where}.bizTransactionList", "is required and must not be empty")
    if event["action"] != "DELETE" and not ("epcList" in event or event.get("quantityList")):
        raise MalformedField(f"{where}.epcList", "is required, or quantityList, but with DELETE")


def _transformation(event: Event, where: str) -> None:
    into = event.get("inputEPCList") or event.get("inputQuantityList")
    out_of = event.get("outputEPCList") or event.get("outputQuantityList")
    if not (into or out_of) or not ((into and out_of) or "transformationID" in event):
        raise MalformedField(where, "needs inputs and outputs; one of them alone needs a transformationID")


_WHOLE: MappingProxyType[str, Callable[[Event, str], None]] = MappingProxyType({
    "ObjectEvent": _object, "AggregationEvent": _aggregation, "AssociationEvent": _association,
    "TransactionEvent": _transaction, "TransformationEvent": _transformation,
})  # fmt: skip


def _action(value: object, where: str) -> None:
    if not isinstance(value, str) or value not in words.ACTIONS:
        raise MalformedField(where, "must be ADD, OBSERVE or DELETE")


def _extensions(value: object, where: str) -> None:
    record({}, {}, extended=True)(value, where)


def check_context(value: object, where: str) -> None:
    """A JSON-LD context: a URI, an object, or a list of them.

    Raises:
        MalformedField: it is none.
    """
    for part in value if isinstance(value, list) else [value]:
        if not isinstance(part, dict):
            check_uri(part, where)


def _certification(value: object, where: str) -> None:
    (every(check_uri) if isinstance(value, list) else check_uri)(value, where)


def _set_or_unset(value: object, where: str) -> None:
    some = every(check_word(words.DISPOSITIONS), 1, unique=True)
    record({}, {"set": some, "unset": some})(value, where)
    if not value:
        raise MalformedField(where, "needs set or unset")


def _plain_text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise MalformedField(where, "must be text")


def _flag(value: object, where: str) -> None:
    if not isinstance(value, bool):
        raise MalformedField(where, "must be true or false")


_METADATA = record({}, {
    **dict.fromkeys(words.METADATA_TIMES, parse_instant),
    **dict.fromkeys(words.METADATA_URIS, check_uri),
}, extended=True)  # fmt: skip
_REPORT = record({"type": check_word(words.MEASUREMENTS)}, {
    "exception": check_word(words.ALERTS), "component": check_word(words.COMPONENTS), "time": parse_instant,
    "booleanValue": _flag, "hexBinaryValue": text(_HEX, "must be hexadecimal digits"),
    **dict.fromkeys(words.REPORT_URIS, check_uri), **dict.fromkeys(words.REPORT_NUMBERS, number),
    **dict.fromkeys(words.REPORT_TEXTS, _plain_text),
}, extended=True)  # fmt: skip
_SENSOR = record({"sensorReport": every(_REPORT, 1)}, {"sensorMetadata": _METADATA}, extended=True)
_EPCS = every(check_name, unique=True)
_PLACE = record({"id": check_name}, {}, extended=True)
_QUANTITY = record({"epcClass": check_class}, {
    "quantity": number, "uom": text(_UOM, "must be two or three of A to Z and 0 to 9"),
})  # fmt: skip
_PARTY = {"type": check_word(words.PARTY_TYPES)}
_CHECKS: MappingProxyType[str, Check] = MappingProxyType({
    "@context": check_context, "type": lambda _value, _where: None, "eventTime": parse_instant,
    "recordTime": parse_instant, "eventID": check_uri, "certificationInfo": _certification,
    "eventTimeZoneOffset": text(_OFFSET, "must be an offset as +08:00, to 14:00"),
    "errorDeclaration": record({"declarationTime": parse_instant}, {
        "reason": check_word(words.ERROR_REASONS), "correctiveEventIDs": every(check_uri),
    }, extended=True),
    "action": _action, "bizStep": check_word(words.STEPS), "disposition": check_word(words.DISPOSITIONS),
    "readPoint": _PLACE, "bizLocation": _PLACE, "parentID": check_name, "transformationID": check_uri,
    "persistentDisposition": _set_or_unset, "ilmd": _extensions, "sensorElementList": every(_SENSOR),
    "bizTransactionList": every(record(
        {"bizTransaction": check_name}, {"type": check_word(words.TRANSACTION_TYPES)})),
    "sourceList": every(record({**_PARTY, "source": check_name}, {})),
    "destinationList": every(record({**_PARTY, "destination": check_name}, {})),
    **dict.fromkeys(words.EPC_LISTS, _EPCS),
    **{name: every(_QUANTITY) for name in words.QUANTITY_LISTS},
})  # fmt: skip
