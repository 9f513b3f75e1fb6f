"""The load generator against a plain server of the standard library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ledger_service.demo.bench_paced import paced
from ledger_service.demo.http_client import Request
from ledger_service.demo.load import LoadBroken, LoadResult, fire


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    busy = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"hang up":
            self.close_connection = True
            return
        if Echo.busy:
            Echo.busy -= 1
            self.send_response(503)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status = 422 if b"refuse" in body else 201
        answer = body * 3_000
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = b"close" in body

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()


def shots(*bodies: bytes) -> list[bytes]:
    return [Request("POST", "/v1/sales", body).wire("localhost") for body in bodies]


def test_every_request_is_answered_once_and_counted_by_status(address: tuple[str, int]) -> None:
    result = fire(address, shots(*[b"{}"] * 40, *[b"refuse"] * 3), connections=4)
    assert (result.statuses[201], result.statuses[422]) == (40, 3)
    assert len(result.nanoseconds) == 43
    assert result.failures[0].startswith("refuse")
    assert result.per_second > 0


def test_a_request_that_crosses_a_close_goes_out_again_and_is_answered(address: tuple[str, int]) -> None:
    result = fire(address, shots(b"close", b"{}", b"close", b"{}"), connections=1)
    assert (result.statuses[201], len(result.nanoseconds)) == (4, 4)
    assert result.repeated == 2


def test_what_is_put_off_is_asked_again_after_a_rest(address: tuple[str, int]) -> None:
    Echo.busy = 2
    result = fire(address, shots(b"{}", b"{}"), connections=2)
    assert (result.statuses, result.repeated) == ({201: 2}, 2)


def test_a_service_that_closes_on_every_request_breaks_the_load(address: tuple[str, int]) -> None:
    with pytest.raises(LoadBroken):
        fire(address, shots(b"hang up", b"{}"), connections=1)


def test_percentiles_are_those_of_the_sorted_times() -> None:
    result = LoadResult(nanoseconds=[i * 1_000 for i in range(100, 0, -1)])
    assert result.percentile_micros(50) == 51
    assert result.percentile_micros(99) == 100


def test_a_paced_load_keeps_its_rate_and_counts_from_the_instant_of_each_request(
    address: tuple[str, int],
) -> None:
    result = paced(address, shots(*[b"{}"] * 10, b"refuse"), per_second=100)
    assert (result.statuses[201], result.statuses[422]) == (10, 1)
    assert result.failures[0].startswith("refuse")
    assert result.ended_ns - result.begun_ns >= 100_000_000
    assert all(took > 0 for took in result.nanoseconds)
