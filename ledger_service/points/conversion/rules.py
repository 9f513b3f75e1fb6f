"""At which rate points convert, pure: values in force, a spread that is kept, rounded down once.

The rate is no number of its own. Whoever converts has at most as much value afterwards as before, at the
point values of the instant; so no cycle of conversions gains, whatever programmes and spreads there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.points.rules import Terms

WHOLE_BPS = 10_000
# How long what is left of an ended programme waits for its conversion before epochs that end take it.
REST_WAITS_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class ConversionTerms:
    """One version of what two issuers agreed on, counted from 1; ``effective_from`` in seconds."""

    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A programme's announced end: nothing is accepted from ``ends_at`` on.

    ``closing`` are its last terms, whose cap is 0: nothing is issued from their time on. Times in seconds.
    """

    target_id: int
    ends_at: int
    spread_bps: int
    closing: Terms
    announced_at: int

    def converts(self, epoch_ends_at: int, at: int) -> bool:
        """Whether points of an epoch with that end wait at ``at`` for their conversion, and do not expire."""
        return epoch_ends_at > self.ends_at and at < self.ends_at + REST_WAITS_SECONDS


def points_received_floor(points: int, value_micros: int, spread_bps: int, target_value_micros: int) -> int:
    """What so many points become in the target programme.

    Args:
        points: of the source.
        value_micros: what one of them is worth.
        spread_bps: what the source's issuer keeps, 0 to 10,000.
        target_value_micros: what one of the target's is worth.
    """
    return points * value_micros * (WHOLE_BPS - spread_bps) // (WHOLE_BPS * target_value_micros)


def agreement_in_force(terms: Sequence[ConversionTerms], at: int) -> ConversionTerms | None:
    """The version in force at ``at``; None before the first, and where the conversion has ended."""
    for candidate in reversed(terms):
        if candidate.effective_from <= at:
            return candidate if candidate.spread_bps < WHOLE_BPS else None
    return None
