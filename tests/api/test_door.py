"""Which bodies the door takes: one JSON object with one meaning, no more than 64 KB, announced as JSON."""

from __future__ import annotations

import io

import orjson
import pytest

from ledger_service.api.routes import Call, Reply, Route, Served, scopes
from tests.api.echo import BODY, DONE, GOOD, ROUTES, post
from tests.api.fakes import KEYS, NOON, TILL, Parts, write


@pytest.fixture
def parts() -> Parts:
    return Parts(KEYS)


@pytest.mark.parametrize("path", ["/echo", "/things/1"])
def test_a_good_write_reaches_its_endpoint_on_the_short_way_and_through_flask(
    parts: Parts, path: str
) -> None:
    answer = post(parts, GOOD, path)
    assert answer.status_code == 200
    assert answer.json["body"] == {"name": "a", "amount": 5}
    assert answer.json["at"] == NOON.isoformat()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed-body"),
        (b"[1]", "malformed-body"),
        (b'"text"', "malformed-body"),
        (b'{"name": "a", "amount": NaN}', "malformed-body"),
        (b'{"name": "a", "amount": Infinity}', "malformed-body"),
        (b'{"name": "\xff", "amount": 1}', "malformed-body"),
        (b'{"name": "\xed\xa0\x80", "amount": 1}', "malformed-body"),
        (b'{"name": "\\ud800", "amount": 1}', "malformed-body"),
        (b'{"name": "a\0", "amount": 1}', "malformed-body"),
        (b'{"name": "a\\u0000", "amount": 1}', "malformed-body"),
        (b'{"name": "a", "amount": 1, "amount": 2}', "malformed-body"),
        (b'{"name": "a\\n", "amount": 1, "\\u0061mount": 2}', "malformed-body"),
        (b'{"name": "a:b", "amount": 1, "tags": ["x:y"], "tags": []}', "malformed-body"),
        (b'{"name":' + b"[" * 900 + b"]" * 900 + b"}", "malformed-body"),
        (b'{"name":"\\n","x":' + b"[" * 1020 + b"]" * 1020 + b"}", "malformed-body"),
        (b'{"name": "a", "amount": 1.0}', "malformed-field"),
        (b'{"name": "a", "amount": 1e2}', "malformed-field"),
        (b'{"name": "a", "amount": true}', "malformed-field"),
        (b'{"name": "a", "amount": "1"}', "malformed-field"),
        (b'{"name": "a", "amount": 0}', "malformed-field"),
        (b'{"name": "a", "amount": -1}', "malformed-field"),
        (b'{"name": "a", "amount": 100000000000000000000000000}', "malformed-field"),
        (b'{"name": "a"}', "malformed-field"),
        (b'{"name": "a", "amount": 1, "points": 5}', "malformed-field"),
        (b'{"name": "' + b"a" * 21 + b'", "amount": 1}', "malformed-field"),
        (b'{"name": null, "amount": 1}', "malformed-field"),
        (b'{"name": "a", "amount": 1, "tags": ["1", "2", "3", "4"]}', "malformed-field"),
        (b"", "malformed-field"),
    ],
)
def test_a_body_without_one_plain_meaning_is_refused(parts: Parts, raw: bytes, code: str) -> None:
    answer = post(parts, raw)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["type"] == f"/problems/{code}"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_colons_and_escapes_inside_text_are_no_repeated_fields(parts: Parts) -> None:
    for name in ("a:b::c", 'a"b', "a\\b:", "é:ü", "日本:"):
        answer = post(parts, orjson.dumps({"name": name, "amount": 1, "tags": ["x:y"]}))
        assert answer.status_code == 200, name
        assert answer.json["body"]["name"] == name


def test_an_escaped_body_may_hold_long_numbers_and_is_refused_by_its_field(parts: Parts) -> None:
    answer = post(parts, b'{"name": "a\\n", "amount": ' + b"9" * 300 + b"}")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_a_body_over_64_kilobytes_is_refused_whether_announced_or_not(parts: Parts) -> None:
    raw = b'{"name": "' + b"a" * 65536 + b'", "amount": 1}'
    announced = post(parts, raw)
    assert (announced.status_code, announced.json["code"]) == (413, "body-too-large")
    client = parts.app(ROUTES).test_client()
    hidden = client.post("/echo", input_stream=io.BytesIO(raw), headers=write())
    assert hidden.status_code == 413


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin-1"]
)
def test_another_media_type_is_refused(parts: Parts, kind: str) -> None:
    answer = post(parts, GOOD, **{"Content-Type": kind})
    assert (answer.status_code, answer.json["code"]) == (415, "media-type-unsupported")


def test_json_with_an_utf8_parameter_is_taken(parts: Parts) -> None:
    assert post(parts, GOOD, **{"Content-Type": "Application/JSON; charset=UTF-8"}).status_code == 200


def test_a_write_needs_a_printable_idempotency_key(parts: Parts) -> None:
    client = parts.app(ROUTES).test_client()
    missing = client.post("/echo", data=GOOD, headers=TILL | {"Content-Type": "application/json"})
    assert (missing.status_code, missing.json["code"]) == (400, "idempotency-key-missing")
    for key in ("a b", "k" * 129, "k\u00e9"):
        bad = post(parts, GOOD, **{"Idempotency-Key": key})
        assert (bad.status_code, bad.json["code"]) == (400, "idempotency-key-malformed")


def test_the_body_digest_ignores_spacing_and_order_but_not_the_path(parts: Parts) -> None:
    digests = []

    def keep(call: Call) -> Reply:
        digests.append(call.body.digest)
        return Reply({})

    app = parts.app(
        [
            Served(Route("POST", f"/{p}", p, scopes("sell"), "", DONE, "t", BODY, write=True), keep)
            for p in "ab"
        ]
    )
    client = app.test_client()
    for path, raw in (
        ("a", GOOD),
        ("a", b'{"amount":5,"name":"a"}'),
        ("b", GOOD),
        ("a", b'{"amount":6,"name":"a"}'),
    ):
        assert client.post(f"/{path}", data=raw, headers=write()).status_code == 200
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
