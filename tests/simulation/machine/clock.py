"""Time that only the simulation moves, in the places where the product reads or waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from ledger_service.kernel.clock import seconds_floor

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_READERS = (
    "ledger_service.bootstrap.tills.time", "ledger_service.bootstrap.period.time",
    "ledger_service.bootstrap.governance.time", "ledger_service.chain.admin.time",
    "ledger_service.chain.transport.time",
)  # fmt: skip


class SimClock:
    """Wall clock and elapsed time of the machine, and the node's clock, which may differ from it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at
        self.elapsed = timedelta()
        self.node_skew = timedelta()
        self.while_sleeping: Callable[[float], None] = self.forward
        self.passing: Callable[[float], None] = self.forward
        self.poll_seconds = 0.0
        self._asleep = False

    def now(self) -> datetime:
        """The wall clock, as ``kernel.clock.Clock``."""
        return self.at

    def node_now(self) -> int:
        """The node's clock in whole seconds."""
        return seconds_floor(self.at + self.node_skew)

    def forward(self, seconds: float) -> None:
        """Time passes."""
        span = timedelta(seconds=seconds)
        self.at += span
        self.elapsed += span

    def set_back(self, seconds: float) -> None:
        """Somebody sets the wall clock back; elapsed time does not care."""
        self.at -= timedelta(seconds=seconds)

    def of_host(self, seconds: float = 0.0) -> HostClock:
        """The clock of a host that is so far off."""
        return HostClock(self, timedelta(seconds=seconds))

    # What the product calls ``time``

    def monotonic(self) -> float:
        return self.elapsed.total_seconds()

    def monotonic_ns(self) -> int:
        return 1 + self.elapsed // timedelta(microseconds=1) * 1000

    def sleep(self, seconds: float) -> None:
        """Whoever sleeps lets the others work; the others' own pauses only pass.

        Who polls many times a second polls once in a while here: each look costs the run real time.
        """
        if not seconds:
            return
        seconds = max(seconds, self.poll_seconds)
        if self._asleep:
            self.passing(seconds)
            return
        self._asleep = True
        try:
            self.while_sleeping(seconds)
        finally:
            self._asleep = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The product reads this clock in the block."""
        with ExitStack() as stack:
            for name in _READERS:
                stack.enter_context(patch(name, self))
            yield


@dataclass(frozen=True)
class HostClock:
    """The wall clock of one host, a little off the others (``kernel.clock.Clock``)."""

    machine: SimClock
    off: timedelta

    def now(self) -> datetime:
        """The host's wall clock."""
        return self.machine.at + self.off
