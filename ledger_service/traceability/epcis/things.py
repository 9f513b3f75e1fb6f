"""The things that an event is about, by role, and what it does to each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from ledger_service.traceability.epcis.naming import class_of, normal_name
from ledger_service.traceability.epcis.vocabulary import CBV

Event = Mapping[str, Any]
KEY_BYTES = 16


class Role(IntEnum):
    """As what an event names a thing; ``QUANTITY`` and ``KIND`` are added for classes.

    Transactions, sources and destinations are no things: ``papers`` knows them.
    """

    EPC = 1
    PARENT = 2
    CHILD = 3
    INPUT = 4
    OUTPUT = 5
    TRANSACTION = 6
    SOURCE = 7
    DESTINATION = 8
    TRANSFORMATION = 9


QUANTITY = 10
KIND = 20
THINGS = (Role.EPC, Role.PARENT, Role.CHILD, Role.INPUT, Role.OUTPUT)


class Deed(IntEnum):
    """What an event does to a thing, as far as others can contradict it or its state follows from it."""

    NONE = 0
    COMMISSION = 1
    SELL = 2
    TAKE_BACK = 3
    PACK = 4
    UNPACK = 5
    UNPACK_ALL = 6
    END = 7
    SHIP = 8
    STOCK = 9
    UNSHIP = 10
    DESTROY = 11
    STEAL = 12
    RECALL = 13
    EXPIRE = 14
    LOCK = 15
    SAMPLE = 16
    EXPORT = 17
    REPLACE = 18


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of an event: its name in the one form, or that of the class it is of."""

    name: str
    role: int
    deed: Deed = Deed.NONE
    parent: bytes | None = None

    @property
    def key(self) -> bytes:
        """Under which it is looked up."""
        return key_of(self.name)


_LISTS = MappingProxyType({
    "epcList": Role.EPC, "childEPCs": Role.CHILD, "inputEPCList": Role.INPUT, "outputEPCList": Role.OUTPUT,
})  # fmt: skip
_QUANTITIES = MappingProxyType({
    "quantityList": Role.EPC, "childQuantityList": Role.CHILD,
    "inputQuantityList": Role.INPUT, "outputQuantityList": Role.OUTPUT,
})  # fmt: skip
_ENDS = frozenset(("decommissioning", "destroying", "killing"))
# The step says what was done, the disposition how the thing is since then: a step of these decides first.
_BY_STEP = MappingProxyType({
    "retail_selling": Deed.SELL, "void_shipping": Deed.UNSHIP, "holding": Deed.LOCK, "sampling": Deed.SAMPLE,
})  # fmt: skip
_BY_DISPOSITION = MappingProxyType({
    "stolen": Deed.STEAL, "recalled": Deed.RECALL, "expired": Deed.EXPIRE,
    "damaged": Deed.LOCK, "non_conformant": Deed.LOCK, "non_sellable_other": Deed.LOCK,
})  # fmt: skip
# The CBV has no word for it: one of the teller's own vocabulary, whatever its address.
_EXPORTED = re.compile(r"[/:#]exported$")
_MOVES = MappingProxyType({
    **dict.fromkeys(("shipping", "departing", "transporting"), Deed.SHIP),
    **dict.fromkeys(("receiving", "arriving", "accepting", "storing", "stocking"), Deed.STOCK),
})  # fmt: skip
_STANDS = MappingProxyType({
    "in_transit": Deed.SHIP, "sellable_accessible": Deed.STOCK, "sellable_not_accessible": Deed.STOCK,
    "available": Deed.STOCK,
})  # fmt: skip


def key_of(name: str) -> bytes:
    """16 bytes for a name in its one form: those of any two names differ, as far as anybody can make them."""
    return sha256(name.encode()).digest()[:KEY_BYTES]


def things_of(event: Event) -> list[Thing]:
    """Every thing of a right event once in each role, and the classes that they are of."""
    found = {(thing.name, thing.role): thing for thing in _all_things(event)}
    return list(found.values())


def step_of(event: Event) -> str | None:
    """The business step as a bare word where it is one of the CBV's."""
    return bare_word(event.get("bizStep"), f"{CBV}BizStep-")


def disposition_of(event: Event) -> str | None:
    """The disposition as a bare word where it is one of the CBV's."""
    return bare_word(event.get("disposition"), f"{CBV}Disp-")


def bare_word(value: str | None, prefix: str) -> str | None:
    """A word without the URI of its vocabulary."""
    return None if value is None else value.removeprefix(prefix)


def _all_things(event: Event) -> Iterator[Thing]:
    parent = normal_name(event["parentID"]) if "parentID" in event else None
    if parent is not None:
        yield Thing(parent, Role.PARENT, _deed_to_parent(event))
    inside = key_of(parent) if parent is not None and event["type"] == "AggregationEvent" else None
    for field, role in _LISTS.items():
        epcs = event.get(field)
        if epcs:
            deed, parent_key = _deed(event, role), inside if role == Role.CHILD else None
            for epc in epcs:
                yield from _with_class(normal_name(epc), role, deed, parent_key)
    for field, role in _QUANTITIES.items():
        for element in event.get(field, ()):
            yield from _with_class(normal_name(element["epcClass"]), QUANTITY + role, Deed.NONE, None)
    if "transformationID" in event:
        yield Thing(event["transformationID"], Role.TRANSFORMATION)


def _with_class(name: str, role: int, deed: Deed, parent: bytes | None) -> Iterator[Thing]:
    yield Thing(name, role, deed, parent)
    kind = class_of(name)
    if kind is not None:
        yield Thing(kind, KIND + role % QUANTITY)


def _deed(event: Event, role: Role) -> Deed:
    action = str(event.get("action"))
    if event["type"] == "AggregationEvent":
        return {"ADD": Deed.PACK, "DELETE": Deed.UNPACK}.get(action, Deed.NONE)
    if role == Role.INPUT and step_of(event) == "replacing":
        return Deed.REPLACE
    if event["type"] != "ObjectEvent" or role != Role.EPC:
        return Deed.NONE
    return deed_of(action, step_of(event), disposition_of(event))


def deed_of(action: str, step: str | None, disposition: str | None) -> Deed:
    """What an ObjectEvent does to its things, by action, business step and disposition (CBV 2.0, 7)."""
    if step == "commissioning" and action == "ADD":
        return Deed.COMMISSION
    if step in _ENDS and action == "DELETE":
        return Deed.DESTROY if step == "destroying" else Deed.END
    if disposition == "returned":
        return Deed.TAKE_BACK
    if disposition is not None and _EXPORTED.search(disposition):
        return Deed.EXPORT
    for known, word in (
        (_BY_STEP, step), (_BY_DISPOSITION, disposition), (_MOVES, step), (_STANDS, disposition),
    ):  # fmt: skip
        if word is not None and word in known:
            return known[word]
    return Deed.NONE


def _deed_to_parent(event: Event) -> Deed:
    named = event.get("childEPCs") or event.get("childQuantityList")
    emptied = event["type"] == "AggregationEvent" and event["action"] == "DELETE" and not named
    return Deed.UNPACK_ALL if emptied else Deed.NONE
