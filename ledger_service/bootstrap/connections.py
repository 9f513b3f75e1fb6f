"""Ending a connection from outside the thread that reads from it, which the HTTP server offers no way to do.

granian hands its protocol object to the function that wraps the application, and to nobody else; it is put
into the request's environment here, so that an answer can be given while the body is still awaited. Which
socket it went out on is then told by the kernel: the one that had been silent all the time and is no more.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import granian.server.mp as granian_server

from ledger_service.api.pipeline import Answered

PROTOCOL = "alliance.protocol"
_FILES = Path("/proc/self/fd")
# struct tcp_info of Linux: milliseconds since something was sent last, as the unsigned integer at byte 44.
_SENT_AT, _INFO_BYTES = 44, 104
_LOOKS, _LOOK_SECONDS = 100, 0.01
# `100 Continue` is sent a moment after the body began to be awaited.
_SLACK_MILLIS = 900
Silent = dict[int, tuple[int, int]]


def carry_protocol() -> None:
    """Applications that this process wraps from now on find their request's protocol under ``PROTOCOL``."""
    server: Any = granian_server
    original = server._wsgi_call_wrap

    def wrap(application: Any, *options: Any) -> Callable[[Any, dict[str, Any]], Any]:
        run = original(application, *options)

        def carrying(protocol: Any, scope: dict[str, Any]) -> Any:
            scope[PROTOCOL] = protocol
            return run(protocol, scope)

        return carrying

    server._wsgi_call_wrap = wrap


def end_request(environ: dict[str, Any], answered: Answered, port: int, silent_seconds: int) -> None:
    """The request is answered while its body is still being read, and no more is read from its connection.

    Without the protocol nothing happens. Where the kernel does not tell the socket, the caller is answered
    and the connection lasts until it hangs up.

    Args:
        environ: of the request.
        answered: what the caller is told.
        port: what the service listens on; no other connection of this process is looked at.
        silent_seconds: how long the body was awaited, while nothing was sent on the connection.
    """
    protocol = environ.get(PROTOCOL)
    if protocol is None:
        return
    least = silent_seconds * 1_000 - _SLACK_MILLIS
    silent = {number: now for number, now in _connections(port) if now[1] >= least}
    protocol.response_bytes(answered.status, answered.headers, answered.body)
    pause = threading.Event()
    for _ in range(_LOOKS):
        if _shut_answered(port, silent):
            return
        pause.wait(_LOOK_SECONDS)


def _shut_answered(port: int, silent: Silent) -> bool:
    """Whether a socket was found that was silent and is no more; one that was also answered just now may be
    shut with it, which is an idle connection's ordinary end."""
    found = False
    for number, (inode, millis) in list(_connections(port)):
        before = silent.get(number)
        if before is None or before[0] != inode or millis >= before[1]:
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
            one.shutdown(socket.SHUT_RD)
        found = True
    return found


def _connections(port: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """The connections to the port: file number, and inode with the milliseconds since something was sent."""
    for name in os.listdir(_FILES) if _FILES.exists() else ():
        with suppress(OSError):
            status = os.fstat(int(name))
            millis = _silence(int(name), port) if stat.S_ISSOCK(status.st_mode) else None
            if millis is not None:
                yield int(name), (status.st_ino, millis)


def _silence(number: int, port: int) -> int | None:
    """Raises OSError for a socket that is not of TCP."""
    with socket.socket(fileno=os.dup(number)) as one:
        info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        ours = one.getsockname()[1] == port
    return int(struct.unpack_from("I", info, _SENT_AT)[0]) if ours else None
