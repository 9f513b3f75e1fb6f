"""The HTTP door: loopback only, bounded, keep-alive, and deaf to web pages."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ledger_service.chain.node import listener
from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.listener import NodeServer
from ledger_service.chain.node.methods import Methods
from ledger_service.chain.node.rpc import Dispatcher

BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}).encode()
JSON = {"Content-Type": "application/json"}


@contextmanager
def serving(chain: Chain) -> Iterator[NodeServer]:
    """A listening node in this process."""
    made = NodeServer(0, Dispatcher(Methods(chain, time_control=False)))
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def server(chain: Chain) -> Iterator[NodeServer]:
    with serving(chain) as made:
        yield made


@pytest.fixture
def client(server: NodeServer) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    yield made
    made.close()


def _status(client: http.client.HTTPConnection, headers: dict[str, str], body: bytes = BODY) -> int:
    client.request("POST", "/", body, headers)
    answer = client.getresponse()
    answer.read()
    return answer.status


def test_it_listens_on_loopback_alone(server: NodeServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_many_requests_use_one_connection(client: http.client.HTTPConnection) -> None:
    assert _status(client, JSON) == 200
    first = client.sock
    assert [_status(client, JSON) for _ in range(20)] == [200] * 20
    assert client.sock is first


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:8545"])
def test_loopback_names_are_served(client: http.client.HTTPConnection, host: str) -> None:
    assert _status(client, {**JSON, "Host": host}) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8545", "127.0.0.1.evil.example", "", "localhost.x:1"]
)
def test_a_rebound_name_is_refused(client: http.client.HTTPConnection, host: str) -> None:
    assert _status(client, {**JSON, "Host": host}) == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_what_a_page_can_post_without_preflight_is_refused(
    client: http.client.HTTPConnection, kind: str
) -> None:
    assert _status(client, {"Content-Type": kind}) == 415


def test_other_methods_and_missing_or_huge_lengths_are_refused(server: NodeServer) -> None:
    def status(head: bytes) -> bytes:
        address = ("127.0.0.1", server.server_port)
        with socket.create_connection(address, timeout=10) as raw, raw.makefile("rb") as answer:
            raw.sendall(head)
            return answer.readline().split()[1]

    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert status(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == b"501"
    assert status(b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n") == b"501"
    assert status(post + b"\r\n") == b"411"
    assert status(post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n") == b"411"
    assert status(post + b"Content-Length: -5\r\n\r\n") == b"411"
    assert status(post + b"Content-Length: 99999999\r\n\r\n") == b"413"
    assert status(post + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n") == b"413"


def _connected(server: NodeServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)


def _serves(server: NodeServer) -> bool:
    client = _connected(server)
    try:
        return _status(client, JSON) == 200
    except (ConnectionError, http.client.HTTPException):
        return False
    finally:
        client.close()


def test_too_many_connections_get_503_and_a_freed_place_serves_again(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 2)
    with serving(chain) as server:
        held = [_connected(server) for _ in range(2)]
        assert [_status(client, JSON) for client in held] == [200, 200]
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as third:
            answer = third.recv(1_000).decode()
        assert answer.startswith("HTTP/1.1 503 ")
        assert "Retry-After: 1" in answer
        held[0].close()
        assert any(_serves(server) for _ in range(500))
        held[1].close()


def test_an_idle_connection_is_closed(server: NodeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener._Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as raw:
        raw.sendall(b"POST / HT")
        assert raw.recv(1) == b""
