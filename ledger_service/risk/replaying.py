"""Judging what has been by other rules: stored observations in their order, counted anew as they go.

By the rules that were in force the replay says what was decided then, but for acts of one instant, whose
order is not kept. By a draft it says what that would have done to everybody who was honest, before anybody
publishes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from ledger_service.risk.documents import observation_of
from ledger_service.risk.judging import as_booked, counted, judge, strictest
from ledger_service.risk.models import risk_decision
from ledger_service.risk.rules import ALLIANCE, Hit, Observation, Outcome, RuleSet
from ledger_service.risk.tallies import Tally

_ROWS_AT_ONCE = 1_000


class Stored(NamedTuple):
    """A decision as it was made."""

    decision_id: bytes
    seen: Observation
    outcome: Outcome


class Replayed(NamedTuple):
    """A stored decision and what the other rules say of it."""

    stored: Stored
    outcome: Outcome
    hits: Sequence[Hit]


@dataclass
class Findings:
    """How often each outcome became which other, and how often each rule hit."""

    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def take(self, one: Replayed) -> None:
        """Count one more."""
        self.outcomes[(one.stored.outcome, one.outcome)] += 1
        self.rules.update(hit.code for hit in one.hits)

    @property
    def acts(self) -> int:
        """How many acts were judged."""
        return sum(self.outcomes.values())


def stored_decisions(
    conn: Connection, since: datetime, until: datetime, merchant_id: int | None = None
) -> Iterator[Stored]:
    """The decisions from ``since`` on and before ``until``, in their order, some at a time."""
    row, after = risk_decision.c, (since, bytes(16))
    while True:
        wanted = ((row.decided_at == after[0]) & (row.decision_id > after[1])) | (row.decided_at > after[0])
        wanted &= row.decided_at < until
        if merchant_id is not None:
            wanted &= row.merchant_id == merchant_id
        query = select(risk_decision).where(wanted).order_by(row.decided_at, row.decision_id)
        page = conn.execute(query.limit(_ROWS_AT_ONCE)).all()
        for found in page:
            outcome = Outcome[found.outcome.upper()]
            yield Stored(found.decision_id, observation_of(orjson.loads(found.facts)), outcome)
        if len(page) < _ROWS_AT_ONCE:
            return
        after = (page[-1].decided_at, page[-1].decision_id)


def replay(sets: Sequence[RuleSet], past: Iterable[Stored]) -> Iterator[Replayed]:
    """What the sets say of each act, each judged by what they would have counted before it.

    Args:
        sets: the alliance's, a merchant's, or both; they judge every act of their scope whenever it was.
        past: in order.
    """
    tallies: dict[str, Tally] = {}
    for stored in past:
        seen, hits = stored.seen, []
        mine = [rules for rules in sets if rules.merchant_id in (ALLIANCE, seen.who.merchant_id)]
        for rules in mine:
            hits += judge(rules, seen, tallies)
        outcome = strictest(hits)
        booked = as_booked(seen, outcome)
        if booked is not None:
            for rules in mine:
                tallies |= counted(rules, booked, tallies)
        yield Replayed(stored, outcome, hits)
