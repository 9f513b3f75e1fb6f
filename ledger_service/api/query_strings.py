"""The query string of a request: only what the route declares, each once and of its form."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from ledger_service.api.routes import Route
from ledger_service.api.schema import shown
from ledger_service.kernel.errors import MalformedField


def query_of(environ: dict[str, Any], route: Route) -> dict[str, str]:
    """The declared parameters that came.

    Raises:
        MalformedField: one that is not declared, came twice, is missing, or has another form.
    """
    text = environ.get("QUERY_STRING") or ""
    if not text and not route.query:
        return {}
    query: dict[str, str] = {}
    for name, value in _pairs(text):
        declared = route.query.get(name)
        schema = route.dialect.formed(name) if declared is None else declared.schema
        if schema is None or name in query:
            raise MalformedField(f"query.{shown(name)}", "is not a known parameter, or came twice")
        schema.check(value, f"query.{name}")
        query[name] = value
    for name, parameter in route.query.items():
        if parameter.required and name not in query:
            raise MalformedField(f"query.{name}", "is required")
    return query


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise MalformedField("query", "must be a query string in UTF-8") from None
