"""What the packer leaves for a while, in memory alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Parking:
    """Operations and merchants that must wait a while; forgotten at a restart, found again by the next dry
    run."""

    until: dict[bytes | int, datetime] = field(default_factory=dict)

    def add(self, what: bytes | int, until: datetime) -> None:
        """Do not try this one before."""
        self.until[what] = until

    def now(self, instant: datetime) -> set[bytes | int]:
        """What must still wait."""
        self.until = {what: until for what, until in self.until.items() if until > instant}
        return set(self.until)
