"""How many requests are inside at once: a service that is full says so instead of letting callers hang.

Bodies are read before a place to work is taken, so callers that send slowly keep nobody from working; of
those, one key or address may have a few, all together no more than there are threads to spare, and callers
without a key leave some for those who have one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from ledger_service.api.errors import ServiceBusy

# Threads of a worker beyond those that work: they read bodies, and answer when no place is free.
SPARE_THREADS = 64
MOST_READING = 48
MOST_READING_OF_A_KEY = 8
# Callers without a key: so many of an address, behind which may be a whole shop, and not the last places.
MOST_READING_OF_AN_ADDRESS = 16
MOST_READING_OF_STRANGERS = 32
_RETRY_AFTER_SECONDS = 1


class Admission:
    """Counts who reads and who works in this process."""

    def __init__(
        self, most_working: int, patience_seconds: float = 2.0, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        """Let nobody in yet.

        Args:
            most_working: requests that may be with their endpoints at once.
            patience_seconds: how long nobody may have come or gone before a full service is a stuck one.
            ticks: elapsed real time in seconds.
        """
        # A queue of tokens: its waits are the interpreter's own, a semaphore's are Python code.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(most_working):
            self._free.put(None)
        self._patience = patience_seconds
        self._ticks = ticks
        self._moved_at = ticks()
        self._lock = threading.Lock()
        self._reading: Counter[str] = Counter()
        self._readers = 0

    @contextmanager
    def reading(self, key_id: str, address: str = "") -> Iterator[None]:
        """One body is being read: of a key, or, without one, of an address.

        Raises:
            ServiceBusy: so many bodies, of this caller or of all, have begun and do not end.
        """
        reader = key_id or f"address {address}"
        most = MOST_READING if key_id else MOST_READING_OF_STRANGERS
        most_own = MOST_READING_OF_A_KEY if key_id else MOST_READING_OF_AN_ADDRESS
        with self._lock:
            if self._readers >= most or self._reading[reader] >= most_own:
                raise ServiceBusy(_RETRY_AFTER_SECONDS)
            self._reading[reader] += 1
            self._readers += 1
        try:
            yield
        finally:
            self._read(reader)

    def _read(self, reader: str) -> None:
        with self._lock:
            self._readers -= 1
            self._reading[reader] -= 1
            if not self._reading[reader]:
                del self._reading[reader]

    @contextmanager
    def working(self) -> Iterator[None]:
        """One request is with its endpoint.

        Raises:
            ServiceBusy: every place is taken and nobody has come or gone for the time of patience.
        """
        stuck = self._ticks() - self._moved_at if self._free.empty() else 0.0
        try:
            self._free.get(timeout=max(0.0, self._patience - stuck))
        except Empty:
            raise ServiceBusy(_RETRY_AFTER_SECONDS) from None
        self._moved_at = self._ticks()
        try:
            yield
        finally:
            self._moved_at = self._ticks()
            self._free.put(None)
