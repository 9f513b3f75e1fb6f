"""The documented answers of a route: the good one with its links, each refusal with its codes and headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.api.links import LINKS
from ledger_service.api.problems import INTERNAL_CODE, PROBLEM_TYPE
from ledger_service.api.routes import Route
from ledger_service.api.schema import Json
from ledger_service.kernel.errors import DomainError

Problem = type[DomainError]
_PROBLEM_CONTENT: dict[str, Any] = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457. `type` is a path on this service that explains the code.",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "params": {"type": "object"},
        "request_id": {"type": "string"},
    },
}
HEADERS: Json = {
    "RequestId": {
        "description": "Names this request in our logs.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "IdempotencyReplayed": {
        "description": "`true` when an earlier request with this key had the effect and this is its answer.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RetryAfter": {
        "description": "Whole seconds after which another try makes sense.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Authenticate": {
        "description": "The scheme that this service knows (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimitPolicy": {
        "description": 'The key\'s limits: `"name";q=requests at once;w=seconds to fill up`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left: `"name";r=requests;t=seconds until full`.',
        "schema": {"type": "string"},
    },
}
_LIMIT_HEADERS = {"RateLimit-Policy": "RateLimitPolicy", "RateLimit": "RateLimit"}
_OF_STATUS = {
    401: {"WWW-Authenticate": "Authenticate"},
    429: {"Retry-After": "RetryAfter"},
    503: {"Retry-After": "RetryAfter"},
}


def responses_of(route: Route, problems: Iterable[Problem]) -> Json:
    """Every answer of the route by its status."""
    responses: Json = {str(route.success.status): _good(route)}
    by_status: dict[int, list[Problem]] = {}
    for error in problems:
        by_status.setdefault(int(error.category), []).append(error)
    for status, errors in by_status.items():
        responses[str(status)] = _refusal(route, status, errors)
    responses["500"] = {
        "description": f"`{INTERNAL_CODE}`: a bug; nothing was done.",
        "content": _PROBLEM_CONTENT,
        "headers": _headers({"X-Request-Id": "RequestId"}),
    }
    return responses


def _good(route: Route) -> Json:
    success = route.success
    schema = success.schema.describe() if success.schema is not None else {"type": "string"}
    named = {"X-Request-Id": "RequestId"} | (_LIMIT_HEADERS if route.scopes else {})
    if route.write:
        named["Idempotency-Replayed"] = "IdempotencyReplayed"
    good: Json = {
        "description": success.about,
        "headers": _headers(named),
    }
    if success.media_types:
        good["content"] = {media_type: {"schema": schema} for media_type in success.media_types}
    links = LINKS.get(route.name, ())
    if links:
        good["links"] = {link.route: link.describe() for link in links}
    return good


def _refusal(route: Route, status: int, errors: list[Problem]) -> Json:
    lines = [f"- `{error.code}`: {error.why}" for error in errors]
    named = {"X-Request-Id": "RequestId"} | _OF_STATUS.get(status, {})
    if route.scopes and status != 401:
        named |= _LIMIT_HEADERS
    return {
        "description": "\n".join(lines),
        "content": _PROBLEM_CONTENT,
        "headers": _headers(named),
        "x-problem-codes": [error.code for error in errors],
    }


def _headers(named: dict[str, str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in named.items()}
