"""Every route alike: declared, guarded, documented; and the generated documents are up to date."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate
from werkzeug.test import TestResponse

from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.openapi import problems_of
from ledger_service.api.routes import Route
from ledger_service.bootstrap.doors import all_routes, bound, openapi_document
from ledger_service.bootstrap.http import application
from ledger_service.cli import catalogue, openapi
from ledger_service.merchants.rules import ROLE_SCOPES
from tests.api import contract
from tests.api.service import GROCER, Shop

ROOT = Path(__file__).resolve().parent.parent.parent
ROUTES = all_routes()
GUARDED = [route for route in ROUTES if route.scopes]
WITH_BODY = [route for route in GUARDED if route.method == "POST"]
WRITES = [route for route in ROUTES if route.write]
_FOR_EVERYBODY = ("Service", "Alliance", "Scans", "Prizes", "Resolver", "Sharing, for everybody", "Log-ins",
                  "Payments, for providers")  # fmt: skip
VALUES = {"gln": GROCER, "code": "GROC", "query_name": "all", "number": "952000000000000019", "device": "0",
          "scope": "alliance", "version": "1", "cashier": "ann", "terminal": "t0", "key": "0" * 16,
          "household": "952000000000000019", "link": "0" * 12, "campaign": "NONE", "batch": "1", "token": "x",
          "prefix": "95060", "gtin": "09506000134352", "serial": "0123456789AB", "path:event": "urn:x:1",
          "path:epc": "urn:x:1", "path:digital_link": "09506000134352", "path:resource": "shipping"}
VALUES |= dict.fromkeys("hold ticket case review code_id claim limit capture coupon reward webhook consent"
                        " segment passkey value_card subscription sale decision challenge".split(), "0" * 32)


def by_name(routes: list[Route]) -> Any:
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


def path_of(route: Route) -> str:
    path = route.path
    for name, value in VALUES.items():
        path = path.replace(f"<{name}>", value)
    return path


def send(shop: Shop, route: Route, token: str | None, raw: bytes = b"{}", **headers: str) -> TestResponse:
    given = {"Idempotency-Key": "k", "Content-Type": "application/json"} | headers
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    kept = {name: value for name, value in given.items() if value}
    # An address for each route: wrong keys of one address are soon told to wait.
    whence = {"REMOTE_ADDR": f"10.0.0.{ROUTES.index(route)}"}
    answer = shop.client.open(
        path_of(route), method=route.method, data=raw, headers=kept, environ_overrides=whence
    )
    contract.check(route.method, path_of(route), answer)
    return answer


def key_with(shop: Shop, route: Route) -> str:
    """A key that the route admits."""
    for who, role in (("operator", "operator"), ("grocer-till", "cashier"), ("grocer", "merchant")):
        if route.scopes & ROLE_SCOPES[role]:
            return shop.keys[who]
    return member_key(shop)


def key_without(shop: Shop, route: Route) -> str | None:
    for who, role in (("grocer-till", "cashier"), ("auditor", "auditor"), ("operator", "operator")):
        if not route.scopes & ROLE_SCOPES[role]:
            return shop.keys[who]
    return None if route.scopes & ROLE_SCOPES["member"] else member_key(shop)


def member_key(shop: Shop) -> str:
    if "member" not in shop.keys:
        number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
        shop.keys["member"] = shop.key_for("member", number)
    return shop.keys["member"]


def with_pipeline(shop: Shop, **changed: Any) -> Shop:
    """The same service behind a pipeline that differs in a few parts."""
    pipeline = replace(shop.serving.pipeline, **changed)
    return replace(shop, client=application(replace(shop.serving, pipeline=pipeline)).test_client())


def test_the_url_map_holds_declared_routes_only_and_each_says_who_may_call_it(open_shop_once: Shop) -> None:
    app: Flask = application(open_shop_once.serving)
    declared = {(route.path, route.method): route for route in ROUTES}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD"}:
            route = declared.get((rule.rule, method))
            assert route is not None, f"{method} {rule.rule} has no declaration: no auth, no docs"
            public = not route.scopes
            assert public == (route.group in _FOR_EVERYBODY), f"{rule.rule} is open to everybody"
    assert len(declared) == len(ROUTES), "two declarations of one method and path"


def test_every_declaration_is_bound_to_an_endpoint_once(open_shop_once: Shop) -> None:
    names = [served.route.name for served in bound(open_shop_once.serving)]
    assert sorted(names) == sorted(route.name for route in ROUTES)
    assert len(set(names)) == len(names)


def test_every_write_under_v1_takes_an_idempotency_key() -> None:
    reads = {"quote", "query-pay-code", "draw-pay-code", "identify-member"}
    reads |= {"upload-offline-sales"}  # each sale of the batch has a key of its own
    reads |= {"resolve-options", "offer-passkey", "ask-passkey", "try-segment", "try-earn-rule"}  # not kept
    reads |= {"record-scan"}  # one device's scans of an item within a minute are one
    reads |= {"check-cashier", "show-value-balance"}  # a try counts each time, right or wrong
    reads |= {"ask-login-code", "ask-enrolment-code"}  # one a minute, whoever asks
    reads |= {"touch-share-link"}  # the visitor's own number is its key
    reads |= {"wechat-pay-notice", "line-pay-notice"}  # the provider's order and transaction are the key
    # Under /epcis an event's hash is its key, a query's its name, a subscription's all that it says.
    assert {r.name for r in ROUTES if not (r.method == "GET" or r.write or "/epcis" in r.path)} == reads


def test_every_reference_in_the_document_leads_to_a_schema() -> None:
    wanted = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(openapi_document())))
    assert wanted == set(openapi_document()["components"]["schemas"])


@by_name(GUARDED)
def test_nobody_enters_without_a_key(open_shop_once: Shop, route: Route) -> None:
    assert send(open_shop_once, route, None).json["code"] == "credentials-missing"
    wrong = send(open_shop_once, route, "alk_" + "0" * 16 + "_" + "0" * 64)
    assert (wrong.status_code, wrong.json["code"]) == (401, "credentials-refused")


@by_name(GUARDED)
def test_a_key_without_the_scope_is_turned_away(open_shop_once: Shop, route: Route) -> None:
    key = key_without(open_shop_once, route)
    if key is None:
        assert len(route.scopes & {s for held in ROLE_SCOPES.values() for s in held}) >= 1
        return
    answer = send(open_shop_once, route, key)
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


@by_name(WITH_BODY)
def test_a_body_that_is_no_json_object_is_refused(open_shop_once: Shop, route: Route) -> None:
    key = key_with(open_shop_once, route)
    for raw in (b"{", b"[]", b'{"a":1,"a":2}', b'{"a":"\xff"}'):
        assert send(open_shop_once, route, key, raw).json["code"] == "malformed-body"
    assert send(open_shop_once, route, key, b'{"no_such_field_here":1}').json["code"] in (
        "malformed-field",
        "not-yours",
    )
    large = send(open_shop_once, route, key, b" " * (route.dialect.most_bytes + 1))
    assert (large.status_code, large.json["code"]) == (413, "body-too-large")
    other = send(open_shop_once, route, key, b"{}", **{"Content-Type": "text/plain"})
    assert (other.status_code, other.json["code"]) == (415, "media-type-unsupported")


@by_name(WRITES)
def test_a_write_without_a_usable_idempotency_key_is_refused(open_shop_once: Shop, route: Route) -> None:
    key = key_with(open_shop_once, route)
    missing = send(open_shop_once, route, key, **{"Idempotency-Key": ""})
    assert (missing.status_code, missing.json["code"]) == (400, "idempotency-key-missing")
    assert (
        send(open_shop_once, route, key, **{"Idempotency-Key": "a b"}).json["code"]
        == "idempotency-key-malformed"
    )


@by_name(GUARDED)
def test_a_bad_instant_is_refused(open_shop_once: Shop, route: Route) -> None:
    answer = send(open_shop_once, route, key_with(open_shop_once, route), **{"Alliance-Time": "soon"})
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


@by_name(GUARDED)
def test_an_unknown_query_parameter_is_refused(open_shop_once: Shop, route: Route) -> None:
    key = key_with(open_shop_once, route)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = open_shop_once.client.open(
        path_of(route) + "?surprise=1", method=route.method, data=b"{}", headers=headers
    )
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


class Ticks:
    """A clock of nanoseconds that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def limited(open_shop_once: Shop) -> tuple[Shop, Ticks]:
    """The same service where each key has one request in a second."""
    ticks = Ticks()
    buckets = Buckets(Policy("key", 1, 1), ticks)
    return with_pipeline(open_shop_once, keys=buckets, members=buckets), ticks


