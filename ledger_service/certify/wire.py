"""One exchange with the service, by the certifier itself or passed on for a till."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ledger_service.certify.failures import CertificationFailed

_TIMEOUT_SECONDS = 30
_NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object of the body; empty where there is none."""
        try:
            found = json.loads(self.body) if self.body else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        return str(self.document.get("code", self.status))


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a till sent it."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def exchange(host: str, port: int, request: Request) -> Reply:
    """The service's answer.

    Raises:
        OSError, http.client.HTTPException: none came.
    """
    headers = {name: value for name, value in request.headers if name.lower() not in _NOT_PASSED_ON}
    with closing(http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)) as connection:
        connection.request(request.method, request.path, request.body or None, headers)
        answer = connection.getresponse()
        body = answer.read()
    kept = tuple(pair for pair in answer.getheaders() if pair[0].lower() not in _NOT_PASSED_ON)
    return Reply(answer.status, kept, body)


@dataclass(slots=True)
class Office:
    """The certifier's own line to the service, with keys that a till never has."""

    host: str
    port: int
    run: str
    writes: int = 0

    def post(self, key: str, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """A write that must succeed.

        Raises:
            CertificationFailed: it did not.
        """
        return self._write("POST", (key, path), body, headers)

    def put(self, key: str, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """A write of a whole thing that must succeed.

        Raises:
            CertificationFailed: it did not.
        """
        return self._write("PUT", (key, path), body, headers)

    def get(self, key: str, path: str, **headers: str) -> dict[str, Any]:
        """A resource.

        Raises:
            CertificationFailed: it is not to be had.
        """
        return self._must("GET", (key, path), b"", headers)

    def _write(
        self, method: str, where: tuple[str, str], body: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any]:
        self.writes += 1
        name = headers.pop("idempotency", f"{self.run}.{self.writes}")
        return self._must(method, where, json.dumps(body).encode(), {"Idempotency-Key": name, **headers})

    def _must(
        self, method: str, where: tuple[str, str], body: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        key, path = where
        whole = {"Content-Type": "application/json", **headers}
        if key:
            whole["Authorization"] = f"Bearer {key}"
        try:
            reply = exchange(self.host, self.port, Request(method, path, tuple(whole.items()), body))
        except (OSError, http.client.HTTPException) as failure:
            raise CertificationFailed(f"{method} {path}: {failure}") from None
        if reply.status >= 300:
            raise CertificationFailed(f"{method} {path}: {reply.status} {reply.body[:400]!r}")
        return reply.document
