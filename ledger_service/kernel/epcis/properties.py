"""The properties of EPCIS events in the order in which CBV 2.0 hashes them, and what may stand bare."""

from __future__ import annotations

from types import MappingProxyType
from typing import TypeAlias

# Names in order; behind each the order of its own parts, None where it has none.
Order: TypeAlias = tuple[tuple[str, "Order | None"], ...]


def _plain(*names: str) -> Order:
    return tuple((name, None) for name in names)


_QUANTITY = _plain("epcClass", "quantity", "uom")
_PLACE = _plain("id")
_METADATA = _plain(
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_REPORT = _plain(
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time",
    "microorganism", "chemicalSubstance", "value", "component", "stringValue", "booleanValue",
    "hexBinaryValue", "uriValue", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom",
    "coordinateReferenceSystem",
)  # fmt: skip
ORDER: Order = (
    *_plain("eventTime", "eventTimeZoneOffset", "certificationInfo", "parentID"),
    *_plain("epcList", "inputEPCList", "childEPCs"),
    ("quantityList", _QUANTITY),
    ("childQuantityList", _QUANTITY),
    ("inputQuantityList", _QUANTITY),
    ("outputEPCList", None),
    ("outputQuantityList", _QUANTITY),
    *_plain("action", "transformationID", "bizStep", "disposition"),
    ("persistentDisposition", _plain("set", "unset")),
    ("readPoint", _PLACE),
    ("bizLocation", _PLACE),
    ("sensorElementList", (("sensorMetadata", _METADATA), ("sensorReport", _REPORT))),
)
# Lists, and the name that each of their elements has.
ELEMENTS = MappingProxyType({
    "epcList": "epc", "inputEPCList": "epc", "childEPCs": "epc", "outputEPCList": "epc",
    "quantityList": "quantityElement", "childQuantityList": "quantityElement",
    "inputQuantityList": "quantityElement", "outputQuantityList": "quantityElement",
    "sensorElementList": "sensorElement",
})  # fmt: skip
# Lists of pairs of a type and what is of it.
PAIRS = MappingProxyType({
    "bizTransactionList": "bizTransaction", "sourceList": "source", "destinationList": "destination",
})  # fmt: skip
# When and where the event was stored, its own id, and that it was withdrawn.
IGNORED = frozenset({"type", "recordTime", "eventID", "errorDeclaration"})
IGNORED_EVERYWHERE = frozenset({"@context", "comment", "rdfs:comment"})
_CBV, _GS1 = "https://ref.gs1.org/cbv/", "https://gs1.org/voc/"
WORDS = MappingProxyType({
    "bizStep": f"{_CBV}BizStep-", "disposition": f"{_CBV}Disp-", "set": f"{_CBV}Disp-",
    "unset": f"{_CBV}Disp-", "bizTransaction.type": f"{_CBV}BTT-", "source.type": f"{_CBV}SDT-",
    "destination.type": f"{_CBV}SDT-", "type": _GS1, "exception": _GS1, "component": f"{_CBV}Comp-",
})  # fmt: skip
OLD_WORDS = "urn:epcglobal:cbv:"
URNS = tuple(
    (f"{OLD_WORDS}{short}:", f"{_CBV}{long}-")
    for short, long in (
        ("bizstep", "BizStep"),
        ("disp", "Disp"),
        ("btt", "BTT"),
        ("sdt", "SDT"),
        ("er", "ER"),
    )
)