@by_name(GUARDED)
def test_a_key_over_its_limit_waits(limited: tuple[Shop, Ticks], route: Route) -> None:
    shop, ticks = limited
    ticks.now += 1_000_000_000
    key = key_with(shop, route)
    ticks.now += 1_000_000_000
    assert send(shop, route, key, **{"Alliance-Time": "soon"}).status_code == 400
    second = send(shop, route, key, **{"Idempotency-Key": ""})
    assert (second.status_code, second.json["code"]) == (429, "rate-limited")
    assert int(second.headers["Retry-After"]) >= 1


@pytest.fixture(scope="module")
def on_real_time(open_shop_once: Shop) -> Shop:
    """The same service without the replay's clock; by its own nobody enrols at the tests' instant."""
    member_key(open_shop_once)
    return with_pipeline(open_shop_once, replay=None)


@by_name(GUARDED)
def test_the_replay_clock_is_refused_on_real_time(on_real_time: Shop, route: Route) -> None:
    key = key_with(on_real_time, route)
    answer = send(on_real_time, route, key, **{"Alliance-Time": "2017-03-01T12:00:00Z"})
    assert (answer.status_code, answer.json["code"]) == (400, "replay-clock-refused")


def test_the_document_is_valid_openapi_and_names_each_route_once() -> None:
    document = openapi_document()
    validate(document)
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations) == len(ROUTES)
    for route in ROUTES:
        assert len({e.code for e in problems_of(route)}) == len(problems_of(route))


