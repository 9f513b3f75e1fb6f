"""What the registry's logs say of conversions and of ends of programmes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConversionPublished:
    """From an instant on points of a programme convert into the target's at this spread; 10,000: no more."""

    programme_id: int
    target_id: int
    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class WindDownAnnounced:
    """A programme ends, and what members then have converts into the target's points."""

    programme_id: int
    target_id: int
    issues_until: int
    ends_at: int
    spread_bps: int
