"""What time it is for a till whose clock may be wrong: the service's at last contact, and what ran since.

Within one boot the machine's own steady clock carries the service's time on, whatever the wall clock says.
After a boot only the wall clock is left, and it may not stand before what the service said last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS
from ledger_service.till.refusals import TillRefused

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The machine's clocks: wall seconds since 1970, seconds since boot, and which boot it is."""

    wall: Callable[[], int] = lambda: int(time.time())
    steady: Callable[[], int] = lambda: int(time.clock_gettime(time.CLOCK_BOOTTIME))
    boot: Callable[[], str] = _boot_id


@dataclass(frozen=True, slots=True)
class Contact:
    """What the service's clock said, and what the steady clock of which boot said then."""

    service_at: int
    steady: int
    boot: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The time to go by; ``trusted`` where it is carried on from the service's, ``wall_off`` seconds else."""

    now: int
    steady: int
    boot: str
    trusted: bool
    wall_off: int

    @property
    def wall_is_wrong(self) -> bool:
        """Whether the wall clock is further off than the service tolerates."""
        return abs(self.wall_off) > CLOCK_SKEW_SECONDS


def read_clock(clocks: Clocks, contact: Contact | None) -> Reading:
    """The time for a sale that is made now.

    Raises:
        TillRefused: the wall clock stands before the last contact, and nothing else is known.
    """
    wall, steady, boot = clocks.wall(), clocks.steady(), clocks.boot()
    if contact is None:
        return Reading(wall, steady, boot, trusted=False, wall_off=0)
    if boot == contact.boot and steady >= contact.steady:
        now = contact.service_at + steady - contact.steady
        return Reading(now, steady, boot, trusted=True, wall_off=wall - now)
    if wall + CLOCK_SKEW_SECONDS < contact.service_at:
        raise TillRefused("till-clock-wrong", "the clock stands before the last contact with the service")
    return Reading(wall, steady, boot, trusted=False, wall_off=0)


def time_of_sale(contact: Contact, steady: int, boot: str, said: int) -> int:
    """When a sale was made, now that the service's time is known; as it says where the boot was another."""
    if boot != contact.boot:
        return said
    real = contact.service_at - (contact.steady - steady)
    return real if abs(real - said) > CLOCK_SKEW_SECONDS else said
