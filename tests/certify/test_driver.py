"""Drivers that do not answer, and a wire that does what a case wants."""

from __future__ import annotations

import http.client
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from ledger_service.certify.driver import Driver
from ledger_service.certify.failures import DriverGone
from ledger_service.certify.proxy import Fault, Wire, listening
from ledger_service.cli.certify import main


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


@pytest.mark.parametrize(
    "command",
    ["false", python("print('hello', flush=True); input()"), python("print('[1]', flush=True); input()")],
)
def test_a_driver_that_does_not_speak_json_is_gone(command: str) -> None:
    driver = Driver(command)
    with pytest.raises(DriverGone):
        driver.ask("hello")
    driver.kill()


def test_a_driver_that_says_nothing_is_killed() -> None:
    driver = Driver(python("import time; time.sleep(60)"), patience_seconds=0.3)
    with pytest.raises(DriverGone, match="within"):
        driver.ask("hello")
    assert driver.said == []


def test_a_killed_driver_is_started_again() -> None:
    driver = Driver(
        python("import os, sys\nfor _ in sys.stdin: print('{\"pid\": %d}' % os.getpid(), flush=True)")
    )
    first = driver.ask("hello")["pid"]
    assert driver.ask("hello")["pid"] == first
    driver.kill()
    assert driver.ask("hello")["pid"] != first
    driver.kill()


def test_a_command_without_a_driver_cannot_be_certified(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pos", "--driver", "false", "--url", "http://127.0.0.1:9"]) == 3
    assert "belong together" in capsys.readouterr().err
    assert main(["list"]) == 0
    assert "a-lost-answer" in capsys.readouterr().out


class _Service(BaseHTTPRequestHandler):
    asked: list[bytes]

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"number": len(self.asked)}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def wired() -> Iterator[tuple[Wire, str, list[bytes]]]:
    asked: list[bytes] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Service,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    wire = Wire("127.0.0.1", server.server_address[1])
    with listening(wire) as url:
        yield wire, url, asked
    server.shutdown()
    server.server_close()
    thread.join()


def sent(url: str) -> int | str:
    """The status of an answer, or why none came."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("POST", "/v1/sales", b"{}", {"Idempotency-Key": "k"})
        answer = connection.getresponse()
        json.loads(answer.read())
        return answer.status
    except (OSError, http.client.HTTPException, ValueError) as trouble:
        return type(trouble).__name__
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("fault", "seen", "arrived"),
    [
        (Fault.NONE, 201, 1), (Fault.LOSE_REQUEST, "ConnectionResetError", 0),
        (Fault.LOSE_ANSWER, "ConnectionResetError", 1), (Fault.CUT_ANSWER, "IncompleteRead", 1),
        (Fault.UNAVAILABLE, 503, 0), (Fault.BUSY, 429, 0), (Fault.IN_FLIGHT, 409, 0),
        (Fault.GARBAGE, "JSONDecodeError", 1), (Fault.BROKEN, "JSONDecodeError", 0), (Fault.TWICE, 201, 2),
        (Fault.HELD, "ConnectionResetError", 0),
    ],
)  # fmt: skip
def test_the_wire_does_what_a_case_wants_once(
    wired: tuple[Wire, str, list[bytes]], fault: Fault, seen: int | str, arrived: int
) -> None:
    wire, url, asked = wired
    wire.next("/v1/sales", fault)
    assert sent(url) == seen
    assert len(asked) == arrived
    assert sent(url) == 201
    assert [one.fault for one in wire.seen] == [fault, Fault.NONE]
    assert wire.seen[0].request.header("idempotency-key") == "k"


def test_what_was_held_arrives_when_the_case_says_so(wired: tuple[Wire, str, list[bytes]]) -> None:
    wire, url, asked = wired
    wire.next("/v1/sales", Fault.HELD)
    sent(url)
    assert asked == []
    assert [reply.status for reply in wire.deliver_held()] == [201]
    assert asked == [b"{}"]


def test_a_pulled_cable_answers_nothing(wired: tuple[Wire, str, list[bytes]]) -> None:
    wire, url, asked = wired
    wire.up = False
    assert sent(url) == "ConnectionResetError"
    wire.calm()
    assert (sent(url), len(asked)) == (201, 1)
