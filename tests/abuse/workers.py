"""The worker processes of a running service: who they are, and whether each takes its part of the callers."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

_CALLERS = 40


def children_of(parent: int) -> set[int]:
    """The process's own children."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid) for pid in listed}


def wait_for_workers(parent: int, port: int, number: int = 2) -> set[int]:
    """So many workers are there, and each is connected to some of many callers; returns their ids."""
    deadline = time.monotonic() + 60
    while not all_take_part(parent, port, number):
        assert time.monotonic() < deadline, "a worker does not come back"
        time.sleep(0.2)
    return children_of(parent)


def all_take_part(parent: int, port: int, number: int) -> bool:
    with ExitStack() as lines:
        with suppress(OSError):
            for _ in range(_CALLERS):
                lines.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=5)))
            time.sleep(0.2)
        workers = children_of(parent)
        return len(workers) == number and all(connections_of(pid, port) for pid in workers)


def connections_of(pid: int, port: int) -> int:
    """How many callers a process is connected to."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    found = 0
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                found += os.readlink(f"/proc/{pid}/fd/{name}") in ours
    return found
