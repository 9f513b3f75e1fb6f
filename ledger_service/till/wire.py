"""One HTTP exchange with the service: an answer, or no answer and whether the request may have arrived."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ledger_service.till.refusals import NoAnswer

_PASSING = frozenset({409, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of an answer."""

    status: int
    document: dict[str, Any]

    @property
    def good(self) -> bool:
        """Whether it was done, or found."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether the same request may fare better later, so that nothing is known of it."""
        return self.status in _PASSING or self.status >= 500

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        return str(self.document.get("code", self.status))


@dataclass(frozen=True, slots=True)
class Service:
    """The service at a URL, asked with one API key; every exchange is bounded in time."""

    url: str
    api_key: str
    timeout_millis: int

    def get(self, path: str) -> Answer:
        """Read a resource.

        Raises:
            NoAnswer: none came in time.
        """
        return self._exchange("GET", path, None, {})

    def post(self, path: str, body: bytes, key: str | None = None) -> Answer:
        """Send finished bytes; ``key`` is the idempotency key of a write.

        Raises:
            NoAnswer: none came in time.
        """
        return self._exchange("POST", path, body, {} if key is None else {"Idempotency-Key": key})

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        sent = False
        whole = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json", **headers}
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                sent = True
                connection.request(method, path, body, whole)
                answer = connection.getresponse()
                raw = answer.read()
            return Answer(answer.status, _document(raw))
        except (OSError, http.client.HTTPException, ValueError) as failure:
            raise NoAnswer(f"{method} {path}: {failure}", sent=sent) from None

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout_millis / 1000)


def _document(raw: bytes) -> dict[str, Any]:
    found = json.loads(raw) if raw else {}
    return found if isinstance(found, dict) else {}
