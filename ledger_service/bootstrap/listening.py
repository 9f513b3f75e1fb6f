"""The listening socket of a worker, which the HTTP server opens by itself and does not hand out."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_FILES = Path("/proc/self/fd")
_TRIES = 200
_PAUSE_SECONDS = 0.1
# Asked after 20 silent seconds, then every 5; gone after 4 unanswered questions or 40 s of unread answers.
_SILENT_SECONDS, _ASK_SECONDS, _MOST_ASKED, _UNREAD_MILLIS = 20, 5, 4, 40_000


def notice_dead_peers(port: int) -> None:
    """Connections to the port whose other end is gone are closed within a minute, also in mid-request.

    Without it a till that loses its power in the middle of a body holds a thread for ever. Accepted
    connections inherit the options of the listener, which is looked for until the server has opened it; those
    that were quicker get them afterwards.
    """
    if _FILES.exists():
        threading.Thread(target=_watch_for, args=(port,), name="listener-options", daemon=True).start()


def _watch_for(port: int) -> None:
    pause = threading.Event()
    for _ in range(_TRIES):
        found = _guard(port)
        pause.wait(_PAUSE_SECONDS)
        if found:
            # Connections that were made before have inherited nothing; some had no file yet.
            _guard(port)
            return


def _guard(port: int) -> bool:
    """Whether the listener is there; it and the connections of its port are guarded from now on."""
    found = False
    for one in _sockets(port):
        with one:
            found |= bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            _keep_alive(one)
    return found


def _sockets(port: int) -> Iterator[socket.socket]:
    for name in os.listdir(_FILES):
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            one = socket.socket(fileno=os.dup(int(name)))
            if _is_of(one, port):
                yield one
            else:
                one.close()


def _is_of(one: socket.socket, port: int) -> bool:
    if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
        return False
    return bool(one.getsockname()[1] == port)


def _keep_alive(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, _SILENT_SECONDS),
        (socket.TCP_KEEPINTVL, _ASK_SECONDS),
        (socket.TCP_KEEPCNT, _MOST_ASKED),
        (socket.TCP_USER_TIMEOUT, _UNREAD_MILLIS),
    ):
        one.setsockopt(socket.IPPROTO_TCP, option, value)
