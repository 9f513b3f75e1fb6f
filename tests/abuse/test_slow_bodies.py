"""Bodies that do not come in time: each is told so and ended, and its sender holds nothing any longer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from ledger_service.api.admission import MOST_READING_OF_A_KEY
from tests.abuse.conftest import BODY_SECONDS
from tests.abuse.served import Answer, Served, answer_on
from tests.api.service import FUEL_STORE, basket


@contextmanager
def begun(served: Served, who: str, key: str, length: int | None = 100) -> Iterator[socket.socket]:
    """A connection whose request has its head and the beginning of its body."""
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", who, key, length) + (b"{" if length else b"1\r\n{\r\n"))
        yield line


def is_ended(line: socket.socket) -> bool:
    """Whether the service reads no more from the connection: it is closed, or what is sent is thrown away."""
    line.settimeout(2)
    try:
        return not line.recv(1)
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def told_in_time(line: socket.socket, since: float) -> Answer:
    answer = answer_on(line)
    assert BODY_SECONDS <= time.monotonic() - since < BODY_SECONDS + 3
    assert (answer.status, answer.code) == (408, "body-too-slow")
    return answer


def test_bodies_that_stop_are_refused_and_their_connections_ended_but_no_other(served: Served) -> None:
    with ExitStack() as lines:
        idle = lines.enter_context(closing(served.connect()))
        idle.sendall(served.head("GET", "/healthz"))
        assert answer_on(idle).status == 200
        since = time.monotonic()
        for line in [lines.enter_context(begun(served, "fuel-till", "stops", n)) for n in (100, None)]:
            told_in_time(line, since)
            assert is_ended(line)
        polite = lines.enter_context(closing(served.connect()))
        since = time.monotonic()
        polite.sendall(served.write("/v1/sales", "fuel-till", "stops", 100, Expect="100-continue"))
        assert answer_on(polite).status == 100
        told_in_time(polite, since)
        assert is_ended(polite)
        time.sleep(1)
        idle.sendall(served.head("GET", "/healthz"))
        assert answer_on(idle).status == 200
    sold = served.post("/v1/sales", "fuel-till", basket(FUEL_STORE), "stops")
    assert sold.status == 201, "nothing was done under the key"


def test_a_byte_now_and_then_does_not_keep_a_body_alive(served: Served) -> None:
    since = time.monotonic()
    with begun(served, "fuel-till", "drips") as line:
        line.settimeout(0.5)
        answer: Answer | None = None
        while answer is None and time.monotonic() < since + 2 * BODY_SECONDS:
            line.sendall(b" ")
            try:
                answer = told_in_time(line, since)
            except TimeoutError:
                continue
        assert answer is not None
        assert is_ended(line)


def test_slow_bodies_give_their_places_back_while_their_senders_hold_on(served: Served) -> None:
    with ExitStack() as lines:
        since = time.monotonic()
        slow = [
            lines.enter_context(begun(served, till, f"{till}-{number}"))
            for till in ("grocer-till", "fuel-till")
            for number in range(MOST_READING_OF_A_KEY)
        ]
        time.sleep(0.5)
        full = served.post("/v1/sales", "fuel-till", basket(FUEL_STORE), "no-place")
        assert (full.status, full.code) == (503, "service-busy")
        for line in slow:
            told_in_time(line, since)
        time.sleep(1)
        for number in range(MOST_READING_OF_A_KEY - 1):
            lines.enter_context(begun(served, "fuel-till", f"second-{number}"))
        time.sleep(0.5)
        assert served.post("/v1/sales", "fuel-till", basket(FUEL_STORE), "a-place").status == 201


def test_a_body_in_pieces_within_its_time_is_sold(served: Served) -> None:
    raw = json.dumps(basket(FUEL_STORE)).encode()
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", "fuel-till", "pieces", len(raw)))
        for part in (raw[:20], raw[20:60], raw[60:]):
            time.sleep(0.5)
            line.sendall(part)
        assert answer_on(line).status == 201
