"""What a route declares and what its endpoint is given: the one place docs, checks and tests come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ledger_service.api.door import Body
from ledger_service.api.schema import Schema
from ledger_service.kernel.errors import DomainError

PUBLIC: frozenset[str] = frozenset()
ROLES = ("cashier", "merchant", "member", "auditor", "operator")


class Identity(Protocol):
    """Who an API key speaks for; the merchants room makes them."""

    @property
    def key_id(self) -> str:
        """The public half of the key."""

    @property
    def subject(self) -> str:
        """Kind and id in one text: the scope of idempotency keys."""

    @property
    def role(self) -> str:
        """One of ``ROLES``."""

    @property
    def merchant_id(self) -> int | None:
        """The merchant that a terminal's or merchant's key acts for."""


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request: who, when, and the parts of it that were checked."""

    identity: Identity
    at: datetime
    request_id: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Body
    key: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answers: JSON (an object or finished bytes) or another media type's bytes."""

    body: Any
    status: int = 200
    replayed: bool = False
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Endpoint = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Success:
    """The documented good answer."""

    status: int
    about: str
    schema: Schema | None = None
    media_types: tuple[str, ...] = ("application/json",)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    schema: Schema
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One method of one path.

    Attributes:
        roles: which API keys may call it; ``PUBLIC`` (empty) must be written out, there is no default.
        body: what the request must hold; None where a body is not read.
        room_checks: True where the room's own parser is the strict one, so that nothing is checked twice.
        problems: every refusal of the service behind it; the door's own ones are added by ``openapi``.
        personal: True where the answer is about one member or merchant and must not be kept by caches.
        write: True where an Idempotency-Key is demanded.
    """

    method: str
    path: str
    name: str
    roles: frozenset[str]
    summary: str
    success: Success
    group: str
    body: Schema | None = None
    room_checks: bool = False
    query: dict[str, Parameter] = field(default_factory=dict)
    problems: tuple[type[DomainError], ...] = ()
    write: bool = False
    personal: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """A declared route and the endpoint that answers it."""

    route: Route
    endpoint: Endpoint


def roles(*names: str) -> frozenset[str]:
    """The set of roles, each one of ``ROLES``."""
    unknown = set(names) - set(ROLES)
    if unknown or not names:
        raise ValueError(f"no such role: {unknown}")
    return frozenset(names)
