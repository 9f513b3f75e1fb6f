"""What beside its way is told of an item: its claim's points, and whether its label was replaced. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ledger_service.traceability.epcis.things import Deed, things_of
from ledger_service.traceability.proofs.bundle import Bundle
from ledger_service.traceability.proofs.rules import Finding, item_names


def judge_claim(bundle: Bundle, claimed: bool, issued: int | None) -> list[Finding]:
    """Whatever is wrong with the points that a bundle tells of the item's claim.

    Args:
        bundle: of the item.
        claimed: whether the chain says that it was claimed.
        issued: the points that the chain has by the operation which the bundle names; None for no such issue.
    """
    claim = bundle.claim
    if claim is None:
        told = "the bundle does not say which operation issued the points of its claim"
        return [Finding("claim-unissued", told)] if claimed else []
    wanted = claim.points - claim.owed
    if wanted < 0 or (issued is not None and issued != wanted):
        told = f"its operation issued {issued or 0} points, not {claim.points} less {claim.owed} owed"
        return [Finding("claim-differs", told)]
    if issued is None and wanted:
        return [Finding("claim-unissued", "the chain has not issued the points of its claim")]
    return []


def replaced_by(bundle: Bundle) -> list[Finding]:
    """That the item's label was replaced, as its own events tell."""
    name, _ = item_names(bundle.item.gtin, bundle.item.serial, bundle.item.lot)
    told = [(one.event_seq, _event(one.body)) for one in bundle.events]
    wrong = {event.get("eventID") for _, event in told if "errorDeclaration" in event}
    return [
        Finding("item-replaced", f"event {seq} gave it a new label: this code is worth nothing since", seq)
        for seq, event in told
        if event.get("eventID") not in wrong and _replaces(event, name)
    ]


def _replaces(event: Mapping[str, Any], name: str) -> bool:
    try:
        return any(thing.name == name and thing.deed == Deed.REPLACE for thing in things_of(event))
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}
