"""The OpenAPI 3.1 document, made from the declarations of the routes and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ledger_service.api import shapes
from ledger_service.api.errors import (
    AddressTooLong,
    BodyTooLarge,
    BodyTooSlow,
    CredentialsMissing,
    CredentialsRefused,
    CursorRefused,
    IdempotencyKeyMalformed,
    IdempotencyKeyMissing,
    MalformedBody,
    MediaTypeUnsupported,
    NotAcceptable,
    RateLimited,
    ReplayClockRefused,
    ReplayTimeOutOfRange,
    ServiceBusy,
)
from ledger_service.api.openapi_responses import HEADERS, PROBLEM, Problem, responses_of
from ledger_service.api.routes import Parameter, Route, roles_of
from ledger_service.api.schema import Either, Json, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.db.errors import StorageUnavailable
from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.errors import ScopeMissing
from ledger_service.traceability.prefixes.rules import PATTERN
from ledger_service.traceability.standing.rules import NAME

_PATH_PARAMETER = re.compile(r"<(?:path:)?([a-z_]+)>")

# What each path parameter is, wherever it occurs.
PATH_PARAMETERS = {
    "date": (shapes.DATE, "Business date, YYYY-MM-DD."),
    "hold": (shapes.HEX_ID, "Id of the hold, 32 hex digits, as the authorisation answered it."),
    "sale": (shapes.HEX_ID, "Id of the sale, 32 hex digits."),
    "number": (shapes.NUMBER, "Member number (GSRN), 18 digits."),
    "code": (shapes.PROGRAMME, "Code of the programme."),
    "problem": (Text(pattern="[a-z0-9-]{1,64}"), "Code of the problem."),
    "prefix": (Text(pattern=PATTERN), "GS1 company prefix, 4 to 12 digits."),
    "query_name": (Text(pattern=NAME), "Name of the query."),
    "subscription": (shapes.HEX_ID, "Id of the subscription, 32 hex digits."),
    "gtin": (Text(pattern="[0-9]{14}"), "GTIN of the product, 14 digits."),
    "serial": (Text(pattern="[0-9A-Za-z]{12}"), "Serial of the item, 12 characters."),
    "gln": (shapes.GLN, "GLN, 13 digits."),
    "terminal": (shapes.TERMINAL, "Id of the terminal."),
    "key": (shapes.KEY_ID, "Public id of an API key."),
    "device": (Text(pattern="[0-9]{1,10}"), "Lane of the device."),
    "adjustment": (shapes.HEX_ID, "Id of the adjustment, 32 hex digits."),
    "retry": (shapes.HEX_ID, "Id of the request to try an operation again, 32 hex digits."),
    "link": (Text(24), "Code of a share link, as it was made or as somebody typed it."),
    "campaign": (Text(32), "Code of the referral campaign."),
    "reward": (shapes.HEX_ID, "Id of the reward, 32 hex digits."),
    "limit": (shapes.HEX_ID, "Id of proposed limits, 32 hex digits."),
    "operation": (shapes.HEX_ID, "Id of the operation, 32 hex digits."),
    "passkey": (shapes.HEX_ID, "Id of the passkey, 32 hex digits."),
    "case": (shapes.HEX_ID, "Id of the case, 32 hex digits."),
    "cashier": (shapes.CASHIER, "The merchant's own name of a cashier."),
    "code_id": (shapes.HEX_ID, "Id of the one-time code, 32 hex digits; not the code."),
    "claim": (shapes.HEX_ID, "Id of the claim, 32 hex digits."),
    "coupon": (shapes.HEX_ID, "A coupon in the member's wallet"),
    "household": (shapes.NUMBER, "Number of the household (GSRN), 18 digits."),
    "challenge": (shapes.HEX_ID, "Id of the challenge, 32 hex digits."),
    "decision": (shapes.HEX_ID, "Id of the decision, 32 hex digits."),
    "review": (shapes.HEX_ID, "Id of the review, 32 hex digits."),
    "scope": (Text(pattern="alliance|[0-9]{13}"), "`alliance`, or the GLN of a merchant."),
    "version": (Text(pattern="[0-9]{1,9}"), "Version of the rules."),
    "capture": (shapes.HEX_ID, "Id of the capture job, 32 hex digits."),
    "epc": (Text(1_024), "EPC or class: a Digital Link or an EPC URI, percent-encoded."),
    "event": (Text(1_024), "eventID, percent-encoded."),
    "resource": (Text(1_024), "A word of the CBV, a URI or a GS1 key, percent-encoded."),
    "period": (Text(pattern="[0-9]{1,10}"), "Number of the settlement period."),
    "batch": (Text(pattern="[0-9]{1,12}"), "Number of the batch."),
    "segment": (shapes.HEX_ID, "Id of the segment, 32 hex digits."),
    "consent": (shapes.HEX_ID, "Id of the consent, 32 hex digits."),
    "webhook": (shapes.HEX_ID, "Id of the webhook endpoint, 32 hex digits."),
    "value_card": (shapes.HEX_ID, "Id of the stored-value card, 32 hex digits; not its code."),
    "ticket": (shapes.HEX_ID, "Id of the ticket, 32 hex digits; not its code."),
    "digital_link": (Text(1_024), "What of a GS1 Digital Link stands behind /01/: GTIN and qualifiers."),
}


def path_template(route: Route) -> str:
    """The route's path as the document writes it, with braces."""
    return _PATH_PARAMETER.sub(r"{\1}", route.path)


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
        path = path_template(route)
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
            "schemas": _named_schemas(routes) | {"Problem": PROBLEM},
            "headers": HEADERS,
        },
    }


