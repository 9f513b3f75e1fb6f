"""Receivers that mean harm: none holds a courier's thread, fills its memory or leads it inside."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from ledger_service.bootstrap import webhook_transport
from ledger_service.bootstrap.webhook_transport import HttpTransport
from ledger_service.webhooks.ports import Answer
from ledger_service.webhooks.rules import Verdict, verdict_of

LONGEST, SILENT = 1.0, 0.5
# The whole limit, a look-up and a machine that does other work beside it.
PATIENCE = LONGEST + 4
Deed = Callable[[socket.socket], None]


@contextmanager
def behaving(deed: Deed) -> Iterator[int]:
    """A server on this machine that does this with every connection; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                with taken, suppress(OSError):
                    deed(taken)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_transport, "_LONGEST_SECONDS", LONGEST)
    monkeypatch.setattr(webhook_transport, "_SECONDS", SILENT)


def told(port: int, scheme: str = "http") -> tuple[Answer, float]:
    begun = time.monotonic()
    answer = HttpTransport(loopback=True).post(f"{scheme}://127.0.0.1:{port}/hooks", {}, b"{}")
    return answer, time.monotonic() - begun


def hangs(taken: socket.socket) -> None:
    while taken.recv(65_536):
        pass


def drips(*, first: bytes, drop: bytes) -> Deed:
    """Says something, and then so little at a time that no wait for a byte is ever long."""

    def deed(taken: socket.socket) -> None:
        taken.recv(65_536)
        taken.sendall(first)
        for _ in range(600):
            time.sleep(0.1)
            taken.sendall(drop)

    return deed


@pytest.mark.parametrize(
    ("deed", "scheme"),
    [
        (hangs, "http"),
        (hangs, "https"),
        (drips(first=b"HTTP/1.1 200", drop=b" "), "http"),
        (drips(first=b"HTTP/1.1 200 OK\r\nX: ", drop=b"x"), "http"),
        (drips(first=b"", drop=b"HTTP/1.1 100 Continue\r\n\r\n"), "http"),
        # A record of the handshake of 16 KiB, a byte at a time.
        (drips(first=b"\x16\x03\x03\x40\x00\x02", drop=b"\x00"), "https"),
    ],
    ids=["hangs", "hangs-tls", "status", "header", "continue", "handshake"],
)
def test_who_hangs_or_drips_is_cut_off_and_counts_as_away(deed: Deed, scheme: str) -> None:
    with behaving(deed) as port:
        answer, seconds = told(port, scheme)
    assert verdict_of(answer.status) is Verdict.AWAY
    assert answer.trouble in {"time", "connect", "tls"}
    assert seconds < PATIENCE


def test_nothing_is_read_of_an_endless_answer() -> None:
    sent = [0]

    def pours(taken: socket.socket) -> None:
        taken.recv(65_536)
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
        while True:
            sent[0] += taken.send(bytes(65_536))

    with behaving(pours) as port:
        answer, seconds = told(port)
    assert (answer.status, seconds < PATIENCE) == (200, True)
    assert sent[0] < 16 << 20, "what the kernel buffers, not ten gigabytes"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_refusal_and_leads_nowhere(status: int) -> None:
    inside: list[bytes] = []

    with behaving(lambda taken: inside.append(taken.recv(65_536))) as hidden:
        to = f"http://127.0.0.1:{hidden}/latest/meta-data"
        said = f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\n\r\n".encode()

        def points_inside(taken: socket.socket) -> None:
            taken.recv(65_536)
            taken.sendall(said)

        with behaving(points_inside) as port:
            answer, _ = told(port)
    assert (answer.status, verdict_of(answer.status), inside) == (status, Verdict.REFUSED, [])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.7", "::127.0.0.1", "169.254.169.254", "0.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%lo", "fd00:ec2::254", "100.100.100.200", "224.0.0.1"],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *a: called.append(a))
    answer = HttpTransport(loopback=False).post("https://crm.example.com/", {}, b"{}")
    assert (answer, called) == (Answer(None, "address"), [])


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "localhost.",
     "127.0.0.1."],
)  # fmt: skip
def test_no_spelling_of_an_inner_address_is_called(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a: called.append(a))
    answer = HttpTransport(loopback=False).post(f"https://{host}/", {}, b"{}")
    assert answer.status is None
    assert called == []
