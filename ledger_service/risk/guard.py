"""Judging an act inside a command's draft: tallies are read with everything else, the decision is a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from ledger_service.db.workset import Draft, Load, Need, load_by
from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.kernel.ids import IdSource
from ledger_service.risk.documents import hits_document, observation_document, outcome_name
from ledger_service.risk.errors import HeldForReview, RefusedByRules
from ledger_service.risk.judging import as_booked, increments, judge, of_member, strictest
from ledger_service.risk.models import risk_decision, risk_review, risk_review_event, risk_tally
from ledger_service.risk.reasons import reason_of
from ledger_service.risk.review_rules import REVIEW_DAYS
from ledger_service.risk.rulebook import RuleBook
from ledger_service.risk.rules import Act, Hit, Observation, Outcome, RuleSet, Signal, Who, subjects
from ledger_service.risk.tallies import Tally, merged, tally_of

TALLY: Load = load_by(risk_tally, "subject")


@dataclass(frozen=True, slots=True)
class Judged:
    """An act with what was decided; ``before`` are the tallies of its subjects, of all workers."""

    seen: Observation
    found: tuple[tuple[RuleSet, Sequence[Hit]], ...]
    outcome: Outcome
    row: Mapping[str, Any]
    before: Mapping[str, Tally]

    @property
    def reason(self) -> str:
        """What is said about it."""
        hits = [hit for _, some in self.found for hit in some]
        return reason_of(hits, spends=bool(self.seen.acts & {Act.SPEND, Act.GIFT}))

    def hit_by(self, signal: Signal) -> bool:
        """Whether a rule of the signal asks for what was decided."""
        hits = [hit for _, some in self.found for hit in some]
        return any(hit.signal is signal and hit.outcome is self.outcome for hit in hits)

    @property
    def decision_id(self) -> bytes:
        """The id of the decision, and of the review that it may lead to."""
        return bytes(self.row["decision_id"])


@dataclass(frozen=True, slots=True)
class Guard:
    """The sets in force for an act, the staff lists, and under which name this process counts."""

    sets: tuple[RuleSet, ...]
    book: RuleBook
    worker: str
    ids: IdSource

    def needs(self, who: Who) -> list[Need]:
        """What ``judge`` reads: the tallies of the act's subjects, in one statement for a group."""
        return [TALLY.of(key) for rules in self.sets for key in subjects(rules, who)]

    def judge(self, draft: Draft, seen: Observation) -> Judged:
        """What the sets say of an act; nothing is written yet.

        Reads: ``needs`` of the act's ``who``.
        """
        who = seen.who
        own = who.cashier is not None and self.book.staff.get((who.merchant_id, who.cashier)) == who.member_id
        seen = replace(seen, own_card=own)
        keys = {key for rules in self.sets for key in subjects(rules, who)}
        before = {key: _tally(draft, key) for key in sorted(keys)}
        found = [(rules, judge(rules, seen, before)) for rules in self.sets]
        outcome = strictest(hit for _, hits in found for hit in hits)
        return Judged(seen, tuple(found), outcome, self._row(seen, found, outcome), before)

    def book_it(self, draft: Draft, judged: Judged) -> None:
        """The act happens: it is counted, and the decision stands."""
        self.count(draft, judged)
        draft.add(risk_decision, judged.row)

    def count(self, draft: Draft, judged: Judged) -> None:
        """The act is in the tallies of its subjects."""
        for key, tally in self._counts(draft, judged):
            body = {"last_at": tally.last_at, "body": orjson.dumps(tally.document()).decode()}
            if draft.get(risk_tally, (key, self.worker)) is None:
                draft.add(risk_tally, {"subject": key, "worker": self.worker, **body})
            else:
                draft.change(risk_tally, (key, self.worker), **body)

    def _counts(self, draft: Draft, judged: Judged) -> Iterator[tuple[str, Tally]]:
        booked = as_booked(judged.seen, judged.outcome)
        if booked is None:
            return
        spends = bool(booked.acts & {Act.SPEND, Act.GIFT})
        for rules in self.sets:
            added = increments(booked, of_member(rules, booked, judged.before))
            for key in subjects(rules, booked.who):
                yield key, _own(draft, key, self.worker).plus(added, booked.at, spends=spends)

    def review(self, draft: Draft, judged: Judged, sale_id: bytes | None) -> datetime:
        """What was booked goes to the care desk; returns until when somebody should have looked."""
        until = instant_of_seconds(judged.seen.at) + timedelta(days=REVIEW_DAYS)
        row = judged.row
        draft.add(
            risk_review,
            {
                "review_id": judged.decision_id,
                "decision_id": judged.decision_id,
                "member_id": row["member_id"],
                "merchant_id": row["merchant_id"],
                "sale_id": sale_id,
                "reason": judged.reason,
                "state": "open",
                "until": until,
                "opened_at": row["decided_at"],
            },
        )
        event = {"review_id": judged.decision_id, "position": 0, "kind": "opened", "by_whom": "rules"}
        draft.add(risk_review_event, {**event, "reason": judged.reason, "at": row["decided_at"]})
        return until

    def refusal(self, judged: Judged) -> HeldForReview | RefusedByRules:
        """The refusal of an act that is held or refused; the decision stands as its trace."""
        kind = HeldForReview if judged.outcome is Outcome.HOLD else RefusedByRules
        refusal = kind(judged.reason)
        refusal.trace = lambda draft: _keep(draft, judged)
        return refusal

    def _row(
        self, seen: Observation, found: Sequence[tuple[RuleSet, Sequence[Hit]]], outcome: Outcome
    ) -> dict[str, Any]:
        versions = {str(rules.merchant_id): rules.version for rules, _ in found}
        return {
            "decision_id": self.ids.random_bytes(16),
            "merchant_id": seen.who.merchant_id,
            "member_id": seen.who.member_id,
            "outcome": outcome_name(outcome),
            "versions": orjson.dumps(versions).decode(),
            "facts": orjson.dumps(observation_document(seen)).decode(),
            "hits": orjson.dumps(hits_document(found)).decode(),
            "decided_at": instant_of_seconds(seen.at),
        }


def _keep(draft: Draft, judged: Judged) -> None:
    draft.add(risk_decision, judged.row)


def _tally(draft: Draft, key: str) -> Tally:
    return merged(tally_of(orjson.loads(row["body"]), row["last_at"]) for row in draft.find(TALLY, key))


def _own(draft: Draft, key: str, worker: str) -> Tally:
    row = draft.get(risk_tally, (key, worker))
    return Tally() if row is None else tally_of(orjson.loads(row["body"]), row["last_at"])
