"""Health, readiness, metrics, the OpenAPI document, the docs page and the pages of problem codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from ledger_service.api.errors import RouteUnknown, ServiceNotReady
from ledger_service.api.metrics import EXPOSITION_TYPE, Metrics
from ledger_service.api.pages import HTML_TYPE, PAGE_POLICY, docs_page, problem_page
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Flag, Free, Listing, Record, Text

_GROUP = "Service"
_TEXT = Success(200, "A page.", media_types=("text/html",))
_PAGE_HEADERS = (("Content-Security-Policy", PAGE_POLICY),)

HEALTH = Route(
    "GET", "/healthz", "health", PUBLIC, "Whether the process answers", group=_GROUP, personal=False,
    success=Success(200, "It does.", Record({"status": Text(one_of=("ok",))})),
)  # fmt: skip
READY = Route(
    "GET", "/readyz", "ready", PUBLIC, "Whether checkouts can be served; the chain does not matter",
    success=Success(200, "Database, migrations and writer are in order.",
                    Record({"status": Text(one_of=("ready",)), "replay": Flag(), "notes": Listing(Text())})),
    group=_GROUP, problems=(ServiceNotReady,), personal=False,
)  # fmt: skip
METRICS = Route(
    "GET", "/metrics", "metrics", PUBLIC, "Prometheus metrics", group=_GROUP, personal=False,
    success=Success(200, "The text format.", media_types=("text/plain",)),
)  # fmt: skip
OPENAPI = Route(
    "GET", "/openapi.json", "openapi", PUBLIC, "This document", group=_GROUP, personal=False,
    success=Success(200, "OpenAPI 3.1.", Free("The OpenAPI document.")),
)  # fmt: skip
DOCS = Route("GET", "/docs", "docs", PUBLIC, "The API as a page", group=_GROUP, success=_TEXT, personal=False)
PROBLEM = Route(
    "GET", "/problems/<problem>", "problem", PUBLIC, "What a problem code means and how to fix it",
    group=_GROUP, success=_TEXT, problems=(RouteUnknown,), personal=False,
)  # fmt: skip
ROUTES = (HEALTH, READY, METRICS, OPENAPI, DOCS, PROBLEM)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What stands in the way of checkouts (first part named is answered), and what is only worth a note."""

    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusParts:
    """What these endpoints need: readiness as found now, the metrics, the document, whether replay is on."""

    readiness: Callable[[], Readiness]
    metrics: Metrics
    document: Callable[[], dict[str, Any]]
    replay: bool


def served(parts: StatusParts) -> list[Served]:
    """The routes of this module bound to their endpoints; what documents them is made when asked for."""

    @cache
    def document() -> bytes:
        return orjson.dumps(parts.document(), option=orjson.OPT_INDENT_2)

    @cache
    def page() -> bytes:
        return docs_page(parts.document())

    def ready(_call: Call) -> Reply:
        found = parts.readiness()
        if found.missing:
            raise ServiceNotReady(found.missing[0], 2)
        return Reply({"status": "ready", "replay": parts.replay, "notes": list(found.notes)})

    def metrics(_call: Call) -> Reply:
        return Reply(parts.metrics.exposition(), media_type=EXPOSITION_TYPE)

    return [
        Served(HEALTH, lambda _call: Reply({"status": "ok"})),
        Served(READY, ready),
        Served(METRICS, metrics),
        Served(OPENAPI, lambda _call: Reply(document())),
        Served(DOCS, lambda _call: Reply(page(), media_type=HTML_TYPE, headers=_PAGE_HEADERS)),
        Served(PROBLEM, _problem),
    ]


def _problem(call: Call) -> Reply:
    page = problem_page(call.path["problem"])
    if page is None:
        raise RouteUnknown
    return Reply(page, media_type=HTML_TYPE, headers=_PAGE_HEADERS)
