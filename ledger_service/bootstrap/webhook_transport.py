"""How webhook messages leave this machine: by HTTPS, to addresses of the open internet and to nothing else.

The name is resolved anew for each message and the connection is made to the very address that was judged, so
a name that changes its mind in between leads nowhere. No redirect is followed; what a receiver answers beside
its status is not read; a receiver that dribbles is cut off.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Event, Timer
from urllib.parse import SplitResult, urlsplit

from ledger_service.webhooks.ports import Answer
from ledger_service.webhooks.rules import is_loopback, is_public, url_refusal

_SECONDS = 5.0
_LONGEST_SECONDS = 10.0
_MOST_REST_SECONDS = 3_600
AGENT = "Alliance-Ledger-Webhooks/1"


class _Refused(Exception):
    """The name leads to an address that is not called."""


@dataclass(frozen=True)
class HttpTransport:
    """Sends over the network; ``loopback`` lets this machine be called, for tests and sandboxes."""

    loopback: bool

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the receiver answered; ``trouble`` is address, resolve, tls, time or connect."""
        refusal = url_refusal(url, loopback=self.loopback)
        if refusal is not None:
            return Answer(None, "address")
        target = urlsplit(url)
        try:
            return self._post(target, headers, body)
        except _Refused:
            return Answer(None, "address")
        except socket.gaierror:
            return Answer(None, "resolve")
        except ssl.SSLError:
            return Answer(None, "tls")
        except TimeoutError:
            return Answer(None, "time")
        except (OSError, HTTPException, ValueError):
            return Answer(None, "connect")

    def _post(self, target: SplitResult, headers: Mapping[str, str], body: bytes) -> Answer:
        port = target.port or (443 if target.scheme == "https" else 80)
        host = target.hostname or ""
        connection = HTTPConnection(host, port, timeout=_SECONDS)
        connection.sock = self._connected(host, port, target.scheme)
        # The time limit of a socket counts from byte to byte: a whole exchange needs one of its own.
        late = Event()
        cut = Timer(_LONGEST_SECONDS, _hang_up, (connection.sock, late))
        cut.daemon = True
        cut.start()
        try:
            path = (target.path or "/") + (f"?{target.query}" if target.query else "")
            said = {"Content-Type": "application/json", "User-Agent": AGENT, "Connection": "close"}
            connection.request("POST", path, body, {**said, **headers})
            answer = _answer(connection.getresponse())
            # Where we hung up, a beginning of an answer reads like a whole one.
            return Answer(None, "time") if late.is_set() else answer
        finally:
            cut.cancel()
            connection.close()

    def _connected(self, host: str, port: int, scheme: str) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(self._may_call(address) for address in addresses):
            raise _Refused
        plain = socket.create_connection((addresses[0], port), _SECONDS)
        if scheme != "https":
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise

    def _may_call(self, address: str) -> bool:
        return is_public(address) or (self.loopback and is_loopback(address))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _answer(response: HTTPResponse) -> Answer:
    asked = response.getheader("Retry-After") or ""
    seconds = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0
    return Answer(response.status, "", min(seconds, _MOST_REST_SECONDS))


def _hang_up(open_socket: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
