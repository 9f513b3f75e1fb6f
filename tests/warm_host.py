"""A process that has imported the product once and becomes any of its programmes by forking.

``python -m MODULE`` spends one to five seconds of processor time on imports before its first line, and the
tests start some thousand of them. A fork of this host runs the same ``__main__`` in the same way, as a
process of its own with its own group, environment and files, and dies by the same signals.

Over the control socket come JSON of what to run and four files: standard input, output, errors, and a pipe
into which go the process's id and, when it has ended, its status.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

MOST_BYTES = 1 << 17
_MOST_FILES = 4096
_YOUNG_OBJECTS = 50_000
_PR_SET_PDEATHSIG = 1
_PACKAGES = ("ledger_service.cli",)
_MODULES = ("ledger_service.bootstrap.http", "ledger_service.chain.node.server", "tests.crash.points")


class Host:
    """Forks whatever is asked for and tells how each of them ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._told: dict[int, int] = {}
        self._woken, waking = os.pipe()
        for end in (self._woken, waking):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking)

    def serve(self) -> dict[str, Any] | None:
        """In every forked process what it is to run; in this one None, when nobody asks any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._bury()
                asked = self._asked() if self._control in ready else {}
                if asked is None or asked:
                    return asked

    def _asked(self) -> dict[str, Any] | None:
        """Nothing in this process once the fork is made, what to run in the forked one; None at the end."""
        raw, files, _, _ = socket.recv_fds(self._control, MOST_BYTES, 4)
        if not raw:
            return None
        asked = json.loads(raw)
        return dict(asked) if self._forked(asked, files) else {}

    def _forked(self, asked: dict[str, Any], files: list[int]) -> bool:
        *standard, told = files
        pid = os.fork()
        if not pid:
            _become(asked, standard)
            return True
        for file in standard:
            os.close(file)
        self._told[pid] = told
        os.write(told, f"{pid}\n".encode())
        return False

    def _bury(self) -> None:
        os.read(self._woken, MOST_BYTES)
        for pid in list(self._told):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                told = self._told.pop(pid)
                with suppress(BrokenPipeError):  # nobody waits for this one any more
                    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
                os.close(told)


def _become(asked: dict[str, Any], standard: list[int]) -> None:
    """A process as a shell would have started it, tied to the host's life."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for number, file in enumerate(standard):
        os.dup2(file, number)
    os.closerange(3, _MOST_FILES)
    os.environ.clear()
    os.environ.update(asked["environment"])


def run(module: str, arguments: list[str]) -> None:
    """Do what ``python -m MODULE ARGUMENTS`` does."""
    sys.argv = [module, *arguments]
    if not hasattr(sys.modules.get(module), "__path__"):
        sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_and_leave(module: str, arguments: list[str]) -> None:
    """The same and the process's end, which takes every module apart but for what was promised at exit."""
    status: Any = 0
    try:
        run(module, arguments)
    except SystemExit as leaving:
        status = leaving.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does first at its end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def import_everything() -> None:
    """All that the processes of the product import, out of the way of the collector."""
    for name in _PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{name}.{found.name}")
    for name in _MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)  # as the service's processes do for themselves


if __name__ == "__main__":
    import_everything()
    wanted = Host(socket.socket(fileno=int(sys.argv[1]))).serve()
    if wanted is not None:
        run_and_leave(wanted["module"], wanted["arguments"])
