"""What a till's command must know of a household: whose key signed, its right, what is owed to others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.points import Lot
from ledger_service.members.households.errors import HouseholdLimitReached, HouseholdSpendRefused
from ledger_service.members.households.models import (
    household,
    household_due,
    household_key,
    household_mate,
)
from ledger_service.members.households.rules import left_micros, lessened, period_of

HOUSE: Load = load_by(household, "household_id")
MATES: Load = load_by(household_mate, "household_id")
KEYS: Load = load_by(household_key, "household_id")
DUES: Load = load_by(household_due, "household_id")
Row = Mapping[str, Any]


def household_needs(household_id: int) -> list[Need]:
    """What ``mate_at_till``, ``count_spent`` and ``free_lots`` read; nobody else's sale reads it."""
    return [load.of(household_id) for load in (HOUSE, MATES, KEYS, DUES)]


def mate_of_key(draft: Draft, household_id: int, device_id: int) -> Row | None:
    """The mate for whom a signer of the household's account speaks; None for a signer of no mate."""
    keys = draft.find(KEYS, household_id)
    owner = next((k["member_id"] for k in keys if k["device_id"] == device_id), None)
    return next((m for m in draft.find(MATES, household_id) if m["member_id"] == owner), None)


def mate_at_till(draft: Draft, household_id: int, device_id: int, at: datetime) -> Row:
    """The mate whose code it is, in the household at the acceptance time and not frozen.

    Raises:
        HouseholdSpendRefused: it has left, is frozen, the household is closing, or no mate has this key.
    """
    house, mate = draft.one(HOUSE, household_id), mate_of_key(draft, household_id, device_id)
    if house is None or mate is None:
        raise HouseholdSpendRefused("key-unknown")
    if mate["frozen_at"] is not None:
        raise HouseholdSpendRefused("frozen")
    if mate["state"] != "in" and not _before(at, mate["left_at"]):
        raise HouseholdSpendRefused("left")
    if house["state"] != "open" and not _before(at, house["closing_at"]):
        raise HouseholdSpendRefused("closing")
    return mate


def count_spent(draft: Draft, household_id: int, device_id: int, value_micros: int, at: datetime) -> None:
    """The value is within the mate's right, and counts in its day or month.

    Raises:
        HouseholdSpendRefused: no right to spend, or not in the household.
        HouseholdLimitReached: over the limit of the day or month.

    Invariants: INV-9: a right only narrows what the signed permit allows.
    """
    mate, house = mate_at_till(draft, household_id, device_id, at), draft.one(HOUSE, household_id)
    if mate["spends"] == "none" or house is None:
        raise HouseholdSpendRefused("no-right")
    period = period_of(mate["spends"], house["timezone"], at)
    left = left_micros(mate, period)
    if left is None:
        return
    if value_micros > left:
        raise HouseholdLimitReached(value_micros, left)
    used = mate["used_micros"] if mate["used_period"] == period else 0
    key = (household_id, mate["member_id"])
    draft.change(household_mate, key, used_micros=used + value_micros, used_period=period)


def free_lots(draft: Draft, household_id: int, lots: Iterable[Lot], at: datetime) -> list[Lot]:
    """The household's lots without what waits for mates that have left."""
    some = list(lots)
    owed = [
        ((due["programme_id"], due["epoch"]), due["points"])
        for due in draft.find(DUES, household_id)
        if due["until"] > at
    ]
    if not owed:
        return some
    free = lessened({(lot.programme, lot.epoch): lot.available for lot in some}, owed)
    return [Lot(lot.programme, lot.epoch, free[lot.programme, lot.epoch]) for lot in some]


def _before(at: datetime, end: datetime | None) -> bool:
    # Of the second of the end nothing counts any more: who was removed is out at once.
    return end is not None and at < end.replace(microsecond=0)