def problems_of(route: Route) -> list[Problem]:
    """Every refusal that a route documents: its own and those of the door in front of it."""
    found: list[Problem] = list(route.problems)
    if route.query or route.path.count("<"):
        found.append(MalformedField)
    if "cursor" in route.query:
        found.append(CursorRefused)
    if route.method not in ("GET", "OPTIONS"):
        found += [MalformedBody, MalformedField, BodyTooLarge, BodyTooSlow, MediaTypeUnsupported]
    if route.dialect.unmet is not None:
        found += [AddressTooLong, NotAcceptable]
    if route.write:
        found += [IdempotencyKeyMissing, IdempotencyKeyMalformed]
    if route.scopes:
        found += [
            CredentialsMissing,
            CredentialsRefused,
            ScopeMissing,
            RateLimited,
            ReplayClockRefused,
            ReplayTimeOutOfRange,
            MalformedField,
            ServiceBusy,
            StorageUnavailable,
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
        types = ("application/json", *route.dialect.media_types)
        content = {media_type: {"schema": route.body.describe()} for media_type in types}
        found["requestBody"] = {"required": _needs_body(route.body), "content": content}
    found["responses"] = responses_of(route, problems_of(route))
    return found


def _needs_body(body: Schema) -> bool:
    """No body means the empty object, which is enough where no field is required."""
    plain = body.inner if isinstance(body, Named) else body
    return not isinstance(plain, Record) or bool(plain.required)


def _parameters(route: Route) -> list[Json]:
    found: list[Json] = []
    for name in _PATH_PARAMETER.findall(route.path):
        schema, about = PATH_PARAMETERS[name]
        found.append(
            {"name": name, "in": "path", "required": True, "schema": schema.describe(), "description": about}
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
        instant = {"type": "string", "format": "date-time"}
        about = "The instant of the request; taken in replay mode only, else refused."
        found.append(
            {
                "name": "Alliance-Time",
                "in": "header",
                "required": False,
                "schema": instant,
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
    elif isinstance(schema, Either):
        for inner in schema.choices:
            yield from _named(inner)


_ABOUT = (
    "Every write takes an Idempotency-Key and a retry gets the first answer. Every refusal is a problem "
    "document (RFC 9457) with a stable `code`. Amounts of money are integers in minor units, points are "
    "integers, times are RFC 3339 in UTC, ids are lower-case hex."
)
