"""The till under test: a command that takes JSON lines, answers each, and may be killed at any time."""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from ledger_service.certify.failures import DriverGone

PATIENCE_SECONDS = 20.0


@dataclass
class Driver:
    """Starts the command at the first request, and again after it was killed."""

    command: str
    patience_seconds: float = PATIENCE_SECONDS
    said: list[dict[str, Any]] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _lines: queue.Queue[bytes] = field(default_factory=queue.Queue)

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        """The till's answer to one request.

        Raises:
            DriverGone: none came.
        """
        process = self._running()
        line = json.dumps({"do": what, **more}).encode() + b"\n"
        if process.stdin is None:
            raise DriverGone("it takes no requests")
        try:
            process.stdin.write(line)
            process.stdin.flush()
            raw = self._lines.get(timeout=self.patience_seconds)
        except (OSError, queue.Empty):
            self.kill()
            raise DriverGone(f"no answer to {what!r} within {self.patience_seconds:g} s") from None
        answer = _object_of(raw)
        self.said.append(answer)
        return answer

    def kill(self) -> None:
        """The driver is killed (-9), and whatever it started; the next request starts it again."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for end in (process.stdin, process.stdout):
            if end is not None:
                _close(end)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.kill()
            self._lines = queue.Queue()
            self._process = subprocess.Popen(
                shlex.split(self.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
            threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        return self._process


def _read(out: IO[bytes] | None, lines: queue.Queue[bytes]) -> None:
    """Hand over whole lines; an empty one says that there will be no more."""
    try:
        for line in out or ():
            lines.put(line)
    except (OSError, ValueError):
        pass
    lines.put(b"")


def _object_of(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        raise DriverGone(f"no JSON line: {raw[:80]!r}") from None
    if not isinstance(answer, dict):
        raise DriverGone(f"no JSON object: {raw[:80]!r}")
    return answer


def _close(end: IO[bytes]) -> None:
    try:
        end.close()
    except OSError:
        return
