"""The default rules on a made-up alliance whose thieves are known: guarded figures, as docs/fraud.md says."""

from __future__ import annotations

import pytest

from ledger_service.risk.defaults import DEFAULT_RULES
from ledger_service.risk.documents import rules_of
from ledger_service.risk.labelled import START
from ledger_service.risk.measuring import Measured, measure
from ledger_service.risk.rules import ALLIANCE, Outcome, RuleSet
from ledger_service.risk.thieves import PATTERNS, labelled_set

# Least recall and least share of the value stopped, in basis points.
LEAST = {
    "own-card": (9_500, 9_000),
    "friends-card": (9_500, 8_000),
    "sweetheart-refunds": (9_500, 6_500),
    "unreceipted-farming": (9_500, 6_500),
    "buy-spend-return": (9_500, 6_000),
    "new-device-drain": (9_500, 9_500),
    "dormant-drain": (9_500, 9_500),
    "pin-guessing": (8_000, 7_500),
    "pin-spraying": (9_500, 5_000),
}
MOST_ASKED_BPS, MOST_HELD_BPS = 50, 100


def measured(seed: int, without: str = "") -> Measured:
    rules = rules_of([rule for rule in DEFAULT_RULES if rule["code"] != without])
    return measure(RuleSet(ALLIANCE, 1, START, rules, START - 365 * 86_400), labelled_set(seed))


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.deep)])
def test_the_default_rules_stop_what_they_should_and_bother_few(seed: int) -> None:
    found = measured(seed)
    assert found.patterns.keys() == PATTERNS.keys() == LEAST.keys()
    for name, (recall, value) in LEAST.items():
        one = found.patterns[name]
        assert (one.recall_bps >= recall, one.value_bps >= value) == (True, True), (name, one)
    assert found.rate_bps(Outcome.STEP_UP) <= MOST_ASKED_BPS
    assert found.rate_bps(Outcome.HOLD, Outcome.REFUSE) <= MOST_HELD_BPS


def test_the_measure_notices_a_rule_that_is_missing() -> None:
    found = measured(1, without="long-away-pays")
    assert found.patterns["dormant-drain"].value_bps < LEAST["dormant-drain"][1]


def test_the_set_is_the_same_for_a_seed() -> None:
    assert labelled_set(5, 40, 20) == labelled_set(5, 40, 20)
    assert labelled_set(5, 40, 20) != labelled_set(6, 40, 20)
