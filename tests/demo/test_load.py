"""The load generator against a plain server of the standard library."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ledger_service.demo.http_client import Request
from ledger_service.demo.load import LoadBroken, LoadResult, fire


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
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


def test_a_closed_connection_is_an_error_and_no_silent_gap(address: tuple[str, int]) -> None:
    with pytest.raises((LoadBroken, ConnectionError)):
        fire(address, shots(b"close", b"{}", b"{}"), connections=1)


def test_percentiles_are_those_of_the_sorted_times() -> None:
    result = LoadResult(nanoseconds=[i * 1_000 for i in range(100, 0, -1)])
    assert result.percentile_micros(50) == 51
    assert result.percentile_micros(99) == 100
