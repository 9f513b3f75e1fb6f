"""How long the body of a request may take as a whole: a caller that stops, or sends a byte now and then,
holds its thread no longer than this.

The read itself cannot be interrupted, since it waits inside the HTTP server. A watching thread therefore
answers for it and has its connection ended, which ends the read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from ledger_service.api.door import MOST_BODY_BYTES, read_body
from ledger_service.api.errors import BodyTooSlow
from ledger_service.kernel.errors import DomainError

Environ = dict[str, Any]
End = Callable[[Environ, str], None]
_LOOK_SECONDS = 0.5


class Deadlines:
    """The bodies that are being read; each is ended by its reader or by the watcher, never by both."""

    def __init__(self, seconds: int, ticks: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read yet, and nothing is ended before ``watch``."""
        self.seconds = seconds
        self._ticks = ticks
        self._numbers = count()
        # Setting and popping one key are single steps of the interpreter: whoever pops it has it.
        self._open: dict[int, tuple[float, Environ, str]] = {}

    def read(self, environ: Environ, request_id: str, most: int = MOST_BODY_BYTES) -> bytes:
        """Return the raw body of at most so many bytes.

        Raises:
            BodyTooSlow: it was not there in time; the caller has been told already.
            DomainError: what ``read_body`` refuses.
        """
        number = next(self._numbers)
        self._open[number] = (self._ticks() + self.seconds, environ, request_id)
        try:
            raw = read_body(environ, most)
        except DomainError:
            if self._open.pop(number, None) is None:
                raise BodyTooSlow(self.seconds) from None
            raise
        if self._open.pop(number, None) is None:
            raise BodyTooSlow(self.seconds)
        return raw

    def end_overdue(self, end: End) -> None:
        """Every body that has not come in time is ended by ``end(environ, request_id)``."""
        now = self._ticks()
        for number, (ends, environ, request_id) in list(self._open.items()):
            if ends <= now and self._open.pop(number, None) is not None:
                end(environ, request_id)

    def watch(self, end: End) -> None:
        """A thread of its own does so from now on, as long as the process lives."""
        threading.Thread(target=self._watch, args=(end,), name="body-deadlines", daemon=True).start()

    def _watch(self, end: End) -> None:
        pause = threading.Event()
        while not pause.wait(_LOOK_SECONDS):
            self.end_overdue(end)
