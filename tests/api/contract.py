"""Holds every answer against the OpenAPI document: status, problem code, media type, shape."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from ledger_service.bootstrap.doors import openapi_document

DOCUMENT = openapi_document()
_PATHS = [(re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path) + r"\Z"), path) for path in DOCUMENT["paths"]]
SEEN: set[tuple[str, str]] = set()


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The documented operation of a request; literal paths win over parameters."""
    found = [p for pattern, p in _PATHS if pattern.fullmatch(path)]
    for candidate in sorted(found, key=lambda p: p.count("{")):
        operation = DOCUMENT["paths"][candidate].get(method.lower())
        if operation is not None:
            return dict(operation)
    return None


def check(method: str, path: str, answer: TestResponse) -> None:
    """The answer is one that the document names."""
    operation = operation_of(method, path.partition("?")[0])
    if operation is None:
        assert answer.status_code in (404, 405)
        return
    name, status = operation["operationId"], str(answer.status_code)
    documented = operation["responses"].get(status)
    assert documented is not None, (
        f"{name} answers {status}, which is not documented: {answer.get_data()[:300]!r}"
    )
    if answer.status_code == 204:
        assert not answer.get_data()
        SEEN.add((name, status))
        return
    media = answer.headers["Content-Type"].partition(";")[0]
    assert media in documented["content"], f"{name} {status} answers {media}"
    SEEN.add((name, status))
    if "json" not in media:
        return
    if "x-problem-codes" in documented:
        code = answer.json["code"]
        assert code in documented["x-problem-codes"], (
            f"{name} {status} answers {code}, which is not documented"
        )
        SEEN.add((name, code))
    schema = {**documented["content"][media]["schema"], "components": DOCUMENT["components"]}
    errors = list(Draft202012Validator(schema).iter_errors(answer.json))
    assert not errors, f"{name} {status}: {errors[0].message} at {list(errors[0].path)}"
