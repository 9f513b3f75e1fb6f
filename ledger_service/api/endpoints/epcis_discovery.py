"""The REST binding of EPCIS 2.0, discovery: which resources there are, and what each of them can."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version

from ledger_service.api.endpoints import (
    epcis,
    epcis_lists,
    epcis_queries,
    epcis_standing,
    epcis_subscriptions,
)
from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.endpoints.epcis_wants import FORM_OF_NAMES, VERSION
from ledger_service.api.errors import RouteUnknown
from ledger_service.api.openapi import PATH_PARAMETERS
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.traceability.epcis import vocabulary as words

_ANY = scopes("trace:read", "trace:write")
# What each collection holds that is the same for everybody.
_HELD = {
    "": ("bizLocations", "bizSteps", "capture", "dispositions", "epcs", "eventTypes", "events", "queries",
         "readPoints"),
    "/eventTypes": sorted(words.PROPERTIES), "/bizSteps": sorted(words.STEPS),
    "/dispositions": sorted(words.DISPOSITIONS),
}  # fmt: skip
COLLECTIONS = tuple(
    Route(
        "GET", f"/epcis{path}", f"list-{path.removeprefix('/').lower() or 'resources'}", _ANY,
        f"What there is of {path.removeprefix('/') or 'resources'}", group=shapes.GROUP,
        success=Success(200, "All of it on one page.", shapes.COLLECTION), dialect=shapes.PLAIN,
    )
    for path in _HELD
)  # fmt: skip
SINGLE = tuple(
    Route(
        "GET", f"/epcis/{name}/<path:{key}>", f"show-one-of-{name.lower()}", _ANY,
        f"What there is to one of the {name}: its events", group=shapes.GROUP,
        success=Success(200, "The resources behind it.", shapes.COLLECTION), dialect=shapes.PLAIN,
        problems=(RouteUnknown,),
    )
    for name, key in (
        ("bizLocations", "resource"), ("bizSteps", "resource"), ("dispositions", "resource"), ("epcs", "epc"),
        ("eventTypes", "resource"), ("readPoints", "resource"),
    )
)  # fmt: skip
_DESCRIBED = (
    *epcis.ROUTES, *epcis_lists.ROUTES, *epcis_queries.ROUTES, *epcis_standing.ROUTES,
    *epcis_subscriptions.ROUTES, *COLLECTIONS, *SINGLE,
)  # fmt: skip
_METHODS: dict[str, list[Route]] = {}
for _route in _DESCRIBED:
    _METHODS.setdefault(_route.path, []).append(_route)
OPTIONS = tuple(
    Route(
        "OPTIONS", path, f"options-of-{min(routes, key=lambda r: r.method).name}",
        frozenset[str]().union(*(route.scopes for route in routes)),
        "Versions, forms and methods, as headers", group=shapes.GROUP,
        success=Success(204, "The headers.", media_types=()), dialect=shapes.PLAIN,
        problems=(RouteUnknown,) if "<" in path else (),
    )
    for path, routes in _METHODS.items()
)  # fmt: skip
ROUTES = (*COLLECTIONS, *SINGLE, *OPTIONS)


def served() -> list[Served]:
    """The routes of this module bound to their endpoints; they need nothing that is stored."""
    collections = [Served(route, _collection(list(held))) for route, held in
                   zip(COLLECTIONS, _HELD.values(), strict=True)]  # fmt: skip
    single = [Served(route, _collection(["events"])) for route in SINGLE]
    options = [Served(route, _described(route.path)) for route in OPTIONS]
    return [*collections, *single, *options]


def _collection(members: list[str]) -> Callable[[Call], Reply]:
    body = shapes.collection(members)
    return lambda call: Reply(_checked(call, body))


def _described(path: str) -> Callable[[Call], Reply]:
    headers = tuple(_headers(path, (route.method for route in _METHODS[path])))
    return lambda call: Reply(_checked(call, b""), 204, headers=headers)


def _checked(call: Call, answer: bytes) -> bytes:
    """The answer, which is the same for every name that can be one.

    Raises:
        MalformedField: a name in the path is none.
    """
    for name, value in call.path.items():
        PATH_PARAMETERS[name][0].check(value, name)
    return answer


def _headers(path: str, methods: Iterable[str]) -> Iterable[tuple[str, str]]:
    yield "Allow", ", ".join([*sorted(set(methods)), "OPTIONS"])
    for standard in ("EPCIS", "CBV"):
        yield f"GS1-{standard}-Min", VERSION
        yield f"GS1-{standard}-Max", VERSION
    yield "GS1-CBV-XML-Format", FORM_OF_NAMES
    yield "GS1-Vendor-Version", _own_version()
    if path in (epcis.CAPTURE.path, epcis.EVENT.path):
        yield from shapes.LIMITS
        # A server that knows both ways says so with this word.
        yield shapes.BEHAVIOUR, "all"


@cache
def _own_version() -> str:
    # Looked up among the installed packages' files, which takes milliseconds.
    return version("ledger_service")
