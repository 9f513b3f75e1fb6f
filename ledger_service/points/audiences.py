"""For whom a multiplier of an earn rule is: members in a segment, members who buy for the first time."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum


class Unmet(StrEnum):
    """Why a multiplier does not apply to a member; said to tills, never changed."""

    SEGMENT = "not-for-this-member"
    FIRST_PURCHASE = "first-purchase-only"


@dataclass(frozen=True, slots=True)
class Audience:
    """Members in one of the ``segments`` of the programme's own merchant (empty: all members), and where
    ``first_purchase`` says so at their first purchase there alone."""

    segments: frozenset[str] = frozenset()
    first_purchase: bool = False

    def unmet(self, inside: Set[str], first_purchase: bool) -> Unmet | None:
        """Why a member in these segments is not meant; None where it is."""
        if self.segments and not self.segments & inside:
            return Unmet.SEGMENT
        return Unmet.FIRST_PURCHASE if self.first_purchase and not first_purchase else None
