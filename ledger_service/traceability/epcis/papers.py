"""What an event says of the trade around it: business transactions, sources and destinations, by their type.

They are looked up as things are, in roles of their own, and are none: nobody holds a purchase order, so that
what it names is no reason to see another merchant's events, and no walk goes along it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.things import Role, Thing
from ledger_service.traceability.epcis.vocabulary import PARTY_TYPES, TRANSACTION_TYPES

# Each list of an event: the property that its elements have, their role, and the CBV's words for their types.
_LISTS = MappingProxyType({
    "bizTransactionList": ("bizTransaction", Role.TRANSACTION, TRANSACTION_TYPES),
    "sourceList": ("source", Role.SOURCE, PARTY_TYPES),
    "destinationList": ("destination", Role.DESTINATION, PARTY_TYPES),
})  # fmt: skip
# Parameters of a query, each with the role and the type that it asks for.
PARAMETERS = MappingProxyType({
    f"EQ_{name}_{kind}": (role, kind)
    for name, role, kinds in _LISTS.values() for kind in sorted(kinds)
})  # fmt: skip


def papers_of(event: Mapping[str, Any]) -> list[Thing]:
    """Each transaction, source and destination of a right event, once by type; what has no type is not
    looked up."""
    found = {(paper.name, paper.role): paper for paper in _all_papers(event)}
    return list(found.values())


def paper_name(kind: str, value: str) -> str:
    """Under which one is looked up. No URI has a space, so that it is no thing's name."""
    return f"{kind} {normal_name(value)}"


def _all_papers(event: Mapping[str, Any]) -> Iterator[Thing]:
    for field, (name, role, _) in _LISTS.items():
        for element in event.get(field, ()):
            if "type" in element:
                yield Thing(paper_name(element["type"], element[name]), role)
