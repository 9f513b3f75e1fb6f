"""EPCIS documents: what is around the events that somebody hands in, and what goes around those given out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.checks import check_extension
from ledger_service.traceability.epcis.errors import CaptureTooLarge
from ledger_service.traceability.epcis.rules import check_context

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SCHEMA_VERSION = "2.0"
# One capture is one db transaction, for which others wait.
MOST_EVENTS = 1_000
MOST_BYTES = 2 * 1024 * 1024
_KNOWN = frozenset(
    (
        "@context id type schemaVersion creationDate instanceIdentifier sender receiver epcisHeader epcisBody"
    ).split()
)
_CONTEXTS = ("https://ref.gs1.org/standards/epcis/", "https://gs1.github.io/EPCIS/")


@dataclass(frozen=True, slots=True)
class Document:
    """Events as they were handed in, not looked at yet, and the context that their names stand in."""

    context: tuple[Any, ...]
    events: Sequence[Any]
    path: str


def open_document(fields: Mapping[str, Any]) -> Document:
    """Look at what is around the events of an ``EPCISDocument`` or ``EPCISQueryDocument``.

    Raises:
        MalformedField: naming the first part that is not as the standard has it.
        CaptureTooLarge: more events than one capture takes.
    """
    kind = fields.get("type")
    if kind not in ("EPCISDocument", "EPCISQueryDocument"):
        raise MalformedField("type", "must be EPCISDocument or EPCISQueryDocument")
    for name in ("@context", "schemaVersion", "creationDate", "epcisBody"):
        if name not in fields:
            raise MalformedField(name, "is required")
    for name in fields.keys() - _KNOWN:
        check_extension(name, name)
    context = context_of(fields["@context"], "@context")
    if not any(isinstance(part, str) and part.startswith(_CONTEXTS) for part in context):
        raise MalformedField("@context", f"must name {CONTEXT}")
    if fields["schemaVersion"] not in ("2.0", "2.0.0"):
        raise MalformedField("schemaVersion", "must be 2.0")
    parse_instant(fields["creationDate"], "creationDate")
    path, events = _events(fields["epcisBody"], str(kind))
    if len(events) > MOST_EVENTS:
        raise CaptureTooLarge(MOST_EVENTS)
    return Document(context, events, path)


def context_of(value: Any, where: str) -> tuple[Any, ...]:
    """The parts of a JSON-LD context, none for an absent one.

    Raises:
        MalformedField: it is no context.
    """
    if value is None:
        return ()
    check_context(value, where)
    return tuple(value) if isinstance(value, list) else (value,)


def own_context(context: Iterable[Any]) -> list[Any]:
    """What of a context is not the standard's own: it goes with the event."""
    return [part for part in context if not (isinstance(part, str) and part.startswith(_CONTEXTS))]


def _events(body: Any, kind: str) -> tuple[str, Sequence[Any]]:
    path = "epcisBody"
    for step in ("queryResults", "resultsBody") if kind == "EPCISQueryDocument" else ():
        body, path = _part(body, path).get(step), f"{path}.{step}"
    path, events = f"{path}.eventList", _part(body, path).get("eventList")
    if not isinstance(events, list):
        raise MalformedField(path, "must be a list of events")
    return path, events


def _part(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedField(where, "must be an object")
    return value


def query_document(
    bodies: Sequence[bytes], at: datetime, name: str = "SimpleEventQuery", subscription: str = ""
) -> bytes:
    """Stored events, byte for byte, as an ``EPCISQueryDocument``.

    Args:
        bodies: of the events.
        at: when the document is made.
        name: of the query, which needs no escape in JSON.
        subscription: the id of the subscription that it answers; empty for none.
    """
    answers = f'"subscriptionID":"{subscription}",' if subscription else ""
    head = (
        f'{{"@context":["{CONTEXT}"],"type":"EPCISQueryDocument","schemaVersion":"{SCHEMA_VERSION}",'
        f'"creationDate":"{format_instant(at)}","epcisBody":{{"queryResults":{{"queryName":"{name}",'
        f'{answers}"resultsBody":{{"eventList":['
    )
    return head.encode() + b",".join(bodies) + b"]}}}}"
