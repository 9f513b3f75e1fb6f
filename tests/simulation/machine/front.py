"""A serving process without its HTTP server: wired as in production, its endpoints called on the caller's
thread, keys checked, bodies parsed; time, randomness and the writer's thread are the simulation's."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import orjson
from sqlalchemy.exc import DBAPIError

from ledger_service.api.door import parse_body
from ledger_service.api.errors import CredentialsRefused
from ledger_service.api.routes import Call, Route
from ledger_service.bootstrap.doors import bound
from ledger_service.bootstrap.foundations import Foundations
from ledger_service.bootstrap.serving import Serving, wire
from ledger_service.db.errors import StorageUnavailable, passes
from ledger_service.merchants.errors import ScopeMissing
from ledger_service.merchants.rules import Principal
from tests.simulation.machine.clock import HostClock
from tests.simulation.machine.process import Process
from tests.simulation.machine.writer import SyncWriter

WORKERS = ("till-server-1", "till-server-2")
_HTTP = "ledger_service.bootstrap.doors."


class SeededIds:
    """Randomness of the run (``kernel.ids.IdSource``)."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def random_bytes(self, count: int) -> bytes:
        """``count`` bytes that follow from the seed."""
        return self._random.randbytes(count)


@dataclass(frozen=True)
class Told:
    """What a caller was answered."""

    status: int
    body: dict[str, Any]
    raw: bytes
    replayed: bool


@dataclass(frozen=True)
class Asked:
    """A request as its caller keeps it, to send it again: key of the caller (a stranger has none), route,
    path, body, key."""

    token: str
    route: str
    body: dict[str, Any]
    key: str = ""
    path: tuple[tuple[str, str], ...] = ()


class Front:
    """One serving process. It keeps nothing that a crash could take but its caches."""

    def __init__(
        self, process: Process, foundations: Foundations, clock: HostClock, random: Random, worker: str
    ) -> None:
        self.process, self.clock = process, clock
        self.serving = _wired(foundations, clock, random, worker)
        # The document of the API is a second's work and no part of any story.
        with patch(_HTTP + "openapi_document"), patch(_HTTP + "status.served", return_value=[]):
            self._served = {served.route.name: served for served in bound(self.serving)}

    def ask(self, asked: Asked) -> Told:
        """The answer of the endpoint.

        Raises:
            DomainError: its refusal.
            Killed: the process died; nobody knows what it did.
        """
        served = self._served[asked.route]
        path = dict(asked.path)
        principal = self._admit(asked.token, served.route)
        body = parse_body(
            orjson.dumps(asked.body), "application/json", f"{asked.route} {sorted(path.items())}"
        )
        if served.route.body is not None and not served.route.room_checks:
            served.route.body.check(body.fields, "")
        try:
            reply = served.endpoint(Call(principal, self.clock.now(), "", path, {}, body, asked.key))
        except DBAPIError as error:
            # As the pipeline has it.
            if passes(error):
                raise StorageUnavailable(1) from error
            raise
        raw = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
        return Told(reply.status, orjson.loads(raw), raw, reply.replayed)

    def _admit(self, token: str, route: Route) -> Principal | None:
        """Whose key it is; nobody's where the public may ask."""
        if not route.scopes:
            return None
        principal = self.serving.keyring.identify(token)
        if principal is None:
            raise CredentialsRefused
        if route.scopes.isdisjoint(principal.scopes):
            raise ScopeMissing(min(route.scopes))
        return principal


def _wired(foundations: Foundations, clock: HostClock, random: Random, worker: str) -> Serving:
    room = "ledger_service.bootstrap.serving."
    name = SimpleNamespace(text=worker, release=lambda: None)
    seen = SimpleNamespace(readings=dict, work=dict, readiness=None)
    stand_ins: dict[str, Any] = {
        "SystemRandom": lambda: SeededIds(random), "SystemClock": lambda: clock, "Writer": SyncWriter,
        "WorkerName": lambda *_: name, "Observation": lambda *parts: seen, "time": clock.machine,
    }  # fmt: skip
    with ExitStack() as stack:
        for what, stand_in in stand_ins.items():
            stack.enter_context(patch(room + what, stand_in))
        # Members, links and touches are wired beside, for front doors and jobs.
        for beside in ("paying", "sharing"):
            name_of = f"ledger_service.bootstrap.{beside}.SystemRandom"
            stack.enter_context(patch(name_of, stand_ins["SystemRandom"]))
        return wire(foundations)
