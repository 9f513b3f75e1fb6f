"""What was counted for a member, a device, a card, a cashier or a terminal, in steps of time; pure.

Short windows are counted in quarters of an hour, long ones in UTC days. A window holds the present step and
as many before it as it is long, so it is never shorter than it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

QUARTER_SECONDS = 900
DAY_SECONDS = 86_400
LONGEST_SHORT = 24 * QUARTER_SECONDS
LONGEST_LONG = 30 * DAY_SECONDS
Steps = Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts by step and name; when the last act was, the last one of an earlier day, and the last spend."""

    quarters: Steps = field(default_factory=dict)
    days: Steps = field(default_factory=dict)
    last_at: int = 0
    prior_at: int = 0
    spent_at: int = 0

    def within(self, name: str, window_seconds: int, at: int) -> int:
        """What was counted under a name in the window that ends at ``at`` (seconds)."""
        short = window_seconds <= LONGEST_SHORT
        size, steps = (QUARTER_SECONDS, self.quarters) if short else (DAY_SECONDS, self.days)
        first = at // size - window_seconds // size
        return sum(counts.get(name, 0) for step, counts in steps.items() if step >= first)

    def plus(self, counts: Mapping[str, int], at: int, *, spends: bool) -> Tally:
        """The tally with these counts at ``at``; steps that no window can reach any more are gone."""
        quarter, day = at // QUARTER_SECONDS, at // DAY_SECONDS
        return Tally(
            _added(self.quarters, quarter, counts, LONGEST_SHORT // QUARTER_SECONDS),
            _added(self.days, day, counts, LONGEST_LONG // DAY_SECONDS),
            max(self.last_at, at),
            self.last_at if day > self.last_at // DAY_SECONDS else self.prior_at,
            max(self.spent_at, at) if spends else self.spent_at,
        )

    def document(self) -> dict[str, Any]:
        """The tally as JSON values."""
        return {"q": _text_keys(self.quarters), "d": _text_keys(self.days), "p": self.prior_at,
                "s": self.spent_at}  # fmt: skip


def tally_of(document: Mapping[str, Any], last_at: int) -> Tally:
    """The tally of a ``document``."""
    return Tally(_int_keys(document["q"]), _int_keys(document["d"]), last_at, document["p"], document["s"])


def merged(tallies: Iterable[Tally]) -> Tally:
    """What several workers have counted of one subject, together."""
    quarters: dict[int, dict[str, int]] = {}
    days: dict[int, dict[str, int]] = {}
    last_at = prior_at = spent_at = 0
    for one in tallies:
        _merge(quarters, one.quarters)
        _merge(days, one.days)
        prior_at = _prior(prior_at, last_at, one)
        last_at, spent_at = max(last_at, one.last_at), max(spent_at, one.spent_at)
    return Tally(quarters, days, last_at, prior_at, spent_at)


def _prior(prior_at: int, last_at: int, other: Tally) -> int:
    """The last act before the newest day of two tallies, the one so far and another."""
    newest = max(last_at, other.last_at) // DAY_SECONDS
    earlier = [at for at in (last_at, other.last_at) if at // DAY_SECONDS < newest]
    return max(prior_at, other.prior_at, *earlier)


def _merge(into: dict[int, dict[str, int]], steps: Steps) -> None:
    for step, counts in steps.items():
        mine = into.setdefault(step, {})
        for name, count in counts.items():
            mine[name] = mine.get(name, 0) + count


def _added(steps: Steps, step: int, counts: Mapping[str, int], most: int) -> dict[int, Mapping[str, int]]:
    # A clock behind another host's must not bring back what is gone: the newest step decides.
    newest = max(step, *steps, 0)
    kept = {at: of for at, of in steps.items() if at >= newest - most}
    before = kept.get(step, {})
    kept[step] = {**before, **{name: before.get(name, 0) + count for name, count in counts.items()}}
    return kept


def _text_keys(steps: Steps) -> dict[str, Mapping[str, int]]:
    return {str(step): counts for step, counts in steps.items()}


def _int_keys(steps: Mapping[str, Mapping[str, int]]) -> dict[int, Mapping[str, int]]:
    return {int(step): counts for step, counts in steps.items()}
