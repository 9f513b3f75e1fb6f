"""Fakes that implement the ports of the front door, and an application around routes made for a test."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from ledger_service.api.admission import Admission
from ledger_service.api.app import create_app
from ledger_service.api.deadline import Deadlines
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.metrics import Metrics
from ledger_service.api.pipeline import Pipeline
from ledger_service.api.request_log import RequestLog
from ledger_service.api.routes import Served
from ledger_service.merchants.rules import ROLE_SCOPES, Principal

NOON = datetime(2017, 6, 1, 12, tzinfo=UTC)


@dataclass
class FakeKeyring:
    """Keys in force by their full text."""

    keys: dict[str, Principal] = field(default_factory=dict)

    def identify(self, token: str) -> Principal | None:
        return self.keys.get(token)


@dataclass
class FakeClock:
    instant: datetime = NOON

    def now(self) -> datetime:
        return self.instant


@dataclass
class FakeReplayClock(FakeClock):
    seen: list[datetime] = field(default_factory=list)

    def observe(self, instant: datetime) -> None:
        self.seen.append(instant)


@dataclass
class Parts:
    """The knobs of a test application."""

    keyring: FakeKeyring = field(default_factory=FakeKeyring)
    clock: FakeClock = field(default_factory=FakeClock)
    replay: FakeReplayClock | None = None
    policy: Policy = field(default_factory=lambda: Policy("key", 1000, 1000))
    members: Policy = field(default_factory=lambda: Policy("member", 1000, 1000))
    guesses: Policy = field(default_factory=lambda: Policy("guess", 1, 30, 10))
    strangers: Policy = field(default_factory=lambda: Policy("stranger", 5, 50))
    admission: Admission = field(default_factory=lambda: Admission(8))
    bodies: Deadlines = field(default_factory=lambda: Deadlines(15))
    log: io.BytesIO = field(default_factory=io.BytesIO)
    readings: dict[str, int] = field(default_factory=dict)
    work: dict[str, int] = field(default_factory=dict)

    def pipeline(self) -> Pipeline:
        clock = self.replay or self.clock
        metrics = Metrics(lambda: self.readings, lambda: self.work)
        return Pipeline(
            self.keyring,
            clock,
            self.replay,
            Buckets(self.policy),
            Buckets(self.members),
            Buckets(self.strangers),
            Buckets(self.guesses),
            Buckets(self.members),
            metrics,
            RequestLog(self.log),
            self.admission,
            self.bodies,
            bytes(32),
        )

    def app(self, served: Sequence[Served]) -> Flask:
        return create_app(self.pipeline(), served)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


MERCHANT = 9_520_100_000_004
KEYS = FakeKeyring(
    {
        "alk_till_secret": Principal(
            "till", "terminal", "T1", "cashier", ROLE_SCOPES["cashier"], MERCHANT, 9_520_100_000_011
        ),
        "alk_op_secret": Principal("op", "operator", "1", "operator", ROLE_SCOPES["operator"] - {"sell"}),
    }
)
TILL = {"Authorization": "Bearer alk_till_secret"}
OPERATOR = {"Authorization": "Bearer alk_op_secret"}


def write(key: str = "k1", **more: str) -> dict[str, str]:
    """Headers of a write by the till."""
    return TILL | {"Idempotency-Key": key, "Content-Type": "application/json"} | more
