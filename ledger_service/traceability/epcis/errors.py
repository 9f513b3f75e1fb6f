"""How the capture and query of events refuses."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class EventUnknown(DomainError):
    """No event has this id, or it is none of the caller's; so, too, where one is declared wrong."""

    code = "event-unknown"
    category = Category.MISSING
    why = "No event has this id, or another merchant captured it."
    fix = "Use the eventID that capture or a query answered, percent-encoded."


@dataclass(eq=False)
class EventKnown(DomainError):
    """The same event is stored already."""

    event_id: str

    code = "event-known"
    category = Category.CONFLICT
    why = "This very event is stored already: it has the same hash."
    fix = "Nothing is to be done; read it under `event_id`."


@dataclass(eq=False)
class EventIdTaken(DomainError):
    """Another event has the eventID."""

    event_id: str

    code = "event-id-taken"
    category = Category.CONFLICT
    why = "Another event was captured under this eventID."
    fix = "Leave eventID out, so that the event's hash is its id; correct an event by an errorDeclaration."


@dataclass(eq=False)
class CaptureTooLarge(DomainError):
    """More events than one capture takes."""

    most_events: int

    code = "capture-too-large"
    category = Category.TOO_LARGE
    why = "The document holds more events than one capture takes; none was stored."
    fix = "Split it into documents of at most `most_events` events; what is stored already is not doubled."


@dataclass(eq=False)
class CaptureUnknown(DomainError):
    """No capture job has this id."""

    code = "capture-unknown"
    category = Category.MISSING
    why = "No capture job has this id, or it is another merchant's."
    fix = "Use the Location that the capture answered."


@dataclass(eq=False)
class QueryTooLarge(DomainError):
    """The query finds more than the caller said it would have."""

    most_events: int

    code = "query-too-large"
    category = Category.TOO_LARGE
    why = "The query finds more events than its `maxEventCount`."
    fix = "Narrow the query by times or names, or leave `maxEventCount` out and follow the pages."
