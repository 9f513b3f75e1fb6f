"""The docs page and the pages of problem codes: HTML made from the OpenAPI document, without script."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from ledger_service.api.problems import INTERNAL_CODE
from ledger_service.kernel.errors import DomainError, registered_errors

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid currentColor; }
details { margin: .4rem 0; } summary { cursor: pointer; padding: .2rem 0; }
code { font: .9em/1.4 ui-monospace, monospace; }
.method { display: inline-block; min-width: 4.5em; font-weight: 700; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem;
border-top: 1px solid; }
"""
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
HTML_TYPE = "text/html; charset=utf-8"


def docs_page(document: dict[str, Any]) -> bytes:
    """Every route of the OpenAPI document with its parameters, body and answers, readable without tools."""
    info = document["info"]
    parts = [f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"]
    parts.append(f"<p>{escape(info['description'])}</p>")
    parts.append('<p><a href="/openapi.json">openapi.json</a> (OpenAPI 3.1)</p>')
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        parts += [_operation(path, method, operation)
                  for path, methods in document["paths"].items() for method, operation in methods.items()
                  if operation["tags"] == [tag["name"]]]  # fmt: skip
    return _page("Alliance Ledger API", "\n".join(parts))


def problem_page(code: str) -> bytes | None:
    """What a problem's ``type`` leads to: why it happens and how to fix it; None for no such code."""
    if code == INTERNAL_CODE:
        why = "The service met a state its authors did not foresee. Nothing was done."
        return _problem(code, 500, why, "Send the same request with the same Idempotency-Key again; tell the "
                                        "operator the request id when it happens twice.")  # fmt: skip
    for error in registered_errors():
        if error.code == code:
            return _problem(code, int(error.category), error.why, error.fix)
    return None


def _problem(code: str, status: int, why: str, fix: str) -> bytes:
    body = f"<h1>{escape(code)}</h1><p>Status {status}</p><h2>Why</h2><p>{escape(why)}</p>"
    return _page(
        code, f"{body}<h2>How to fix it</h2><p>{escape(fix)}</p><p><a href='/docs'>All routes</a></p>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    verb, summary = method.upper(), escape(operation["summary"])
    head = f'<span class="method">{verb}</span><code>{escape(path)}</code> {summary}'
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{_answer(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    about = escape(operation.get("description", "Open to everybody."))
    return (
        f"<details id='{escape(operation['operationId'])}'><summary>{head}</summary><p>{about}</p>"
        f"{_parameters(operation)}{_body(operation)}<table>{rows}</table></details>"
    )


def _answer(answer: dict[str, Any]) -> str:
    codes = answer.get("x-problem-codes")
    if not codes:
        return escape(answer["description"])
    return "<br>".join(
        f"<a href='/problems/{escape(code)}'><code>{escape(code)}</code></a>" for code in codes
    )


def _parameters(operation: dict[str, Any]) -> str:
    items = [f"<li><code>{escape(p['name'])}</code> ({p['in']}): {escape(p['description'])}</li>"
             for p in operation.get("parameters", ())]  # fmt: skip
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _body(operation: dict[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    fields = ", ".join(schema.get("properties", ())) or name or "an empty object"
    return f"<p>Body: <code>{escape(fields)}</code></p>"


def _page(title: str, body: str) -> bytes:
    head = (
        f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
    )
    whole = f"<html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"
    return f"<!doctype html>{whole}".encode()


def documented_errors() -> list[type[DomainError]]:
    """Every refusal that exists, in the order of the codes; complete once all rooms are imported."""
    return registered_errors()
