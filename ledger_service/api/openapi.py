"""The OpenAPI 3.1 document, made from the declarations of the routes and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ledger_service.api.errors import (
    BodyTooLarge,
    CredentialsMissing,
    CredentialsRefused,
    CursorRefused,
    IdempotencyKeyMalformed,
    IdempotencyKeyMissing,
    MalformedBody,
    MediaTypeUnsupported,
    RateLimited,
    ReplayClockRefused,
)
from ledger_service.api.problems import INTERNAL_CODE, PROBLEM_TYPE
from ledger_service.api.routes import Parameter, Route, roles_of
from ledger_service.api.schema import Json, Listing, Named, Nullable, Record, Schema
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.merchants.errors import ScopeMissing

Problem = type[DomainError]
_PATH_PARAMETER = re.compile(r"<([a-z_]+)>")

# What each path parameter is, wherever it occurs.
PATH_PARAMETERS = {
    "hold": "Id of the hold, 32 hex digits, as the authorisation answered it.",
    "sale": "Id of the sale, 32 hex digits.",
    "number": "Member number (GSRN), 18 digits.",
    "code": "Code of the programme, or of the problem.",
    "gln": "GLN, 13 digits.",
    "terminal": "Id of the terminal.",
    "key": "Public id of an API key.",
    "device": "Lane of the device.",
    "adjustment": "Id of the adjustment, 32 hex digits.",
}


def document_of(routes: Iterable[Route], version: str, url: str = "/") -> Json:
    """Return the document of these routes.

    Args:
        routes: in the order in which they shall stand.
        version: of the product.
        url: where the service is reached.
    """
    routes = list(routes)
    paths: dict[str, Json] = {}
    for route in routes:
        path = _PATH_PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Alliance Ledger",
            "version": version,
            "summary": "Points that rival retailers share, at the checkout.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": name} for name in dict.fromkeys(route.group for route in routes)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "alk_<id>_<secret>"}
            },
            "schemas": _named_schemas(routes) | {"Problem": _PROBLEM},
            "headers": _HEADERS,
        },
    }


def problems_of(route: Route) -> list[Problem]:
    """Every refusal that a route documents: its own and those of the door in front of it."""
    found: list[Problem] = list(route.problems)
    if route.query or route.path.count("<"):
        found.append(MalformedField)
    if "cursor" in route.query:
        found.append(CursorRefused)
    if route.method != "GET":
        found += [MalformedBody, MalformedField, BodyTooLarge, MediaTypeUnsupported]
    if route.write:
        found += [IdempotencyKeyMissing, IdempotencyKeyMalformed]
    if route.scopes:
        found += [
            CredentialsMissing,
            CredentialsRefused,
            ScopeMissing,
            RateLimited,
            ReplayClockRefused,
            MalformedField,
        ]
    return sorted(set(found), key=lambda error: (int(error.category), error.code))


def _operation(route: Route) -> Json:
    found: Json = {"operationId": route.name, "summary": route.summary, "tags": [route.group]}
    if route.scopes:
        found["security"] = [{"apiKey": []}]
        found["description"] = (
            f"Roles: {', '.join(roles_of(route))}. Scope: {' or '.join(sorted(route.scopes))}."
        )
    else:
        found["security"] = []
    parameters = _parameters(route)
    if parameters:
        found["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": route.body.describe()}}
        found["requestBody"] = {"required": True, "content": content}
    found["responses"] = _responses(route)
    return found


def _parameters(route: Route) -> list[Json]:
    found: list[Json] = []
    for name in _PATH_PARAMETER.findall(route.path):
        schema = {"type": "string"}
        found.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": schema,
                "description": PATH_PARAMETERS[name],
            }
        )
    for name, parameter in route.query.items():
        found.append(_query_parameter(name, parameter))
    if route.write:
        key: Json = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
        about = "One key per business act; the same key with every retry of it."
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "schema": key, "description": about}
        )
    if route.scopes:
        schema = {"type": "string", "format": "date-time"}
        about = "The instant of the request; taken in replay mode only, else refused."
        found.append(
            {
                "name": "Alliance-Time",
                "in": "header",
                "required": False,
                "schema": schema,
                "description": about,
            }
        )
    return found


def _query_parameter(name: str, parameter: Parameter) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": parameter.required,
        "schema": parameter.schema.describe(),
        "description": parameter.about,
    }


def _responses(route: Route) -> Json:
    success = route.success
    schema = success.schema.describe() if success.schema is not None else {"type": "string"}
    good: Json = {
        "description": success.about,
        "content": {media_type: {"schema": schema} for media_type in success.media_types},
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
    }
    if route.write:
        good["headers"]["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    responses: Json = {str(success.status): good}
    by_status: dict[int, list[Problem]] = {}
    for error in problems_of(route):
        by_status.setdefault(int(error.category), []).append(error)
    for status, errors in by_status.items():
        responses[str(status)] = _problem_response(errors)
    responses["500"] = {
        "description": f"`{INTERNAL_CODE}`: a bug; nothing was done.",
        "content": _PROBLEM_CONTENT,
    }
    return responses


def _problem_response(errors: list[Problem]) -> Json:
    lines = [f"- `{error.code}`: {error.why}" for error in errors]
    return {
        "description": "\n".join(lines),
        "content": _PROBLEM_CONTENT,
        "x-problem-codes": [error.code for error in errors],
    }


def _named_schemas(routes: list[Route]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for route in routes:
        for schema in (route.body, route.success.schema):
            for named in _named(schema):
                found[named.name] = named.inner.describe()
    return dict(sorted(found.items()))


def _named(schema: Schema | None) -> Iterable[Named]:
    if isinstance(schema, Named):
        yield schema
        yield from _named(schema.inner)
    elif isinstance(schema, Record):
        for inner in {**schema.required, **schema.optional}.values():
            yield from _named(inner)
    elif isinstance(schema, Listing):
        yield from _named(schema.item)
    elif isinstance(schema, Nullable):
        yield from _named(schema.inner)


_PROBLEM_CONTENT: dict[str, Any] = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_PROBLEM: Json = {
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
_HEADERS: Json = {
    "RequestId": {"description": "Names this request in our logs.", "schema": {"type": "string"}},
    "IdempotencyReplayed": {
        "description": "`true` when an earlier request with this key had the effect and this is its answer.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_ABOUT = (
    "Every write takes an Idempotency-Key and a retry gets the first answer. Every refusal is a problem "
    "document (RFC 9457) with a stable `code`. Amounts of money are integers in minor units, points are "
    "integers, times are RFC 3339 in UTC, ids are lower-case hex."
)
