"""When an item may be claimed, which caps a claim counts against, and what a return takes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger_service.traceability.goods.rules import State

# A member's own caps, a device's, a place's (a tenth of a degree, or a country) and a channel's, in a day.
CAPS = ("member", "device", "place", "channel")
CHANNELS = ("app", "web", "store")
MOST_WRONG_A_DAY = 20
CLAIMABLE = frozenset({
    State.GENERATED, State.PRINTED, State.COMMISSIONED, State.IN_TRANSIT, State.AVAILABLE, State.SOLD,
})  # fmt: skip
RETURNABLE = CLAIMABLE | {State.ACTIVATED, State.EXPIRED}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a brand gives for an item of a product; a cap of 0 is none, points of 0 are no offer."""

    version: int
    programme_id: int
    points: int
    most: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a claim comes from, as far as caps need: 8 bytes of a device, a coarse place, a channel."""

    device: bytes
    place: str
    channel: str


def scopes_of(gtin: str, member_id: int, whence: Whence, day: int) -> dict[str, str]:
    """Under which name each cap counts on a day."""
    values = {"member": member_id, "device": whence.device.hex(), "place": whence.place or "nowhere",
              "channel": whence.channel}  # fmt: skip
    return {cap: f"{cap}:{gtin}:{values[cap]}:{day}" for cap in CAPS}


def scope_of_wrong(member_id: int, day: int) -> str:
    """Under which name a member's wrong PINs of a day count."""
    return f"wrong:{member_id}:{day}"


def reached(terms: Terms, taken: Mapping[str, int]) -> str | None:
    """The first cap that leaves no room for one claim more, given how many each has; None where all do."""
    full = (cap for cap in CAPS if 0 < terms.most[cap] <= taken.get(cap, 0))
    return next(full, None)


def why_not(state: State, recalled: bool, expiry: str | None, today: date) -> str | None:
    """Why an item whose PIN is right cannot be claimed; None where it can."""
    if recalled:
        return "recalled"
    if state not in CLAIMABLE:
        return str(state)
    return "expired" if is_past(expiry, today) else None


def is_past(expiry: str | None, today: date) -> bool:
    """Whether the last day of an expiry (YYMMDD, day 00 for a whole month, GS1 17) is over."""
    if expiry is None:
        return False
    # Two digits of a year mean one within fifty years of now (GS1 General Specifications 7.12).
    year = today.year - today.year % 100 + int(expiry[:2])
    year += 100 if year - today.year < -49 else -100 if year - today.year > 50 else 0
    day = int(expiry[4:]) or 31
    return (today.year, today.month, today.day) > (year, int(expiry[2:4]), day)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a return takes back of a claim's points: pending, available, and what the member owes for it."""

    pending: int
    available: int
    debt: int


def recover(points: int, pending: int, available: int) -> Recovered:
    """All of the points, first of what has not vested, then of what is there, the rest as a debt (D10).

    Args:
        points: what the claim gave, with what an old debt took of it.
        pending: what of it still waits.
        available: what of the member's points a clawback may take, at most what the claim issued.
    """
    waiting = min(points, pending)
    there = min(points - waiting, available)
    return Recovered(waiting, there, points - waiting - there)
