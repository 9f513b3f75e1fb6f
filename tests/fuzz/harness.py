"""Schemathesis over the real application: whose key a request carries, what is checked, what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from ledger_service.api.openapi import path_template
from ledger_service.bootstrap.doors import all_routes
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.rules import ROLE_SCOPES
from tests.api.service import Shop
from tests.fuzz.examples import with_examples
from tests.fuzz.values import Members

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Whose keys a role has, the likeliest first: chains of requests should mostly stay with one party.
_HOLDERS = {
    "member": ("member", "member", "custodial"),
    "cashier": ("grocer-till", "grocer-till", "grocer-till", "fuel-till"),
    "merchant": ("grocer", "grocer", "fuel"),
    "auditor": ("auditor",),
    "operator": ("operator", "operator", "operator"),
}
_SCOPES = {(route.method, path_template(route)): route.scopes for route in all_routes()}
# What ends a party that other requests need; left out of calm runs.
DESTRUCTIVE = ("suspend-merchant", "disable-terminal", "close-store", "freeze-member", "erase-member",
               "revoke-device", "rotate-key", "revoke-key")  # fmt: skip
# A check digit, a balance or a deadline stands in no schema: refusing well-formed data is an honest answer.
_ACCEPTABLE = ["2xx", "400", "401", "403", "404", "409", "422", "429"]


@dataclass
class Found:
    """What a run met: its failures in words, and how often each operation answered each status."""

    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, scenario: Any) -> None:
        """Take in one finished scenario."""
        recorder = scenario.recorder
        for case_id, checks in recorder.checks.items():
            case, sent = recorder.cases[case_id].value, recorder.interactions.get(case_id)
            answer = None if sent is None else sent.response
            if answer is not None:
                self.answers[case.operation.label, answer.status_code] += 1
            for check in checks:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    key = (check.name, case.operation.label, failure.title)
                    shown = b"" if answer is None else answer.content[:400]
                    self.failures.setdefault(
                        key, f"{failure.message}\n{check.failure_info.code_sample}\n{shown!r}"
                    )

    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        found: Counter[int] = Counter()
        for (_, status), times in self.answers.items():
            found[status] += times
        return found

    def succeeded(self) -> set[str]:
        """The operations that answered with success at least once."""
        return {label for label, status in self.answers if status < 300}


@dataclass(frozen=True)
class Plan:
    """What to run: phases with examples for each operation, data that fits the schemas or not, whose key,
    and the operations to leave out."""

    phases: Mapping[str, int]
    mode: str = "all"
    seed: int = 1
    who: str | None = None
    calm: bool = False
    without: frozenset[str] = frozenset()

    def config(self) -> SchemathesisConfig:
        """As Schemathesis takes it."""
        generation = {"mode": self.mode, "deterministic": True, "no-shrink": True, "database": "none",
                      "allow-x00": self.mode != "positive",
                      "codec": "ascii" if self.calm else "utf-8"}  # fmt: skip
        phases: dict[str, Any] = {name: {"enabled": name in self.phases} for name in PHASES}
        phases["stateful"]["inference"] = {"algorithms": []}
        for name, most in self.phases.items():
            if name != "coverage":
                phases[name]["generation"] = generation | {"max-examples": most}
        checks: dict[str, Any] = {
            "positive_data_acceptance": {"expected-statuses": _ACCEPTABLE},
            "ensure_resource_availability": {"enabled": False},
            # A step along a link may be called negative though all it sends is allowed.
            "negative_data_rejection": {"enabled": self.mode != "positive"},
        }
        return SchemathesisConfig.from_dict(
            {"seed": self.seed, "generation": generation, "phases": phases, "checks": checks}
        )


def schema_of(shop: Shop, members: Members, plan: Plan) -> Any:
    """The document that the shop serves, with examples, bound to the shop's application."""
    app = shop.client.application
    document = with_examples(shop.client.get("/openapi.json").json, shop, members)
    schema = schemathesis.openapi.from_dict(document, config=plan.config())
    schema.app, schema.location = app, "/openapi.json"
    if plan.without:
        schema = schema.exclude(lambda context: context.operation.label in plan.without)
    return schema.exclude(operation_id=list(DESTRUCTIVE)) if plan.calm else schema


def run(shop: Shop, members: Members, plan: Plan) -> Found:
    """Run a plan against the application of the shop."""
    schema = schema_of(shop, members, plan)
    schema.auth(refresh_interval=None)(_callers(shop, plan, Random(plan.seed)))
    found = Found()
    with patch.object(WSGITransport, "send", _send):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                found.add(event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                raise AssertionError(f"Schemathesis itself failed: {event.info.title}: {event.info.message}")
    return found


_send_plainly = WSGITransport.send


def _send(transport: WSGITransport, case: Any, *, session: Any = None, **given: Any) -> Any:
    # The engine hands settings of a network connection to the application's client, which refuses them.
    for name in ("max_redirects", "verify", "cert", "proxies"):
        given.pop(name, None)
    return _send_plainly(transport, case, session=session, **given)


def _callers(shop: Shop, plan: Plan, random: Random) -> type:
    numbers: Iterator[int] = count()

    class Callers:
        def get(self, case: Any, _context: Any) -> str:
            return plan.who or holder_for(case.operation.method.upper(), case.operation.path, random)

        def set(self, case: Any, holder: str, _context: Any) -> None:
            case.headers = frame(case, shop, holder, next(numbers))

    return Callers


def frame(case: Any, shop: Shop, holder: str, number: int) -> dict[str, str]:
    """The headers of a case with a key, and what no schema can say: an act of its own, and the time."""
    headers = dict(case.headers or {}) | {"Authorization": f"Bearer {shop.keys[holder]}"}
    # One in ten keeps what was made up: keys that come again, instants of any year.
    if not _headers_are_negated(case) and number % 10:
        headers["Alliance-Time"] = shop.at
        if "Idempotency-Key" in headers:
            headers["Idempotency-Key"] = f"fuzz-{number}"
    if _moves_the_clock(headers.get("Alliance-Time"), shop.at):
        headers["Alliance-Time"] = shop.at
    return headers


def _moves_the_clock(text: Any, at: str) -> bool:
    """A later instant is good, and would make all that come after it too late."""
    try:
        return parse_instant(text, "text") > parse_instant(at, "at")
    except MalformedField:
        return False


def _headers_are_negated(case: Any) -> bool:
    component = None if case._meta is None else case._meta.components.get(ParameterLocation.HEADER)
    return component is not None and component.mode.is_negative


def holder_for(method: str, path: str, random: Random, honest: float = 0.9) -> str:
    """Whose key to send: mostly one that the route admits."""
    wanted = _SCOPES[method, path]
    able = [role for role, held in ROLE_SCOPES.items() if held & wanted]
    if "cashier" in able:
        # Others carry these scopes too, but act for no till.
        able += ["cashier"] * 9
    roles = able if able and random.random() < honest else list(ROLE_SCOPES)
    return random.choice(_HOLDERS[random.choice(roles)])
