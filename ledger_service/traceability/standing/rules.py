"""What a named query may hold: the parameters of a search, their values in lists as EPCIS 2.0 writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.epcis.searching import check_limit, is_parameter, parse_search

MOST_QUERIES = 100
NAME = "[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
_NAME = re.compile(NAME)
_LONGEST = 8_000


def check_query_name(value: object) -> str:
    """The name, which stands in a path as it is.

    Raises:
        MalformedField: another shape.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise MalformedField("name", "must be 1 to 64 letters, digits, '.', '_', '~' or '-'")
    return value


def parameters_of(query: object) -> dict[str, str]:
    """The parameters of a search, as a query string would hold them.

    Raises:
        MalformedField: no object, a parameter that is not known, or a value that it does not have.
    """
    if not isinstance(query, Mapping):
        raise MalformedField("query", "must be an object")
    for name in query:
        if not is_parameter(name):
            raise MalformedField(f"query.{name}", "is no parameter that is offered here")
    found = {name: _text(query[name], f"query.{name}") for name in query}
    check_limit(found)
    parse_search(found)
    return found


def _text(value: Any, where: str) -> str:
    texts = [_one(part, where) for part in (value if isinstance(value, list) else [value])]
    whole = "|".join(texts)
    if not texts or len(whole) > _LONGEST:
        raise MalformedField(where, f"must be values of together 1 to {_LONGEST} characters")
    return whole


def _one(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if not isinstance(value, str) or "|" in value:
        raise MalformedField(where, "must be text without |, a number, true, false, or a list of those")
    return value
