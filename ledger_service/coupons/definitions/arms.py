"""Which arm of a campaign a member is in: by a hash, so the same always, and anew for each campaign."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def arm_of(campaign_id: int, member_id: int, weights: Sequence[int]) -> int:
    """The arm (0-based) of a member; shares follow the weights.

    Raises:
        ValueError: no weights, or one below 1.
    """
    if not weights or min(weights) < 1:
        raise ValueError("arms need weights of at least 1")
    drawn = int.from_bytes(sha256(f"arm:{campaign_id}:{member_id}".encode()).digest()[:8], "big")
    place = drawn % sum(weights)
    for arm, weight in enumerate(weights):
        if place < weight:
            return arm
        place -= weight
    raise ValueError("a weight is missing")
