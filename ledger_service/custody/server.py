"""The socket before the vault: one thread per connection, peers of the same user only."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from pathlib import Path

from ledger_service.custody.errors import KeystoreUnusable, SigningRefused
from ledger_service.custody.vault import Vault
from ledger_service.custody.wire import WireBroken, answer_message, receive_message, requests_of, send_message

MOST_CONNECTIONS = 128
_LONGEST_PATH = 104
_CREDENTIALS = struct.Struct("3i")


class SignerServer:
    """Serves a vault on a unix socket that only its own user can open."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path = path
        self._vault = vault
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        # Re-entrant: a signal may close the server while its own main thread admits a connection.
        self._lock = threading.RLock()
        self._listener: socket.socket | None = None
        self._guard = -1

    def bind(self) -> None:
        """The socket stands, mode 0600, and clients may connect.

        A file lock beside it keeps a second process away; a socket that a killed one left is replaced.

        Raises:
            KeystoreUnusable: the path is too long or another signing process has it.
        """
        if len(os.fsencode(self._path)) > _LONGEST_PATH:
            raise KeystoreUnusable(f"socket path longer than {_LONGEST_PATH} bytes: {self._path}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(self._path.name + ".lock")
        self._guard = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KeystoreUnusable(f"another signing process serves {self._path}") from None
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mode must be right from the first instant on, not only after a chmod.
        before = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(before)
        listener.listen(MOST_CONNECTIONS)
        self._listener = listener

    def serve(self) -> None:
        """Connections are served until ``close``; ``bind`` comes first."""
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if not self._admit(connection):
                connection.close()

    def close(self) -> None:
        """The socket is gone and every connection closed; what was being signed is answered or lost whole."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections = list(self._open)
        if listener is not None:
            self._path.unlink(missing_ok=True)
            # Closing alone does not wake a thread in accept().
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in connections:
            _shut(connection)

    def _admit(self, connection: socket.socket) -> bool:
        if _uid_of(connection) != os.getuid() or not self._places.acquire(blocking=False):
            return False
        with self._lock:
            self._open.add(connection)
        threading.Thread(target=self._converse, args=(connection,), name="signer", daemon=True).start()
        return True

    def _converse(self, connection: socket.socket) -> None:
        try:
            while (message := receive_message(connection)) is not None:
                try:
                    answers = self._vault.answer(requests_of(message))
                except ValueError:
                    asked = message.get("ask")
                    count = len(asked) if isinstance(asked, list) else 1
                    answers = [SigningRefused("unreadable-request")] * count
                send_message(connection, answer_message(message.get("id"), answers))
        except WireBroken:
            # The client is gone; it asks again on a new connection.
            return
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            self._places.release()


def _uid_of(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(raw)
    return int(uid)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Closed by its own thread meanwhile.
        return
