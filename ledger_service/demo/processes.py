"""The processes of a run: started in order, watched, stopped in reverse; their logs lie under the run's
folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 20
_TETHERED = (sys.executable, str(Path(__file__).with_name("tether.py")))


class ProcessFailed(Exception):
    """A process ended, or was not ready in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Command:
    """One process: its name, what to run, the settings it gets, and how to see that it is ready."""

    name: str
    argv: tuple[str, ...]
    settings: Mapping[str, str]
    ready: Callable[[], bool]
    deadline_seconds: int = 60
    user: str | None = None


class Fleet:
    """All processes of one run; leaving the ``with`` block stops every one of them."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._folders: list[Path] = []
        self.peak_kib = 0

    def discard_at_end(self, folder: Path) -> None:
        """The folder goes when the fleet has stopped."""
        self._folders.append(folder)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, command: Command) -> None:
        """Start a process and return when it is ready.

        Raises:
            ProcessFailed: it ended, or was not ready by its deadline.
        """
        settings = [f"{name}={value}" for name, value in command.settings.items()]
        with (self._logs / f"{command.name}.log").open("ab") as log:
            self._running[command.name] = subprocess.Popen(
                [*_tether(command.user), "/usr/bin/env", *settings, *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + command.deadline_seconds
        while not command.ready():
            self.watch()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{command.name} is not ready: {self._end_of_log(command.name)}")
            time.sleep(0.05)

    def watch(self) -> None:
        """Note the memory in use now.

        Raises:
            ProcessFailed: a process has ended by itself.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessFailed(f"{name} ended with {process.returncode}: {self._end_of_log(name)}")
        self.peak_kib = max(self.peak_kib, self.memory_kib())

    def memory_kib(self) -> int:
        """Resident memory of all processes and their children; pages that they share count once."""
        pids = {process.pid for process in self._running.values()}
        return sum(_resident_kib(pid) for pid in pids | _children_of(pids))

    def memory_by_name(self) -> dict[str, int]:
        """Resident KiB of each process with its children."""
        return {
            name: sum(_resident_kib(pid) for pid in {process.pid} | _children_of({process.pid}))
            for name, process in self._running.items()
        }

    def cpu_millis_by_name(self) -> dict[str, int]:
        """Processor time that each process with its children has used so far, in milliseconds."""
        return {
            name: sum(_cpu_millis(pid) for pid in {process.pid} | _children_of({process.pid}))
            for name, process in self._running.items()
        }

    def written_kib(self) -> int:
        """KiB of files that all processes and their children have dirtied so far."""
        pids = {process.pid for process in self._running.values()}
        return sum(_written_kib(pid) for pid in pids | _children_of(pids))

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        self._running[name].send_signal(number)

    def stop(self) -> None:
        """End all processes, the last started first; who does not end in time is killed."""
        for process in reversed(list(self._running.values())):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _end_of_log(self, name: str) -> str:
        text = (self._logs / f"{name}.log").read_text(errors="replace")
        return f"{self._logs / name}.log ends with\n{text[-2000:]}"


def _tether(user: str | None) -> list[str]:
    """What ends a process with its parent; another user may not be able to read our Python."""
    if user is None:
        return [*_TETHERED, str(os.getpid())]
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--pdeathsig", "TERM"]


def free_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether something listens on a port of the loopback."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _children_of(pids: set[int]) -> set[int]:
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) in pids:
                found.add(int(stat.parent.name))
    return found | _children_of(found) if found else found


def _resident_kib(pid: int) -> int:
    """Memory of one process: shared pages in equal parts to those who share them, so that a sum is true."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _cpu_millis(pid: int) -> int:
    """Processor time of a process and of the children that it has buried."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) * 1000 // os.sysconf("SC_CLK_TCK")
    return 0


def _written_kib(pid: int) -> int:
    """What a process has dirtied of files, whether a disk has seen it yet or not."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1]) // 1024
    return 0
