"""What the door does for every route alike: keys, roles, bodies, limits, ids, logs, and never a traceback."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
import pytest

from ledger_service.api.limits import Policy
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Record, Text
from ledger_service.kernel.errors import Category, DomainError
from tests.api.fakes import KEYS, NOON, OPERATOR, TILL, FakeReplayClock, Parts, write

DONE = Success(200, "Done.")
BODY = Record({"name": Text(20), "amount": Integer(1, 1000)}, {"tags": Listing(Text(5), 3)})


@dataclass(eq=False)
class Throttle(DomainError):
    retry_after_seconds: int

    code = "test-throttle"
    category = Category.UNAVAILABLE
    why = "A test says so."
    fix = "None."


def echo(call: Call) -> Reply:
    return Reply(
        {"body": call.body.fields, "at": call.at.isoformat(), "key": call.key, "query": dict(call.query)}
    )


def broken(_call: Call) -> Reply:
    raise ZeroDivisionError("the secret of Jane Doe")


def refused(_call: Call) -> Reply:
    raise Throttle(7)


ROUTES = [
    Served(Route("POST", "/echo", "echo", scopes("sell"), "Echo", DONE, "t", BODY, write=True), echo),
    Served(
        Route("POST", "/things/<gln>", "thing", scopes("sell"), "Echo", DONE, "t", BODY, write=True), echo
    ),
    Served(Route("GET", "/open", "open", PUBLIC, "Open", DONE, "t", personal=False), echo),
    Served(Route("GET", "/broken", "broken", PUBLIC, "Broken", DONE, "t"), broken),
    Served(Route("GET", "/refused", "refused", PUBLIC, "Refused", DONE, "t"), refused),
]


@pytest.fixture
def parts() -> Parts:
    return Parts(KEYS)


def post(parts: Parts, raw: bytes, path: str = "/echo", **headers: str):
    return parts.app(ROUTES).test_client().post(path, data=raw, headers=write() | headers)


GOOD = b'{"name": "a", "amount": 5}'


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
    hidden = client.post("/echo", input_stream=__import__("io").BytesIO(raw), headers=write())
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


def test_keys_and_roles_are_checked_before_anything_is_read(parts: Parts) -> None:
    client = parts.app(ROUTES).test_client()
    none = client.post("/echo", data=b"{", content_type="application/json")
    assert (none.status_code, none.json["code"]) == (401, "credentials-missing")
    assert none.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = client.post("/echo", data=b"{", headers={"Authorization": "Bearer alk_till_secreT"})
    assert (wrong.status_code, wrong.json["code"]) == (401, "credentials-refused")
    basic = client.post("/echo", data=b"{", headers={"Authorization": "Basic alk_till_secret"})
    assert basic.json["code"] == "credentials-missing"
    other = client.post("/echo", data=b"{", headers=OPERATOR)
    assert (other.status_code, other.json["code"], other.json["params"]) == (
        403,
        "scope-missing",
        {"scope": "sell"},
    )


def test_an_address_that_guesses_keys_is_slowed_down_and_honest_keys_of_it_are_not() -> None:
    parts = Parts(KEYS, strangers=Policy("stranger", 1, 2))
    client = parts.app(ROUTES).test_client()
    codes = [
        client.post("/echo", headers={"Authorization": f"Bearer guess{i}"}).status_code for i in range(4)
    ]
    assert codes == [401, 401, 429, 429]
    assert client.post("/echo", data=GOOD, headers=write()).status_code == 200


def test_a_key_gets_its_burst_then_429_with_retry_after_and_every_answer_shows_what_is_left() -> None:
    parts = Parts(KEYS, policy=Policy("key", 1, 2))
    client = parts.app(ROUTES).test_client()
    first = client.post("/echo", data=GOOD, headers=write())
    assert first.headers["RateLimit-Policy"] == '"key";q=2;w=2'
    assert first.headers["RateLimit"] == '"key";r=1;t=1'
    assert client.post("/echo", data=b"{", headers=write()).status_code == 400
    third = client.post("/echo", data=GOOD, headers=write())
    assert (third.status_code, third.json["code"]) == (429, "rate-limited")
    assert third.headers["Retry-After"] == str(third.json["params"]["retry_after_seconds"]) == "1"


def test_a_bug_answers_500_with_a_trace_id_and_nothing_else(parts: Parts) -> None:
    answer = parts.app(ROUTES).test_client().get("/broken", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert set(answer.json) == {"type", "title", "status", "code", "request_id"}
    assert answer.json["request_id"] == "abc-1"
    assert b"Jane" not in answer.data
    failure, line = parts.lines()
    assert (failure["error"], failure["request_id"]) == ("ZeroDivisionError", "abc-1")
    assert "Jane" not in parts.log.getvalue().decode()
    assert (line["status"], line["level"]) == (500, "error")


def test_a_refusal_that_passes_says_when_to_come_back(parts: Parts) -> None:
    answer = parts.app(ROUTES).test_client().get("/refused")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/sales/", "//echo", "/echo/", "/things/", "/%00", "/things/a/b"]
)
def test_an_unknown_path_is_a_problem_document(parts: Parts, path: str) -> None:
    answer = parts.app(ROUTES).test_client().get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "route-unknown")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_wrong_method_is_a_problem_document_that_names_the_right_ones(parts: Parts) -> None:
    for method in ("GET", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        answer = parts.app(ROUTES).test_client().open("/echo", method=method)
        assert (answer.status_code, answer.json["code"]) == (405, "method-not-allowed")
        assert answer.headers["Allow"] == "POST"


def test_request_ids_of_callers_are_kept_when_they_are_plain_and_replaced_otherwise(parts: Parts) -> None:
    client = parts.app(ROUTES).test_client()
    assert client.get("/open", headers={"X-Request-Id": "pos-7.1"}).headers["X-Request-Id"] == "pos-7.1"
    ids = {
        client.get("/open", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        for bad in ("a b", "x" * 65, "é")
    }
    assert len(ids) == 3
    assert all(len(fresh) == 16 for fresh in ids)


def test_the_log_has_one_line_per_request_without_key_body_path_or_query(parts: Parts) -> None:
    post(parts, b'{"name": "Jane Doe", "amount": 5}', "/things/0614141000012")
    (line,) = parts.lines()
    assert set(line) == {
        "time",
        "level",
        "event",
        "method",
        "route",
        "status",
        "micros",
        "request_id",
        "key_id",
    }
    assert (line["route"], line["status"], line["key_id"]) == ("/things/<gln>", 200, "till")
    text = parts.log.getvalue().decode()
    assert not [word for word in ("Jane", "secret", "0614141000012") if word in text]


def test_the_replay_header_is_refused_on_real_time(parts: Parts) -> None:
    answer = post(parts, GOOD, **{"Alliance-Time": "2017-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json["code"]) == (400, "replay-clock-refused")
    assert "Alliance-Clock" not in answer.headers


def test_in_replay_the_header_sets_the_instant_moves_the_clock_and_is_shown() -> None:
    replay = FakeReplayClock()
    parts = Parts(KEYS, replay=replay)
    answer = post(parts, GOOD, **{"Alliance-Time": "2017-01-01T02:00:00+02:00"})
    assert answer.json["at"] == "2017-01-01T00:00:00+00:00"
    assert [i.isoformat() for i in replay.seen] == ["2017-01-01T00:00:00+00:00"]
    assert answer.headers["Alliance-Clock"] == "replay"
    bad = post(parts, GOOD, **{"Alliance-Time": "yesterday"})
    assert (bad.status_code, bad.json["code"]) == (400, "malformed-field")
    assert len(replay.seen) == 1


def test_unknown_and_repeated_query_parameters_are_refused(parts: Parts) -> None:
    client = parts.app(ROUTES).test_client()
    assert client.get("/open?x=1").json["code"] == "malformed-field"
    assert client.get("/open?%ff=1").json["code"] == "malformed-field"


def test_metrics_count_by_declared_route_and_never_by_the_path_that_came(parts: Parts) -> None:
    pipeline = parts.pipeline()
    from ledger_service.api.app import create_app

    client = create_app(pipeline, ROUTES).test_client()
    client.get("/open")
    client.get("/made-up-by-a-scanner")
    text = pipeline.metrics.exposition().decode()
    assert 'alliance_http_requests_total{method="GET",route="/open",status="200"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert "scanner" not in text
