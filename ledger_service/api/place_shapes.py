"""The shapes of what a store and a terminal may be: when its day begins, its kind, whether it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.api.schema import Flag, Integer, Nullable, Schema, Text
from ledger_service.checkout.line_parsing import GREATEST_MINOR
from ledger_service.merchants.business_day import GREATEST_START_HOUR
from ledger_service.merchants.requests import TerminalMode
from ledger_service.merchants.rules import TerminalKind

HOUR = Integer(0, GREATEST_START_HOUR, "When its business day begins, by its own clock; 0 where absent")
MODE: dict[str, Schema] = {
    "kind": Text(one_of=tuple(TerminalKind), about="`till` where absent"),
    "points_most_minor": Nullable(
        Integer(0, GREATEST_MINOR, "What a self-checkout may take in points in a sale; nothing where absent")
    ),
    "training": Flag("Whatever it does has no effect"),
}


def mode_of(given: Mapping[str, Any]) -> TerminalMode:
    """The mode that a body of ``MODE`` names."""
    kind = TerminalKind(given.get("kind", TerminalKind.TILL))
    return TerminalMode(kind, given.get("points_most_minor"), given.get("training", False))


def mode_view(mode: TerminalMode) -> dict[str, Any]:
    """The mode as its own body."""
    limit = mode.points_most_minor
    return {"kind": mode.kind.value, "points_most_minor": limit, "training": mode.training}
