"""What the door does for every route alike: keys, limits, ids, logs, and never a traceback."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from ledger_service.api.app import create_app
from ledger_service.api.limits import Policy
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served
from tests.api.echo import DONE, GOOD, ROUTES, post
from tests.api.fakes import KEYS, OPERATOR, FakeReplayClock, Parts, write


@pytest.fixture
def parts() -> Parts:
    return Parts(KEYS)


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


def raising(error: Exception) -> Served:
    def endpoint(_call: Call) -> Reply:
        raise error

    return Served(Route("GET", "/reads", "reads", PUBLIC, "Reads", DONE, "t"), endpoint)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 'Jane'", {}, psycopg.OperationalError("server closed the connection")),
        OperationalError("SELECT 1", {}, psycopg.errors.QueryCanceled("statement timeout")),
        InterfaceError("SELECT 1", {}, psycopg.InterfaceError("the connection is closed")),
        DBAPIError("SELECT 1", {}, psycopg.Error("lost"), connection_invalidated=True),
        NoConnectionFree("no connection free"),
    ],
)
def test_a_read_from_a_database_out_of_reach_is_no_bug_and_says_when_to_come_back(
    parts: Parts, error: Exception
) -> None:
    answer = parts.app([raising(error)]).test_client().get("/reads")
    assert (answer.status_code, answer.json["code"]) == (503, "storage-unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert parts.lines()[0]["error"] == type(error).__name__
    assert b"Jane" not in answer.data


def test_a_statement_that_is_wrong_stays_a_bug(parts: Parts, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "empty.db")) as conn, pytest.raises(sqlite3.Error) as caught:
        conn.execute("SELECT * FROM nowhere")
    for error in (
        OperationalError("SELECT", {}, caught.value),
        ProgrammingError("SELECT", {}, psycopg.errors.UndefinedTable("no such table")),
    ):
        answer = parts.app([raising(error)]).test_client().get("/reads")
        assert (answer.status_code, answer.json["code"]) == (500, "internal-error")


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
    client = create_app(pipeline, ROUTES).test_client()
    client.get("/open")
    client.get("/made-up-by-a-scanner")
    text = pipeline.metrics.exposition().decode()
    assert 'alliance_http_requests_total{method="GET",route="/open",status="200"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert "scanner" not in text
