"""What a screen declares, what its handler is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.web.formats import Formats
from ledger_service.web.ports import Answer, Api, Ask, Who
from ledger_service.web.sessions.rules import Session
from ledger_service.web.sessions.service import Sessions
from ledger_service.web.wording import say

PUBLIC: frozenset[str] = frozenset()
HOMES = {
    "member": "/me",
    "cashier": "/till",
    "merchant": "/merchant",
    "auditor": "/audit",
    "operator": "/operator",
}
# The form field with the key under which a write is done once, however often the form is sent.
ONCE = "once"


class Problem(Exception):
    """The API refused something that a page cannot do without; the page of the refusal is shown instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class StepUp(Exception):
    """A risky act: the key must be entered again first."""


@dataclass(frozen=True, slots=True)
class Page:
    """A template with what it shows; ``status`` is that of the HTTP answer."""

    template: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Go:
    """To another page of ours, by GET; on the way a session may begin or end, or a language be chosen."""

    to: str
    begins: bytes | None = None
    ends: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes under a name, or an image to be shown; a long file comes in parts, so that none is held whole."""

    raw: bytes | Iterable[bytes]
    media_type: str
    name: str | None = None


@dataclass(frozen=True)
class Visit:
    """One request of a page: who, in which language, with which form, and the way to the API.

    ``contracts`` and ``desk``: the arguments by which a command that the page shows finds both on a chain.
    """

    api: Api
    sessions: Sessions
    who: Who | None
    session: Session | None
    formats: Formats
    at: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    address: str = ""
    agent: str = ""
    contracts: str = ""
    desk: str = ""

    @property
    def me(self) -> Who:
        """Who is logged in.

        Raises:
            LookupError: nobody, which cannot happen on a screen with roles.
        """
        if self.who is None:
            raise LookupError("a screen with roles has somebody before it")
        return self.who

    def say(self, key: str, **values: object) -> str:
        """A text in the visitor's language."""
        return say(self.formats.language, key, **values)

    def ask(self, path: str, **query: str) -> Answer:
        """What a GET of the API answers, good or not."""
        return self.api.call(self.who, Ask("GET", path, query=query), self.address)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The document of a GET of the API.

        Raises:
            Problem: it was refused.
        """
        answer = self.ask(path, **query)
        if not answer.good:
            raise Problem(answer)
        return answer.document

    def do(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Answer:
        """What a write answers, done once for the form's own key, however often the form is sent."""
        key = f"web-{self.form.get(ONCE, '')}"
        return self.api.call(self.who, Ask(method, path, body, key=key), self.address)

    def must(self, path: str, body: Mapping[str, Any], method: str = "POST") -> dict[str, Any]:
        """The document of a write.

        Raises:
            Problem: it was refused.
        """
        answer = self.do(path, body, method)
        if not answer.good:
            raise Problem(answer)
        return answer.document

    def step_up(self) -> None:
        """The key was entered a moment ago.

        Raises:
            StepUp: it was not.
        """
        if self.session is None or not self.session.fresh(self.at):
            raise StepUp


def own_path(text: str | None, otherwise: str) -> str:
    """A path of ours and of nobody else's, whatever a link says."""
    plain = text is not None and text.startswith("/") and not text.startswith(("//", "/\\"))
    if text is None or not plain or any(ord(c) < 33 for c in text):
        return otherwise
    return text


Handler = Callable[[Visit], Page | Go | Download]


@dataclass(frozen=True, slots=True)
class Screen:
    """One method of one path: for which roles, and what answers; ``PUBLIC`` must be written out.

    ``labels`` say by their keys what the fields of its form are called, where their names do not.
    """

    method: str
    path: str
    name: str
    roles: frozenset[str]
    handler: Handler
    labels: Mapping[str, str] = field(default_factory=dict)


def roles(*names: str) -> frozenset[str]:
    """These roles."""
    return frozenset(names)
