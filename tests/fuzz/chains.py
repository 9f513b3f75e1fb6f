"""Sequences of requests along the document's links, each in a world of its own."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from tests.api.service import FUEL_STORE
from tests.fuzz.examples import bodies_of
from tests.fuzz.founded import Founded
from tests.fuzz.harness import Found, Plan, frame, holder_for, schema_of


def follow(founded: Founded, plan: Plan, *, sequences: int, steps: int = 8) -> Found:
    """Run sequences; raises the first failure of a check with the requests that led to it."""
    seen = Found()
    with founded.fresh() as first:
        machine: Any = schema_of(first, founded.members, plan).as_state_machine()

    class Chain(machine):
        def setup(self) -> None:
            self.walk = Walk(founded, plan)

        def teardown(self) -> None:
            self.walk.close()

        def get_call_kwargs(self, _case: Any) -> dict[str, Any]:
            return {"app": self.walk.shop.client.application}

        def before_call(self, case: Any) -> None:
            self.walk.prepare(case)

        def after_call(self, response: Any, case: Any) -> None:
            super().after_call(response, case)
            seen.answers[case.operation.label, response.status_code] += 1

    Chain.run(settings=_settings(sequences, steps))
    return seen


def _settings(sequences: int, steps: int) -> settings:
    return settings(
        max_examples=sequences,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


class Walk:
    """One sequence: its own world, and who sends each of its requests."""

    def __init__(self, founded: Founded, plan: Plan) -> None:
        self.plan = plan
        self._open = ExitStack()
        self.shop = self._open.enter_context(founded.fresh())
        self._numbers = count()
        self._granted = bodies_of(self.shop, founded.members)

    def close(self) -> None:
        """The world is gone."""
        self._open.close()

    def prepare(self, case: Any) -> None:
        """The request gets a key, and often a body that this world grants."""
        number = next(self._numbers)
        # Out of the case alone, so that Hypothesis finds the same sequence again.
        random = Random(f"{self.plan.seed} {number} {case.operation.label} {case.body!r}")
        granted = self._granted.get(case.operation.definition.raw.get("operationId"))
        # Most bodies that merely fit their schema are refused, and a chain ends there.
        if granted and self.plan.mode == "positive" and random.random() < 0.6:
            case.body = random.choice(granted)
        case.headers = frame(case, self.shop, self._holder(case, random), number)

    def _holder(self, case: Any, random: Random) -> str:
        method, path = case.operation.method.upper(), case.operation.path
        holder = self.plan.who or holder_for(method, path, random, honest=0.97)
        body = case.body if isinstance(case.body, dict) else {}
        # A chain stays at one till, and that is the grocer's unless the basket says otherwise.
        return "grocer-till" if holder == "fuel-till" and body.get("store") != FUEL_STORE else holder
