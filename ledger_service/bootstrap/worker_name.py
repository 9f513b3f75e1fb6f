"""A worker's name: its machine, its state folder and a number that one process at a time holds there.

Receipts are numbered and caps are drawn per worker, so a name must come back after a restart and must never
be held twice: two machines may have one host name (containers do), so each state folder has an id of its own.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
from pathlib import Path

MOST_WORKERS = 256
SERVE, JOBS = "serve", "jobs"
_LONGEST_HOST = 12
_ID_BYTES = 6


class WorkerName:
    """Holds the lowest free number by a file lock until the process ends or ``release``."""

    def __init__(self, folder: Path, purpose: str = JOBS) -> None:
        """Take a number, and note what for.

        Raises:
            LookupError: every number is taken.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = _id_of(folder)
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
            os.truncate(descriptor, 0)
            os.write(descriptor, purpose.encode("ascii"))
            self._descriptor = descriptor
            self.text = f"{host}-{place}-{number}"
            return
        raise LookupError(f"{MOST_WORKERS} workers serve from {folder} already")

    def release(self) -> None:
        """The number is free for another process."""
        os.close(self._descriptor)


def names_held(folder: Path, purpose: str) -> int:
    """How many processes of this machine hold a name of the folder for this; none is disturbed."""
    held = 0
    for lock in folder.glob("worker-*.lock"):
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            held += os.read(descriptor, 16).decode("ascii", "replace") == purpose
        finally:
            os.close(descriptor)
    return held


def _id_of(folder: Path) -> str:
    """The folder's own id: made once, whichever process comes first."""
    kept = folder / "worker-id"
    if not kept.exists():
        fresh = folder / f"worker-id.{secrets.token_hex(4)}"
        fresh.write_text(secrets.token_hex(_ID_BYTES), encoding="ascii")
        try:
            os.link(fresh, kept)  # fails where another process was quicker; never half a file
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return kept.read_text(encoding="ascii").strip()[: 2 * _ID_BYTES]
