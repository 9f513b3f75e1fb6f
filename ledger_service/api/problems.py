"""Domain errors as RFC 9457 problem documents; the only place where a refusal becomes a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson

from ledger_service.kernel.errors import DomainError

PROBLEM_TYPE = "application/problem+json"
INTERNAL_CODE = "internal-error"


def problem_of(error: DomainError, request_id: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return status, document and extra headers of a refusal.

    Retry-After is there for every refusal that a later try can mend: 429, 503 and what names
    ``retry_after_seconds``. A 401 names the scheme, a 405 the methods.
    """
    status = int(error.category)
    return status, orjson.dumps(problem_document(error, request_id)), _headers(status, error.params)


def problem_document(error: DomainError, request_id: str) -> dict[str, Any]:
    """The document of a refusal; a batch has one for each refused item."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.why,
        "status": int(error.category),
        "code": error.code,
        "params": error.params,
        "request_id": request_id,
    }


def internal_problem(request_id: str) -> bytes:
    """The document of a bug: a trace id and nothing else."""
    return orjson.dumps(
        {
            "type": f"/problems/{INTERNAL_CODE}",
            "title": "The service failed; nothing was done.",
            "status": 500,
            "code": INTERNAL_CODE,
            "request_id": request_id,
        }
    )


def reason_phrase(status: int) -> str:
    """Status code and phrase as WSGI wants them."""
    return _PHRASES.get(status) or f"{status} {HTTPStatus(status).phrase}"


def _headers(status: int, params: dict[str, Any]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    wait = params.get("retry_after_seconds")
    if wait is not None or status in (429, 503):
        headers.append(("Retry-After", str(wait if wait is not None else 1)))
    if status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="alliance"'))
    if status == 405 and params.get("allowed"):
        headers.append(("Allow", str(params["allowed"])))
    return headers


_PHRASES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
