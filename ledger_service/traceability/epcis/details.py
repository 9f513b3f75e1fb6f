"""What else of an event a query may ask for: sensors, quantities, persistent dispositions, why it was wrong.

Words are looked up as papers are, under names that no thing has. A number or an instant is looked up by its
property (and unit) alone; whether it is as it was wished is seen in the few events that have it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import eq, ge, gt, le, lt
from types import MappingProxyType
from typing import Any

from ledger_service.kernel.clock import parse_instant
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.things import Event, Thing, bare_word
from ledger_service.traceability.epcis.vocabulary import CBV, QUANTITY_LISTS, VOC

# Above the roles of things and of the classes that they are of.
DETAIL = 30
SENSORS = "sensorElementList"
Plain = Callable[[Any], object]
SIGNS: MappingProxyType[str, Callable[[Any, Any], bool]] = MappingProxyType({
    "EQ": eq, "GE": ge, "GT": gt, "LE": le, "LT": lt,
})  # fmt: skip
# Words of a sensor's metadata or report, with what makes each value one text.
_SENSOR_WORDS: MappingProxyType[str, Plain] = MappingProxyType({
    "type": lambda value: bare_word(value, VOC),
    **dict.fromkeys(
        ("deviceID", "dataProcessingMethod", "microorganism", "chemicalSubstance", "bizRules", "uriValue"),
        normal_name),
    "stringValue": str, "hexBinaryValue": str.upper,
    "booleanValue": lambda value: value if isinstance(value, str) else str(value).lower(),
})  # fmt: skip
_DISPOSITIONS = MappingProxyType({"set": "persistentDisposition_set", "unset": "persistentDisposition_unset"})
WORDS: MappingProxyType[str, Plain] = MappingProxyType({
    **_SENSOR_WORDS,
    **dict.fromkeys(_DISPOSITIONS.values(), lambda value: bare_word(value, f"{CBV}Disp-")),
    "errorReason": lambda value: bare_word(value, f"{CBV}ER-"),
    "correctiveEventID": str,
})  # fmt: skip
INSTANTS = ("time", "startTime", "endTime", "errorDeclarationTime")
HOW_MUCH = "quantity"
# Numbers of a report; all but the last stand in a unit.
NUMBERS = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue", "percRank")


@dataclass(frozen=True, slots=True)
class Measure:
    """Events with a number or instant under a property, in a unit or (None) in any, that compares so."""

    name: str
    unit: str | None
    sign: str
    values: tuple[Any, ...]

    @property
    def lookup(self) -> str:
        """Under which events are looked up that have any such number or instant."""
        return _place_of(self.name, self.unit)

    def holds(self, event: Event) -> bool:
        """Whether one of the event's is as it is wished."""
        compare = SIGNS[self.sign]
        found = (value for name, unit, value in measured(event)
                 if name == self.name and self.unit in (None, unit))  # fmt: skip
        return any(compare(value, wanted) for value in found for wanted in self.values)


def word_name(kind: str, value: str) -> str:
    """Under which a word of one kind is looked up."""
    return f"{kind} {WORDS[kind](value)}"


def details_of(event: Event) -> list[Thing]:
    """Each word, and each property with a number or instant, of a right event once."""
    names = dict.fromkeys(chain(_words(event), *map(_places_of, measured(event))))
    return [Thing(name, DETAIL) for name in names]


def measured(event: Event) -> Iterator[tuple[str, str | None, Any]]:
    """Every number and instant that can be asked for: its property, its unit where it has one, and itself."""
    for field in QUANTITY_LISTS:
        for element in event.get(field, ()):
            if HOW_MUCH in element:
                yield HOW_MUCH, element.get("uom"), element[HOW_MUCH]
    declared = event.get("errorDeclaration", {}).get("declarationTime")
    if declared is not None:
        yield INSTANTS[-1], None, _instant(declared)
    for part in _sensors(event):
        for name in INSTANTS[:-1]:
            if name in part:
                yield name, None, _instant(part[name])
        for name in NUMBERS:
            if name in part:
                yield name, part.get("uom"), part[name]


def _words(event: Event) -> Iterator[str]:
    if event.get(SENSORS):
        yield SENSORS
    for part in _sensors(event):
        yield from (word_name(name, part[name]) for name in _SENSOR_WORDS if name in part)
    for name, kind in _DISPOSITIONS.items():
        for value in event.get("persistentDisposition", {}).get(name, ()):
            yield word_name(kind, value)
    error: Mapping[str, Any] = event.get("errorDeclaration", {})
    if "reason" in error:
        yield word_name("errorReason", error["reason"])
    yield from (word_name("correctiveEventID", one) for one in error.get("correctiveEventIDs", ()))


def _sensors(event: Event) -> Iterable[Mapping[str, Any]]:
    """The metadata and the reports of its sensors."""
    for element in event.get(SENSORS, ()):
        if "sensorMetadata" in element:
            yield element["sensorMetadata"]
        yield from element.get("sensorReport", ())


def _places_of(one: tuple[str, str | None, Any]) -> tuple[str, ...]:
    name, unit, _ = one
    whole = _place_of(name, None)
    return (whole,) if unit is None else (whole, _place_of(name, unit))


def _place_of(name: str, unit: str | None) -> str:
    return f"measured {name}" if unit is None else f"measured {name} {unit}"


def _instant(text: str) -> datetime:
    return parse_instant(text, "event")
