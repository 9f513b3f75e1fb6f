"""Counting what was taken and what was not, and comparing it with what the operator said there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import orjson

from ledger_service.moving_in.errors import ControlTotalsDiffer
from ledger_service.moving_in.manifest import FileEntry


@dataclass(slots=True)
class Tally:
    """Rows of one file; ``unread`` are rejected rows of lots whose points nobody can read."""

    accepted: int = 0
    rejected: int = 0
    unread: int = 0
    accepted_points: Counter[str] = field(default_factory=Counter)
    rejected_points: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count the rows of a further chunk."""
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.unread += other.unread
        self.accepted_points.update(other.accepted_points)
        self.rejected_points.update(other.rejected_points)

    def document(self) -> dict[str, object]:
        """The tally as JSON."""
        counts = {"accepted": self.accepted, "rejected": self.rejected, "unread": self.unread}
        accepted, rejected = dict(self.accepted_points), dict(self.rejected_points)
        return {**counts, "accepted_points": accepted, "rejected_points": rejected}

    def text(self) -> str:
        """The tally as JSON text."""
        return orjson.dumps(self.document()).decode()


def tally_of(text: str) -> Tally:
    """The tally that ``Tally.text`` wrote."""
    raw = orjson.loads(text)
    points = [Counter(raw[name]) for name in ("accepted_points", "rejected_points")]
    return Tally(raw["accepted"], raw["rejected"], raw["unread"], *points)


def check_totals(entry: FileEntry, tally: Tally) -> None:
    """Accepted and rejected together are the control totals.

    Where the points of some rejected rows cannot be read, theirs is what is missing: more than the control
    total is refused all the same.

    Raises:
        ControlTotalsDiffer: a figure that is not the manifest's.
    """
    rows = tally.accepted + tally.rejected
    if rows != entry.rows:
        raise ControlTotalsDiffer(entry.file, "rows", entry.rows, rows)
    if entry.kind != "lots":
        return
    found = tally.accepted_points + tally.rejected_points
    for code in sorted(entry.points.keys() | found.keys()):
        wanted = entry.points.get(code, 0)
        if found[code] > wanted or (found[code] < wanted and not tally.unread):
            raise ControlTotalsDiffer(entry.file, f"points {code}", wanted, found[code])
