"""Events made ready to be stored: checked, hashed, and taken apart for the index; nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.epcis.event_hash import VERSION, Hasher
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.details import details_of
from ledger_service.traceability.epcis.documents import Document, context_of, own_context
from ledger_service.traceability.epcis.naming import normal_name
from ledger_service.traceability.epcis.papers import papers_of
from ledger_service.traceability.epcis.rules import check_event
from ledger_service.traceability.epcis.things import Thing, disposition_of, step_of, things_of

_HASH_ID = re.compile(r"ni:///sha-256;([0-9a-f]{64})\?ver=(CBV[0-9.]+)")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event that may be stored.

    ``given_id`` is an eventID that is not the event's hash, ``stale`` that it looks like one.
    """

    event: Mapping[str, Any]
    context: tuple[Any, ...]
    hash: bytes
    given_id: str | None
    event_time: datetime
    things: Sequence[Thing]

    @property
    def index(self) -> list[Thing]:
        """What it is looked up by: its things, the papers around it, and what else is asked for."""
        return [*self.things, *papers_of(self.event), *details_of(self.event)]

    @property
    def declares(self) -> bool:
        """Whether it says of an event like it that it is wrong."""
        return "errorDeclaration" in self.event

    @property
    def stale(self) -> bool:
        """Whether its eventID is the hash of something else."""
        return self.given_id is not None and self.given_id.startswith("ni:///sha-256;")

    @property
    def event_id(self) -> str:
        """Under which it is found."""
        return self.given_id or hash_id(self.hash)

    def body(self, at: datetime) -> bytes:
        """The bytes that are stored and shown."""
        whole = {**self.event, "eventID": self.event_id, "recordTime": format_instant(at)}
        whole.pop("@context", None)
        if self.context:
            whole["@context"] = list(self.context)
        return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)

    def columns(self) -> dict[str, Any]:
        """What of it stands in columns."""
        event = self.event
        return {
            "hash": self.hash,
            "hash_version": VERSION,
            "declares": self.declares,
            "given_id": self.given_id,
            "kind": event["type"],
            "action": event.get("action"),
            "event_time": self.event_time,
            "biz_step": step_of(event),
            "disposition": disposition_of(event),
            "read_point": _place(event, "readPoint"),
            "biz_location": _place(event, "bizLocation"),
            "transformation_id": event.get("transformationID"),
        }


def hash_id(digest: bytes) -> str:
    """A stored hash as the RFC 6920 name that the CBV has for it."""
    return f"ni:///sha-256;{digest.hex()}?ver={VERSION}"


def hash_of_id(event_id: str) -> bytes | None:
    """The hash that an eventID of the CBV's form holds; None for any other eventID."""
    found = _HASH_ID.fullmatch(event_id)
    return bytes.fromhex(found[1]) if found is not None and found[2] == VERSION else None


def prepare(event: Any, where: str, outer: tuple[Any, ...] = ()) -> Prepared:
    """An event that is right and whole.

    Args:
        event: as JSON.
        where: its place, for refusals.
        outer: the context of the document around it.

    Raises:
        MalformedField: naming the first part that is not as the standard has it.
    """
    check_event(event, where)
    context = (*outer, *context_of(event.get("@context"), f"{where}.@context"))
    try:
        name = Hasher.of_context(list(context)).identify(event)
    except (TypeError, ValueError, AttributeError):
        raise MalformedField(where, "has an extension that cannot be hashed") from None
    digest, given = hash_of_id(name), event.get("eventID")
    if digest is None:
        raise MalformedField(where, "has no hash")
    return Prepared(
        event,
        tuple(own_context(context)),
        digest,
        None if given == name else given,
        parse_instant(event["eventTime"], f"{where}.eventTime"),
        things_of(event),
    )


def prepare_all(document: Document) -> tuple[list[Prepared], list[MalformedField]]:
    """The events of a document that are right, and what is wrong with the others."""
    ready: list[Prepared] = []
    wrong: list[MalformedField] = []
    for index, event in enumerate(document.events):
        try:
            ready.append(prepare(event, f"{document.path}[{index}]", document.context))
        except MalformedField as error:
            wrong.append(error)
    return ready, wrong


def _place(event: Mapping[str, Any], name: str) -> str | None:
    return normal_name(event[name]["id"]) if name in event else None