def test_a_literal_path_does_not_fall_through_to_a_parameter(open_shop_once: Shop) -> None:
    # OpenAPI: a literal path wins, so `identify` is no member number and must not answer as one.
    client = open_shop_once.client
    for method in ("GET", "DELETE", "MADEUPMETHODOFMANYLETTERS"):
        answer = client.open("/v1/members/identify", method=method)
        assert (answer.status_code, answer.json["code"]) == (405, "method-not-allowed")
        assert answer.headers["Allow"] == "POST"
    assert len(answer.json["params"]["method"]) <= 16
    assert client.get("/v1/members/952000000000000019").json["code"] == "credentials-missing"


@pytest.mark.parametrize("limit", ["0", "00", "05", "201", "1e1", "-1", "\u0663"])
def test_a_page_of_no_such_size_is_refused_as_the_document_says(open_shop_once: Shop, limit: str) -> None:
    answer = open_shop_once.get("operator", f"/v1/merchants?limit={limit}")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed-field")


def test_the_committed_documents_are_what_the_generators_write() -> None:
    for name, text in (("openapi.json", openapi.document_text()), ("errors.md", catalogue.errors_page()),
                       ("configuration.md", catalogue.configuration_page())):  # fmt: skip
        committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert committed == text, (
            f"docs/{name} is out of date: run `alliance docs` / `alliance openapi` with --write"
        )


def test_the_pages_answer_in_html_under_a_policy_without_script(open_shop_once: Shop) -> None:
    client = open_shop_once.client
    for path in ("/docs", "/problems/not-enough-points", "/problems/internal-error"):
        page = client.get(path)
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert "script-src" not in page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert b"<script" not in page.data
        assert len(page.headers.getlist("Content-Security-Policy")) == 1
    assert client.get("/problems/no-such").json["code"] == "route-unknown"
    served = client.get("/openapi.json").json
    assert served["paths"] == openapi_document()["paths"]


def test_health_readiness_and_metrics(open_shop_once: Shop) -> None:
    client = open_shop_once.client
    assert client.get("/healthz").json == {"status": "ok"}
    # The tests' tables were made without migrations, which is exactly what readiness must notice.
    behind = client.get("/readyz")
    assert (behind.status_code, behind.json["params"]["part"]) == (503, "migrations")
    assert behind.headers["Retry-After"] == "2"
    text = client.get("/metrics").get_data(as_text=True)
    for name in (
        "writer_commands_total",
        "writer_commits_total",
        "writer_statements_total",
        "chain_lag_operations",
        "outbox_queue_depth",
        "http_request_seconds_bucket",
    ):
        assert f"\nalliance_{name}" in text, name
