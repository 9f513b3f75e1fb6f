"""What a route declares and what its endpoint is given: the one place docs, checks and tests come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger_service.api.dialects import OURS, Dialect
from ledger_service.api.door import Body
from ledger_service.api.errors import CredentialsMissing
from ledger_service.api.schema import Schema
from ledger_service.kernel.errors import DomainError
from ledger_service.merchants.rules import ROLE_SCOPES, Principal

PUBLIC: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request: who, when, and the parts of it that were checked.

    ``refusal`` is raised by a write only after its idempotency key was looked up (D6); ``headers`` are those
    that the route's dialect names. ``act`` names a write in the log of acts; those of tills have none.
    """

    principal: Principal | None
    at: datetime
    request_id: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Body
    key: str
    refusal: DomainError | None = None
    headers: Mapping[str, str] | None = None
    act: str = ""

    @property
    def caller(self) -> Principal:
        """Who calls.

        Raises:
            CredentialsMissing: nobody that we know, which cannot happen behind a route with scopes.
        """
        if self.principal is None:
            raise CredentialsMissing
        return self.principal


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
        scopes: a key with any one of them may call it; ``PUBLIC`` (none) must be written out.
        body: what the request must hold; None where a body is not read.
        room_checks: True where the room's own parser is the strict one, so that nothing is checked twice.
        problems: every refusal of the service behind it; the door's own ones are added by ``openapi``.
        personal: True where the answer is about one member or merchant and must not be kept by caches.
        write: True where an Idempotency-Key is demanded.
        limited: True where everybody may call it, so often as an address may in public.
        guessed: True where such a call may be a guess: then as often as an address may send wrong keys.
        dialect: how a standard of others has the route speak; else our own way.
    """

    method: str
    path: str
    name: str
    scopes: frozenset[str]
    summary: str
    success: Success
    group: str
    body: Schema | None = None
    room_checks: bool = False
    query: dict[str, Parameter] = field(default_factory=dict)
    problems: tuple[type[DomainError], ...] = ()
    write: bool = False
    personal: bool = True
    dialect: Dialect = OURS
    limited: bool = False
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A declared route and the endpoint that answers it."""

    route: Route
    endpoint: Endpoint


def scopes(*names: str) -> frozenset[str]:
    """The set of these scopes, each one that some role carries."""
    if not names or not set(names) <= ALL_SCOPES:
        raise ValueError(f"no such scope: {set(names) - ALL_SCOPES}")
    return frozenset(names)


def roles_of(route: Route) -> list[str]:
    """The roles whose keys may carry one of the route's scopes, for the documents."""
    return sorted(role for role, held in ROLE_SCOPES.items() if held & route.scopes)


ALL_SCOPES = frozenset().union(*ROLE_SCOPES.values())
