"""A worker's name: its machine and a number that only one process of the machine holds at a time.

Receipts are numbered and caps are drawn per worker, so a name must come back after a restart and must
never be held twice.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path

MOST_WORKERS = 256
_LONGEST_HOST = 24


class WorkerName:
    """Holds the lowest free number by a file lock until the process ends or ``release``."""

    def __init__(self, folder: Path) -> None:
        """Take a number.

        Raises:
            LookupError: every number is taken.
        """
        folder.mkdir(parents=True, exist_ok=True)
        host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:_LONGEST_HOST] or "host"
        for number in range(1, MOST_WORKERS + 1):
            descriptor = os.open(
                folder / f"worker-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                continue
            self._descriptor = descriptor
            self.text = f"{host}-{number}"
            return
        raise LookupError(f"{MOST_WORKERS} workers serve from {folder} already")

    def release(self) -> None:
        """The number is free for another process."""
        os.close(self._descriptor)
