"""Processes of the product for tests, forked from one that has imported it: see ``warm_host``.

That a programme starts from nothing is proved where it is the matter: by the demonstrations, the
certification, the abuse and a part of the crash tests.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ledger_service.demo.stack import SetupFailed

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 300


class Process:
    """One running ``python -m MODULE ARGUMENTS``; answers like ``subprocess.Popen``."""

    def __init__(self, told: int) -> None:
        self._told = os.fdopen(told, "rb", buffering=0)
        self._line = b""
        self.returncode: int | None = None
        line = self._next_line(PATIENCE_SECONDS)
        if line is None:
            raise ChildProcessError("the host of the tests' processes is gone")
        self.pid = int(line)

    def poll(self) -> int | None:
        """Its exit status, negative after a signal; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float = PATIENCE_SECONDS) -> int:
        """Its exit status once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def send_signal(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float) -> int | None:
        if self.returncode is None:
            line = self._next_line(timeout)
            if line is not None:
                self.returncode = int(line)
                self._told.close()
        return self.returncode

    def _next_line(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        while not self._line.endswith(b"\n"):
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._told], [], [], left)[0]:
                return None
            piece = self._told.read(1)
            if not piece:
                raise ChildProcessError("the host of the tests' processes is gone")
            self._line += piece
        line, self._line = self._line, b""
        return line


class _Host:
    """This test process's host, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def control(self) -> socket.socket:
        with self._lock:
            if self._control is None:
                self._control = self._start()
            return self._control

    @staticmethod
    def _start() -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.warm_host", str(theirs.fileno())]
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()

        def end() -> None:
            ours.close()  # where nobody asks any more, the host ends
            process.wait(PATIENCE_SECONDS)

        atexit.register(end)
        return ours


_HOST = _Host()


def start(module: str, *arguments: str, env: Mapping[str, str], out: IO[Any], err: IO[Any]) -> Process:
    """``python -m MODULE ARGUMENTS`` runs in a session of its own, with nothing on its standard input."""
    asked = json.dumps({"module": module, "arguments": arguments, "environment": dict(env)}).encode()
    told, telling = os.pipe()
    with open(os.devnull, "rb") as nothing:
        files = [nothing.fileno(), out.fileno(), err.fileno(), telling]
        try:
            socket.send_fds(_HOST.control(), [asked], files)
        finally:
            os.close(telling)
    return Process(told)


def run(module: str, *arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The same to its end, with what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        status = start(module, *arguments, env=env, out=out, err=err).wait()
        printed = [_whole(file) for file in (out, err)]
    return subprocess.CompletedProcess([module, *arguments], status, *printed)


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def run_command(settings: Mapping[str, str], *arguments: str, good: tuple[int, ...] = (0,)) -> str:
    """Run one ``alliance`` command to its end and return what it printed.

    Raises:
        SetupFailed: it refused.
    """
    done = run("ledger_service", *arguments, env=os.environ | settings)
    if done.returncode not in good:
        raise SetupFailed(f"alliance {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
