"""The document's links lead from one answer to a request that exists, with what that request needs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ledger_service.api.links import LINKS
from tests.api.contract import DOCUMENT

OPERATIONS = {op["operationId"]: (path, op) for path, methods in DOCUMENT["paths"].items()
              for op in methods.values()}  # fmt: skip
PAIRS = [(source, link) for source, links in LINKS.items() for link in links]
_EXPRESSION = re.compile(r"\{?\$(response\.body#|request\.path)[/.]([a-z_0-9/]+)\}?")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def expressions(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in expressions(inner)]
    return [value] if "$" in value else []


def stands_in(schema: dict[str, Any], pointer: str) -> bool:
    """A pointer leads to a field of the schema."""
    for step in pointer.split("/"):
        schema = resolved(schema)
        schema = schema["items"] if step.isdigit() else schema.get("properties", {}).get(step, {})
    return bool(schema)


@pytest.mark.parametrize(("source", "link"), PAIRS, ids=lambda x: x if isinstance(x, str) else x.route)
def test_a_link_names_parameters_of_its_route_and_fields_of_the_answer(source: str, link: Any) -> None:
    path, operation = OPERATIONS[source]
    target_path, target = OPERATIONS[link.route]
    known = {p["name"] for p in target.get("parameters", ())}
    assert set(link.parameters) <= known
    assert {p["name"] for p in target.get("parameters", ()) if p["in"] == "path"} <= set(link.parameters)
    good = next(answer for status, answer in operation["responses"].items() if status < "300")
    assert good["links"][link.route] == link.describe()
    found = expressions({"p": link.parameters, "b": link.body})
    assert found, f"{source} -> {target_path} carries nothing over"
    for text in found:
        place, name = _EXPRESSION.fullmatch(text).groups()
        if place == "request.path":
            assert f"{{{name}}}" in path, text
        else:
            assert stands_in(good["content"]["application/json"]["schema"], name), text
