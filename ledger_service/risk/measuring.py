"""How good a rule set is on acts whose truth is known: how much theft it stops, whom else it bothers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ledger_service.risk.judging import as_booked, counted, judge, strictest
from ledger_service.risk.labelled import HONEST, Labelled
from ledger_service.risk.rules import Hit, Outcome, RuleSet
from ledger_service.risk.tallies import Tally


@dataclass
class Pattern:
    """One kind of theft: its cases, those that were held or stopped somewhere, and what was at stake."""

    cases: set[int] = field(default_factory=set)
    caught: set[int] = field(default_factory=set)
    acts: int = 0
    stopped: int = 0
    worth_minor: int = 0
    stopped_minor: int = 0

    @property
    def recall_bps(self) -> int:
        """The share of cases of which at least one act was stopped."""
        return 10_000 * len(self.caught) // max(len(self.cases), 1)

    @property
    def value_bps(self) -> int:
        """The share of what was at stake that was stopped."""
        return 10_000 * self.stopped_minor // max(self.worth_minor, 1)


@dataclass
class Measured:
    """Thefts by pattern; of honest acts how many there were, and what became of those that were touched."""

    patterns: dict[str, Pattern] = field(default_factory=dict)
    honest: int = 0
    honest_people: set[int] = field(default_factory=set)
    touched: Counter[Outcome] = field(default_factory=Counter)
    bothered: set[int] = field(default_factory=set)
    by_rule: Counter[str] = field(default_factory=Counter)

    def rate_bps(self, *outcomes: Outcome) -> int:
        """The share of honest acts with one of the outcomes."""
        return 10_000 * sum(self.touched[one] for one in outcomes) // max(self.honest, 1)


def measure(rules: RuleSet, acts: Iterable[Labelled]) -> Measured:
    """What the set does to acts in order, each judged by what was booked before it."""
    tallies: dict[str, Tally] = {}
    found = Measured()
    for one in acts:
        hits = judge(rules, one.seen, tallies)
        outcome = strictest(hits)
        confirmed = outcome is Outcome.STEP_UP and one.confirms
        booked = as_booked(one.seen, Outcome.ALLOW if confirmed else outcome)
        if booked is not None:
            tallies |= counted(rules, booked, tallies)
        _note(found, one, (outcome, hits))
    return found


def _note(found: Measured, one: Labelled, decided: tuple[Outcome, Sequence[Hit]]) -> None:
    outcome, hits = decided
    if one.label == HONEST:
        found.honest += 1
        found.honest_people.add(one.case)
        if outcome is not Outcome.ALLOW:
            found.touched[outcome] += 1
            found.by_rule.update(hit.code for hit in hits if hit.outcome is outcome)
            found.bothered |= {one.case} if outcome > Outcome.STEP_UP else set()
        return
    pattern = found.patterns.setdefault(one.label, Pattern())
    stopped = outcome > Outcome.STEP_UP or (outcome is Outcome.STEP_UP and not one.confirms)
    pattern.cases.add(one.case)
    pattern.acts += 1
    pattern.worth_minor += one.seen.worth_minor
    if stopped:
        pattern.caught.add(one.case)
        pattern.stopped += 1
        pattern.stopped_minor += one.seen.worth_minor


def lines_of(found: Measured) -> Iterator[str]:
    """The figures as a person reads them."""
    yield f"{'pattern':<20} {'cases':>6} {'caught':>7} {'recall':>8} {'worth held':>14}"
    for name, one in sorted(found.patterns.items()):
        recall, value = _percent(one.recall_bps), _percent(one.value_bps)
        yield f"{name:<20} {len(one.cases):>6} {len(one.caught):>7} {recall:>8} {value:>14}"
    asked = _percent(found.rate_bps(Outcome.STEP_UP))
    held = _percent(found.rate_bps(Outcome.HOLD, Outcome.REFUSE))
    yield f"honest acts {found.honest:,}: {asked} asked to confirm, {held} held or refused"
    people = _percent(10_000 * len(found.bothered) // max(len(found.honest_people), 1))
    yield f"honest people {len(found.honest_people):,}: {people} held or refused at least once"
    yield "rules that touched honest acts: " + ", ".join(
        f"{code} {count}" for code, count in found.by_rule.most_common()
    )


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02} %"
