"""What is no good HTTP: each mistake has one answer, none is a 5xx, and every connection ends or goes on."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing

import pytest

from tests.abuse.served import Served, answer_on
from tests.api.service import FUEL_STORE, basket

BROKEN_CHUNKS = {
    "no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "too long": b"ffffffffffffffffff\r\n{}\r\n",
    "endless extension": b"0;" + b"a" * 70_000 + b"\r\n\r\n",
    "none": b"0\r\n\r\n",
    "cut": b"",
}
SECONDS = 5


def get(target: bytes, *fields: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"GET " + target + b" " + version, b"Host: x", *fields, b"", b""])


def post(framing: str, body: bytes = b"") -> bytes:
    head = "POST /v1/sales HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return (head + framing + "\r\n\r\n").encode() + body


# The HTTP server refuses these before the service sees them: a status, no document, and the end.
BY_THE_SERVER = {
    "no HTTP at all": (b"hello\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "another version": (get(b"/healthz", version=b"HTTP/9.9"), 400),
    "a method that is no token": (get(b"/healthz").replace(b"GET", b"GE(T"), 400),
    "a space in the target": (get(b"/health z"), 400),
    "a NUL in the target": (get(b"/health\0z"), 400),
    "a target beyond 64 KB": (get(b"/" + b"a" * 70_000), 431),
    "a head that is too long": (get(b"/healthz", b"X: " + b"a" * 300_000), 431),
    "more than 100 fields": (get(b"/healthz", *[b"X: a"] * 101), 431),
    "a field name with a space": (get(b"/healthz", b"X Y: a"), 400),
    "a NUL in a field": (get(b"/healthz", b"X: a\0b"), 400),
    "a folded field": (get(b"/healthz", b"X: a\r\n b"), 400),
    "a negative length": (post("Content-Length: -1"), 400),
    "a length that is no number": (post("Content-Length: x"), 400),
    "a length beyond 64 bits": (post("Content-Length: 99999999999999999999999"), 400),
    "two lengths": (post("Content-Length: 1\r\nContent-Length: 2"), 400),
    "a coding that does not end in chunked": (post("Transfer-Encoding: chunked, gzip"), 400),
}
BY_THE_SERVICE = {
    "a method that nobody has": (get(b"/healthz").replace(b"GET", b"BREW"), 405, "method-not-allowed"),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404, "route-unknown"),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, "route-unknown"),
    "raw UTF-8 in the target": (get("/é".encode()), 404, "route-unknown"),
    "a wrong percent sign": (get(b"/%zz"), 404, "route-unknown"),
    "a target of 30 KB": (get(b"/" + b"a" * 30_000), 404, "route-unknown"),
    "a key that is no ASCII": (get(b"/v1/stores", b"Authorization: Bearer \xe9"), 401, "credentials-missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_THE_SERVER)
def test_what_is_no_http_gets_a_status_without_a_document_and_the_end(served: Served, name: str) -> None:
    raw, status = BY_THE_SERVER[name]
    begun = time.monotonic()
    with closing(served.connect()) as line:
        try:
            line.sendall(raw)
            answer = answer_on(line)
            assert (answer.status, answer.body) == (status, b"")
            assert not line.recv(1), "the connection goes on"
        except ConnectionError:
            assert len(raw) > 65_536, "closed without a word"
    assert time.monotonic() - begun < SECONDS
    assert served.get("/healthz").status == 200


@pytest.mark.parametrize("name", BY_THE_SERVICE)
def test_what_is_http_and_nonsense_gets_a_document(served: Served, name: str) -> None:
    raw, status, code = BY_THE_SERVICE[name]
    with closing(served.connect()) as line:
        line.sendall(raw)
        answer = answer_on(line)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("how", BROKEN_CHUNKS)
def test_a_body_whose_chunks_are_broken_is_not_taken_for_an_empty_one(served: Served, how: str) -> None:
    enrolled = served.post("/v1/members", "grocer", {"custody": "custodial"}, f"enrol-{how[:3]}")
    member = json.loads(enrolled.body)["number"]
    with closing(served.connect()) as line:
        line.sendall(served.write(f"/v1/members/{member}/erase", "operator", f"erase-{how[:3]}", None))
        line.sendall(BROKEN_CHUNKS[how])
        if not BROKEN_CHUNKS[how]:
            line.shutdown(socket.SHUT_WR)
        refused = answer_on(line)
    assert (refused.status, refused.code) == (400, "malformed-body")
    assert served.get(f"/v1/members/{member}", "auditor").status == 200, "erased by a request that was none"


def test_a_body_in_good_chunks_is_taken(served: Served) -> None:
    raw = json.dumps(basket(FUEL_STORE)).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (raw[:9], raw[9:])) + b"0\r\n\r\n"
    with closing(served.connect()) as line:
        line.sendall(served.write("/v1/sales", "fuel-till", "chunked", None) + chunks)
        assert answer_on(line).status == 201
