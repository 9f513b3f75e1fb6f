"""What the screens need of the rest: the API in process, and the keys that people enter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Who:
    """Whose key it is: the key's id, its role, and whom it speaks for.

    ``merchant`` is the GLN behind a merchant's or a till's key, ``store`` that of a till; ``subject`` is a
    member's number, a terminal, a GLN, or the name of an auditor or operator. ``principal`` is the API's own.
    """

    key_id: str
    role: str
    subject: str
    merchant: str | None = None
    store: str | None = None
    principal: Any = field(default=None, repr=False, compare=False)

    @property
    def owner(self) -> str:
        """Whose sessions belong together: a member has a key for each log-in, an office one key for all."""
        return f"member:{self.subject}" if self.role == "member" else f"key:{self.key_id}"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a declared route; ``key`` is the idempotency key of a write."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the route answered: the document where it is JSON, else the bytes; ``file`` is a file's name."""

    status: int
    document: dict[str, Any]
    media_type: str
    raw: bytes = field(repr=False, default=b"")
    file: str | None = None

    @property
    def good(self) -> bool:
        """Whether it did what was asked."""
        return self.status < 400


class Limited(Exception):
    """So many wrong keys came from an address that it waits."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds


class Api(Protocol):
    """The declared API in the same process, with all that stands before an endpoint."""

    def identify(self, token: str, address: str) -> Who | None:
        """Whose key this text is, while it is in force.

        Raises:
            Limited: nobody's, and so were many before from this address.
        """

    def known(self, key_id: str) -> Who | None:
        """Who a key that was entered before speaks for; None once it is not in force any more."""

    def call(self, who: Who | None, ask: Ask, address: str = "") -> Answer:
        """The answer of the route to this caller; never raises for what the caller asked."""
