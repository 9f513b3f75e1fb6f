"""Callers that misbehave on the wire, and the service as it is started: it answers, refuses, and goes on."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ledger_service.api.admission import MOST_READING_OF_A_KEY
from ledger_service.api.door import MOST_BODY_BYTES
from ledger_service.kernel.gs1 import with_check_digit
from tests.abuse.conftest import THREADS
from tests.abuse.served import Answer, Served, answer_on
from tests.api.service import FUEL_STORE, basket

SOON_SECONDS = 5


def goes_on(served: Served) -> None:
    """The service answers a stranger and sells, at once."""
    begun = time.monotonic()
    assert served.get("/healthz").status == 200
    sold = served.post("/v1/sales", "fuel-till", basket(FUEL_STORE), f"sale-{time.monotonic_ns()}")
    assert sold.status == 201, sold.body
    assert time.monotonic() - begun < SOON_SECONDS


def begin_body(served: Served, who: str, number: int) -> socket.socket:
    """A connection whose request has its head and one byte of its body."""
    line = served.connect()
    line.sendall(served.write("/v1/sales", who, f"slow-{number}", 100) + b"{")
    return line


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHo", b"\x16\x03\x01"])
def test_connections_that_say_nothing_or_half_a_head_keep_nobody_out(served: Served, sent: bytes) -> None:
    with ExitStack() as lines:
        for _ in range(THREADS * 20):
            line = lines.enter_context(closing(served.connect()))
            line.sendall(sent)
        goes_on(served)


def test_bodies_that_never_end_keep_nobody_out_and_one_key_gets_few_of_them(served: Served) -> None:
    with ExitStack() as lines:
        for number in range(MOST_READING_OF_A_KEY):
            lines.enter_context(closing(begin_body(served, "grocer-till", number)))
        time.sleep(0.5)
        goes_on(served)
        with closing(begin_body(served, "grocer-till", 99)) as line:
            refused = answer_on(line)
        assert (refused.status, refused.code) == (503, "service-busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert served.get("/v1/stores", "grocer").status == 200
    time.sleep(0.5)
    again = served.post("/v1/sales", "grocer-till", basket(), "after-the-slow-ones")
    assert again.status == 201


def test_a_body_that_ends_early_has_no_effect(served: Served) -> None:
    raw = b'{"store":"9520600000077"}'
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", "fuel-till", "cut", len(raw) + 10) + raw)
        line.shutdown(socket.SHUT_WR)
        # Refused, or closed without a word: the other end has hung up.
        assert line.recv(20) in (b"", b"HTTP/1.1 400 Bad Req")
    goes_on(served)


def test_a_body_over_64_kilobytes_is_refused_before_it_is_read(served: Served) -> None:
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", "fuel-till", "big", 10**9) + b"{")
        refused = answer_on(line)
    assert (refused.status, refused.code) == (413, "body-too-large")


def test_a_chunked_body_over_64_kilobytes_is_refused(served: Served) -> None:
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", "fuel-till", "chunks", None))
        for _ in range(MOST_BODY_BYTES // 8_192 + 2):
            line.sendall(b"2000\r\n" + b" " * 8_192 + b"\r\n")
        refused = answer_on(line)
    assert (refused.status, refused.code) == (413, "body-too-large")
    goes_on(served)


@pytest.mark.parametrize("head", [
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 300_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 500 + b"\r\n",
    b"POST /v1/sales HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /v1/sales HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/sales HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{",
    b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
], ids=lambda head: head[:24].decode("latin-1"))  # fmt: skip
def test_a_head_that_is_too_large_or_no_http_is_refused_and_closed(served: Served, head: bytes) -> None:
    with closing(served.connect()) as line:
        try:
            line.sendall(head)
            assert answer_on(line).status in (400, 414, 431, 505)
        except ConnectionError:
            pass  # closed while the head was still on its way
    goes_on(served)


def test_a_peer_that_vanished_is_noticed(served: Served) -> None:
    with closing(served.connect()) as line:
        line.sendall(served.head("GET", "/healthz"))
        assert answer_on(line).status == 200
        theirs, ours = (f":{end[1]:04X}" for end in (line.getpeername(), line.getsockname()))
        deadline, timer = time.monotonic() + SOON_SECONDS, ""
        while not timer.startswith("02:") and time.monotonic() < deadline:
            rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            (timer,) = [row[5] for row in rows if row[1].endswith(theirs) and row[2].endswith(ours)]
    # 02 is the kernel's keep-alive timer: the service's end asks whether the other one still lives.
    assert timer.startswith("02:")


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_wrong_keys_from_one_address_are_slowed_down_and_right_ones_are_not(served: Served) -> None:
    wrong = "alk_" + "0" * 16 + "_" + "0" * 64
    answers = [served.get("/v1/stores", wrong) for _ in range(30)]
    assert statuses(answers)[:10] == [401] * 10
    assert answers[-1].code == "rate-limited"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert served.get("/v1/stores", "grocer").status == 200


def test_wrong_digit_codes_lock_the_key_out_of_codes_and_out_of_nothing_else(served: Served) -> None:
    guess = {"pay_code": with_check_digit("71" + "0" * 15)}
    answers = [served.post("/v1/pay-codes/query", "grocer-till", guess, "q") for _ in range(7)]
    assert [a.code for a in answers] == ["pay-code-wrong"] * 5 + ["rate-limited"] * 2
    assert served.post("/v1/sales", "grocer-till", basket(), "without-a-code").status == 201


def test_a_member_has_a_limit_of_its_own(served: Served) -> None:
    path = "/v1/programmes"
    answers = [served.get(path, "member") for _ in range(40)]
    assert statuses(answers)[:20] == [200] * 20
    assert 429 in statuses(answers)
    assert served.get(path, "grocer").status == 200
