"""Token buckets in a file that all worker processes of a host have in memory, so that a limit is one limit
however many workers there are.

A slot is a hash of its owner, a level and the instant of that level; a set of eight slots is locked by byte
while one is changed. The kernel frees the lock of a process that is killed, and a lock that does not come
within milliseconds is done without: then a token may be counted once too seldom, but nobody waits.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from ledger_service.api.limits import Buckets, Policy

_SETS, _WAYS = 4_096, 8
_SLOT, _SET = struct.Struct("Qqq"), struct.Struct("Qqq" * _WAYS)
_FILE_BYTES = _SETS * _SET.size
_TRIES, _PAUSE_SECONDS = 50, 0.000_1
_GREATEST_LEVEL = 2**62


class SharedBuckets(Buckets):
    """The buckets of one policy for every process that opens the same file; they outlive all of them.

    The system's monotonic clock is the same for all processes and begins anew when the machine does; a slot
    from before that is full.
    """

    def __init__(self, policy: Policy, path: Path, ticks: Callable[[], int] = time.monotonic_ns) -> None:
        """Open the file, or make it."""
        super().__init__(policy, ticks)
        self._full = min(self._full, _GREATEST_LEVEL)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, _FILE_BYTES)
        self._slots = mmap.mmap(self._file, _FILE_BYTES)

    def _change(self, owner: str, cost: int, *, keep: bool = False) -> int:
        name = int.from_bytes(blake2b(owner.encode(), digest_size=8).digest()) or 1
        begin = name % _SETS * _SET.size
        with self._lock:
            alone = self._try_lock(begin)
            try:
                now = self._ticks()
                way, before = _find(_SET.unpack_from(self._slots, begin), name, now)
                answer, level = self._drawn(before, (cost, keep), now)
                _SLOT.pack_into(self._slots, begin + way * _SLOT.size, name, level, now)
            finally:
                if alone:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, begin)
        return answer

    def _try_lock(self, begin: int) -> bool:
        for _ in range(_TRIES):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, begin)
            except OSError:
                time.sleep(_PAUSE_SECONDS)
                continue
            return True
        return False


def _find(slots: tuple[int, ...], name: int, now: int) -> tuple[int, tuple[int, int] | None]:
    """Which of a set's slots is the owner's, with its level; else the one that was not used for longest."""
    names, levels, times = slots[::3], slots[1::3], slots[2::3]
    if name in names:
        way = names.index(name)
        return way, (levels[way], times[way]) if times[way] <= now else None
    ages = [now - since if since <= now else now for since in times]
    return ages.index(max(ages)), None
