"""How a standard of others has a route speak where that is not our own way: sizes, media types, headers,
the types of problems. Everything else about the route stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger_service.api.door import MOST_BODY_BYTES
from ledger_service.api.schema import Schema
from ledger_service.kernel.errors import DomainError


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A standard's ways.

    Attributes:
        most_bytes: how long a body may be.
        media_types: of JSON bodies, beside application/json.
        asked: the request's headers that the endpoint is given; `:address` is where it came from and
            `:query` what stood behind the path, which are no headers.
        told: headers of every answer.
        problem_types: the ``type`` of a problem by its status; ``code`` stays ours.
        keeps_body: whether the endpoint is given the body's bytes beside its fields.
        unmet: how a request is refused whose wishes for the answer cannot be met; None where all can.
        free_query: whether the query is the endpoint's to read, as `:query`.
        forms: parameters of the query that the standard names by a pattern, and what they may hold.
    """

    most_bytes: int = MOST_BODY_BYTES
    media_types: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    problem_types: Mapping[int, str] = field(default_factory=dict)
    free_query: bool = False
    forms: tuple[tuple[re.Pattern[str], Schema], ...] = ()
    keeps_body: bool = False
    unmet: Callable[[Mapping[str, Any]], DomainError | None] | None = None

    def formed(self, name: str) -> Schema | None:
        """What a parameter may hold that is named by a pattern; None where it is no such one."""
        return next((schema for pattern, schema in self.forms if pattern.fullmatch(name)), None)

    def headers_of(self, environ: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a request that the standard knows."""
        names = {
            name: _VARIABLES.get(name) or f"HTTP_{name.upper().replace('-', '_')}" for name in self.asked
        }
        return {name: environ[variable] for name, variable in names.items() if variable in environ}

    def worded(self, status: int, problem: bytes) -> bytes:
        """A problem document with the standard's type."""
        given = self.problem_types.get(status)
        return problem if given is None else orjson.dumps(orjson.loads(problem) | {"type": given})


_VARIABLES = {":address": "REMOTE_ADDR", ":query": "QUERY_STRING"}
OURS = Dialect()
