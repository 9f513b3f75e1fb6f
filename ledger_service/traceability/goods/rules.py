"""States of items: which may follow which, which last for ever, and what may be undone (EU 2016/161, 13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

UNDO_WITHIN = timedelta(days=10)


class State(StrEnum):
    """Where an item stands; ``recalled`` and ``expired`` are also said of its batch."""

    GENERATED = "generated"
    PRINTED = "printed"
    COMMISSIONED = "commissioned"
    IN_TRANSIT = "in-transit"
    AVAILABLE = "available"
    SOLD = "sold"
    ACTIVATED = "activated"
    LOCKED = "locked"
    SAMPLE = "sample"
    EXPORTED = "exported"
    DESTROYED = "destroyed"
    STOLEN = "stolen"
    RECALLED = "recalled"
    EXPIRED = "expired"
    VOID = "void"
    REPLACED = "replaced"


FOR_EVER = frozenset({State.DESTROYED, State.STOLEN, State.RECALLED, State.VOID})
NOT_FOR_SALE = frozenset({State.DESTROYED, State.STOLEN, State.EXPORTED, State.VOID, State.REPLACED})
_ENDS = frozenset({State.DESTROYED, State.STOLEN, State.RECALLED, State.EXPIRED, State.VOID, State.REPLACED})
_ASIDE = frozenset({State.LOCKED, State.SAMPLE, State.EXPORTED})
_IN_TRADE = frozenset({State.IN_TRANSIT, State.AVAILABLE, State.SOLD})
_NEXT = {
    State.GENERATED: frozenset({State.PRINTED, State.VOID}),
    State.PRINTED: frozenset({State.COMMISSIONED, State.VOID, State.DESTROYED, State.STOLEN}),
    State.COMMISSIONED: _IN_TRADE | _ASIDE | _ENDS,
    State.IN_TRANSIT: _IN_TRADE - {State.IN_TRANSIT} | _ASIDE | _ENDS,
    State.AVAILABLE: _IN_TRADE - {State.AVAILABLE} | _ASIDE | _ENDS,
    State.SOLD: _ENDS | {State.ACTIVATED, State.LOCKED},
    State.ACTIVATED: frozenset({State.VOID, State.RECALLED, State.STOLEN, State.DESTROYED, State.LOCKED}),
    **dict.fromkeys(_ASIDE, _ENDS),
    State.EXPIRED: frozenset({State.DESTROYED, State.VOID, State.RECALLED}),
}
_UNDONE = frozenset({State.SOLD, State.LOCKED, State.SAMPLE, State.EXPORTED})


@dataclass(frozen=True, slots=True)
class Change:
    """An item's last change: what it was, what it is, at which premises (GLN), when."""

    before: State
    state: State
    place: int | None
    at: datetime


def may_follow(state: State, wanted: State) -> bool:
    """Whether an item in ``state`` may come into ``wanted``."""
    return wanted in _NEXT.get(state, frozenset())


def why_not_undone(last: Change, place: int, at: datetime, barred: frozenset[State]) -> str | None:
    """Why the last change stands, or None where it may be undone.

    Args:
        last: the change.
        place: the GLN of the premises that want to undo it.
        at: now.
        barred: what by now is so of the item or its batch: expired, recalled or stolen.
    """
    if last.state in FOR_EVER or last.state not in _UNDONE:
        return "irreversible"
    if barred & {State.EXPIRED, State.RECALLED, State.STOLEN}:
        return "barred"
    if last.place is None or last.place != place:
        return "other-premises"
    return "too-late" if not timedelta(0) <= at - last.at <= UNDO_WITHIN else None
