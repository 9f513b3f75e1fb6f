"""Terms of coupons as callers write them: merchants and stores by GLN, all else as ``coupons.terms``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ledger_service.coupons.terms.text import terms_json
from ledger_service.coupons.terms.values import Terms
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln

Json = dict[str, Any]
_FIXED = ("definition", "version", "merchant", "currency")
_PLACES = ("merchants", "stores")


def raw_of(given: Json) -> Json:
    """What a caller wrote, with ids for GLNs; everything else is judged by ``terms_of``.

    Raises:
        MalformedField: a GLN that is none, or what the definition says itself.
    """
    for name in _FIXED:
        if name in given:
            raise MalformedField(f"terms.{name}", "is said by the definition")
    return _changed(given, parse_gln)


def shown_terms(terms: Terms) -> Json:
    """The terms as a caller may write them again."""
    body = {name: one for name, one in orjson.loads(terms_json(terms)).items() if name not in _FIXED}
    return _changed(body, lambda gln, _: gln_text(gln))


def _changed(body: Json, change: Callable[[Any, str], object]) -> Json:
    found = dict(body)
    funders, scope = found.get("funders"), found.get("scope")
    if isinstance(funders, list):
        found["funders"] = [
            {**one, "party": change(one["party"], f"terms.funders[{i}].party")}
            if isinstance(one, dict) and "party" in one else one
            for i, one in enumerate(funders)
        ]  # fmt: skip
    if isinstance(scope, dict):
        changed = {
            name: [change(one, f"terms.scope.{name}[{i}]") for i, one in enumerate(scope[name])]
            for name in _PLACES
            if isinstance(scope.get(name), list)
        }
        found["scope"] = {**scope, **changed}
    return found
