"""What counts as a change of a member's tier; pure like ``rules``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ledger_service.tiers.rules import FOR_EVER, Ladder, Window


class Change(StrEnum):
    """How a member stands otherwise than before; ``known``: it stood so when changes were first kept."""

    REACHED = "reached"
    FELL = "fell"
    RENEWED = "renewed"
    SHORTENED = "shortened"
    KNOWN = "known"


class Cause(StrEnum):
    """What a change came from."""

    PURCHASE = "purchase"
    REFUND = "refund"
    TIME = "time"
    LADDER = "ladder"
    RECOUNT = "recount"


class Stand(NamedTuple):
    """A level, and the last day on which it holds; None where nothing but a refund ends it."""

    level: int = 0
    until_day: int | None = None


def ends_are_told(ladder: Ladder) -> bool:
    """Whether another end of the same tier is a change: in a rolling window each purchase moves it."""
    return ladder.window is Window.CALENDAR_YEAR


def change_between(ladder: Ladder, was: Stand, now: Stand) -> Change | None:
    """The change between two stands, both in levels of the ladder; None where there is none."""
    if now.level != was.level:
        return Change.REACHED if now.level > was.level else Change.FELL
    if now.level == 0 or now.until_day == was.until_day or not ends_are_told(ladder):
        return None
    return Change.RENEWED if _end(now) > _end(was) else Change.SHORTENED


def carried_level(versions: Sequence[Ladder], ladder: Ladder, version: int, level: int) -> int:
    """A level of another version in this ladder: the tier of the same code, else the same height."""
    before = next((one for one in versions if one.version == version), None)
    if before is not None and level <= before.top:
        code = before.tiers[level].code
        for height, tier in enumerate(ladder.tiers):
            if tier.code == code:
                return height
    return min(level, ladder.top)


def _end(stand: Stand) -> int:
    return FOR_EVER if stand.until_day is None else stand.until_day
