"""The way of one request: key, limit, clock, body, endpoint, answer. It knows WSGI, but not Flask.

Every declared route goes through ``Pipeline.answer``, whether Flask's URL map or the short way of
``app`` found it.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from ledger_service.api.admission import Admission
from ledger_service.api.blinding import blinded, holds_secret, shows_code
from ledger_service.api.deadline import Deadlines
from ledger_service.api.door import Body, parse_body
from ledger_service.api.errors import (
    BodyTooSlow,
    CredentialsMissing,
    CredentialsRefused,
    IdempotencyKeyMalformed,
    IdempotencyKeyMissing,
    ReplayClockRefused,
    ReplayTimeOutOfRange,
)
from ledger_service.api.guessing import guesser_of, note_guess
from ledger_service.api.limits import Buckets
from ledger_service.api.metrics import Metrics
from ledger_service.api.problems import PROBLEM_TYPE, internal_problem, problem_of
from ledger_service.api.query_strings import query_of
from ledger_service.api.request_log import RequestLog
from ledger_service.api.routes import Call, Reply, Route, Served
from ledger_service.db.errors import StorageUnavailable, passes
from ledger_service.kernel.clock import Clock, format_instant, parse_instant
from ledger_service.kernel.errors import DomainError
from ledger_service.merchants.errors import ScopeMissing
from ledger_service.merchants.rules import Principal

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(r"[!-~]{1,128}")
_FIXED: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]
_NO_BODY, _BODILESS = Body({}, b""), ("GET", "OPTIONS")
_DATABASE_SECONDS = 1
# What a caller in the same process is known by already; no header of HTTP can set it.
PRINCIPAL = "alliance.principal"
# The chain takes an operation for seven days of its own time, which never runs ahead of the replay's (D3).
_MOST_BEHIND = timedelta(days=4)


class Authenticator(Protocol):
    """Turns a bearer key into a principal; the merchants room stands behind it."""

    def identify(self, token: str) -> Principal | None:
        """Who a key in force speaks for, or None for any other text."""


class ReplayClock(Clock, Protocol):
    """A clock that requests move (D16)."""

    def observe(self, instant: datetime) -> None:
        """Note an instant of the replayed data; the clock stands at the newest one.

        Raises:
            ReplayTimeOutOfRange: it is too far ahead; the clock has not moved.
        """


@dataclass(frozen=True, slots=True)
class Answered:
    """A finished response."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What every request passes through; built once per process by ``bootstrap``.

    ``replay`` is None outside replay mode. A member's keys share one bucket of ``members``; every other key
    has its own of ``keys``, and one of ``guesses`` that its wrong pay codes empty, as an address has for its
    refused log-ins. An address has one of ``public`` for the limited routes that ask for no key. ``blind``
    keys the hashes of bodies that hold a PIN, a code or a card.
    """

    authenticator: Authenticator
    clock: Clock
    replay: ReplayClock | None
    keys: Buckets
    members: Buckets
    strangers: Buckets
    guesses: Buckets
    public: Buckets
    metrics: Metrics
    log: RequestLog
    admission: Admission
    bodies: Deadlines
    blind: bytes = field(repr=False)

    def answer(self, environ: Environ, served: Served, path: Mapping[str, str]) -> Answered:
        """Return the response of a declared route; never raises, a bug becomes a 500 with a trace id."""
        begun = time.perf_counter()
        request_id = request_id_of(environ)
        route = served.route
        headers = [*self._common(request_id, personal=route.personal), *route.dialect.told]
        principal: Principal | None = None
        try:
            principal = self._admit(environ, route, headers)
            if route.dialect.unmet is not None and (refusal := route.dialect.unmet(environ)) is not None:
                raise refusal
            at = self.clock.now() if principal is None else self._instant(environ)
            query, body, key = self._parts(environ, route, principal, request_id)
            self._beware(principal, body)
            late = self._late(at) if route.write else None
            asked = route.dialect.headers_of(environ) if route.dialect.asked else None
            reply = self._work(served, Call(principal, at, request_id, path, query, body, key, late, asked))
            status, raw = reply.status, _finish(reply, headers)
        except DomainError as error:
            note_guess(self.guesses, environ, principal, error)
            status, raw = _refuse(error, request_id, headers)
        except Exception as error:  # noqa: BLE001 - the top loop of HTTP: nothing may escape it
            status, raw = self._failed(error, request_id, headers)
        if status >= 400 and route.dialect.problem_types:
            raw = route.dialect.worded(status, raw)
        who = (begun, request_id, principal.key_id if principal else "")
        self._record(environ, (route.path, status), who)
        if status != 204:
            headers.append(("Content-Length", str(len(raw))))
        return Answered(status, headers, raw)

    def _failed(self, error: Exception, request_id: str, headers: Headers) -> tuple[int, bytes]:
        """A database out of reach is no bug: the same request may be answered in a moment."""
        self.log.failure(error, request_id)
        if passes(error):
            return _refuse(StorageUnavailable(_DATABASE_SECONDS), request_id, headers)
        headers.append(("Content-Type", PROBLEM_TYPE))
        return 500, internal_problem(request_id)

    def refuse(self, environ: Environ, error: DomainError) -> Answered:
        """Return the problem of a request that no route took."""
        begun, request_id = time.perf_counter(), request_id_of(environ)
        headers = self._common(request_id, personal=True)
        status, body = _refuse(error, request_id, headers)
        self._record(environ, ("unknown", status), (begun, request_id, ""))
        headers.append(("Content-Length", str(len(body))))
        return Answered(status, headers, body)

    def late(self, request_id: str) -> Answered:
        """Return the answer to a request whose body was not there in time."""
        headers = self._common(request_id, personal=True)
        status, body = _refuse(BodyTooSlow(self.bodies.seconds), request_id, headers)
        headers += [("Connection", "close"), ("Content-Length", str(len(body)))]
        return Answered(status, headers, body)

    def _common(self, request_id: str, *, personal: bool) -> Headers:
        headers = [*_FIXED, ("X-Request-Id", request_id)]
        if personal:
            headers.append(("Cache-Control", "no-store"))
        if self.replay is not None:
            headers.append(("Alliance-Clock", "replay"))
        return headers

    def _admit(self, environ: Environ, route: Route, headers: Headers) -> Principal | None:
        if not route.scopes:
            if route.limited:
                if route.guessed:
                    self.guesses.check(guesser_of(environ))
                buckets = self.strangers if route.guessed else self.public
                headers += buckets.headers(buckets.take(environ.get("REMOTE_ADDR", "")))
            return None
        principal = environ.get(PRINCIPAL) or self._identify(environ)
        member = principal.subject_kind == "member"
        buckets, owner = (self.members, principal.subject) if member else (self.keys, principal.key_id)
        headers += buckets.headers(buckets.take(owner))
        if route.scopes.isdisjoint(principal.scopes):
            raise ScopeMissing(min(route.scopes))
        return principal

    def _identify(self, environ: Environ) -> Principal:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise CredentialsMissing
        return self.identify(token, environ.get("REMOTE_ADDR", ""))

    def identify(self, token: str, address: str) -> Principal:
        """Whose key an address has sent.

        Raises:
            CredentialsRefused: nobody's. RateLimited: nobody's, and so were many before from there.
        """
        principal = self.authenticator.identify(token)
        if principal is None:
            self.strangers.take(address)
            raise CredentialsRefused
        return principal

    def _instant(self, environ: Environ) -> datetime:
        text = environ.get("HTTP_ALLIANCE_TIME")
        if text is None:
            return self.clock.now()
        if self.replay is None:
            raise ReplayClockRefused
        instant = parse_instant(text, "Alliance-Time")
        self.replay.observe(instant)
        return instant

    def _late(self, at: datetime) -> DomainError | None:
        if self.replay is None or self.replay.now() - at <= _MOST_BEHIND:
            return None
        return ReplayTimeOutOfRange(format_instant(at), format_instant(self.replay.now()))

    def _parts(
        self, environ: Environ, route: Route, principal: Principal | None, request_id: str
    ) -> tuple[dict[str, str], Body, str]:
        query = {} if route.dialect.free_query else query_of(environ, route)
        key = _idempotency_key(environ) if route.write else ""
        if route.method in _BODILESS:
            return query, _NO_BODY, key
        frame = f"{route.method} {environ['PATH_INFO']}"
        reader = (principal.key_id, "") if principal else ("", environ.get("REMOTE_ADDR", ""))
        with self.admission.reading(*reader):
            raw = self.bodies.read(environ, request_id, route.dialect.most_bytes)
        body = parse_body(raw, environ.get("CONTENT_TYPE") or "", frame, route.dialect.media_types)
        if route.dialect.keeps_body:
            body = replace(body, raw=raw)
        if holds_secret(body.fields):
            body = blinded(body, self.blind)
        if route.body is not None and not route.room_checks:
            route.body.check(body.fields, "")
        return query, body, key

    def _beware(self, principal: Principal | None, body: Body) -> None:
        # Only what shows a code: a till that was locked out still sells to everybody else.
        if principal is not None and shows_code(body.fields):
            self.guesses.check(principal.key_id)

    def _work(self, served: Served, call: Call) -> Reply:
        if call.principal is None:
            # Health, metrics and documents answer also while every place is taken.
            return served.endpoint(call)
        with self.admission.working():
            return served.endpoint(call)

    def _record(self, environ: Environ, what: tuple[str, int], who: tuple[float, str, str]) -> None:
        (route, status), (begun, request_id, key_id) = what, who
        seconds = time.perf_counter() - begun
        method = environ["REQUEST_METHOD"]
        method = method if method in _METHODS else "other"
        self.metrics.request(method, route, status, seconds)
        facts = {"method": method, "route": route, "status": status, "micros": int(seconds * 1e6)}
        self.log.request(facts | {"request_id": request_id, "key_id": key_id})


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def request_id_of(environ: Environ) -> str:
    """The caller's X-Request-Id when it is 1 to 64 plain characters, else a fresh one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    return given if given is not None and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _idempotency_key(environ: Environ) -> str:
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if not key:
        raise IdempotencyKeyMissing
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMalformed
    return key


def _finish(reply: Reply, headers: Headers) -> bytes:
    if reply.status != 204:
        headers.append(("Content-Type", reply.media_type))
    if reply.headers:
        own = {name for name, _ in reply.headers}
        headers[:] = [pair for pair in headers if pair[0] not in own] + list(reply.headers)
    if reply.replayed:
        headers.append(("Idempotency-Replayed", "true"))
    return reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)


def _refuse(error: DomainError, request_id: str, headers: Headers) -> tuple[int, bytes]:
    status, body, extra = problem_of(error, request_id)
    headers.extend([*extra, ("Content-Type", PROBLEM_TYPE)])
    return status, body
