"""What tills are told of a merchant's rules of taking points: in a quote, and of a sale merged afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.records import SpentRecord
from ledger_service.checkout.taking.judging import Taking
from ledger_service.checkout.taking.reasons import SAID
from ledger_service.checkout.taking.rules import Bound, beyond, takes

_NOT_AT_ALL: Bound | None = Bound.PROGRAMME


def acceptance_view(taking: Taking, payable: Mapping[str, Any]) -> dict[str, Any]:
    """How much one programme may pay of the basket, and which rule keeps it so low.

    Args:
        taking: what is taken of the member.
        payable: the programme as the quote shows it, with what the member has of it.
    """
    rules, room = taking.counter.version.rules, taking.room
    if not takes(rules, payable["programme"]):
        bound, most = _NOT_AT_ALL, 0
    else:
        most = min(payable["value_minor"], room.most_minor)
        bound = room.bound if payable["value_minor"] > room.most_minor else None
        if most < room.least_minor and bound is None:
            # A further programme may still make up the rest.
            bound = Bound.LEAST
    return {
        "taken": most > 0,
        "most_minor": most,
        "least_minor": room.least_minor,
        "rule": bound,
        "said": None if bound is None else dict(SAID[bound]),
        "version": taking.counter.version.version,
    }


def offline_beyond(taking: Taking, spent: SpentRecord) -> str | None:
    """Which rule a payment has passed that a till took alone; None where it passed none."""
    rules, known = taking.counter.version.rules, taking.counter.scene.catalogue.programmes
    if not all(takes(rules, known[programme].code) for programme, _, _ in spent.paid):
        return Bound.PROGRAMME
    return beyond(taking.room, spent.value_minor)
