"""Schemathesis over the whole API document: no request is answered with a 5xx or otherwise than documented.

The test command runs a bounded part; ``scripts/test --deep`` runs every role and longer sequences.
"""

from __future__ import annotations

import pytest

from ledger_service.api.openapi import path_template
from ledger_service.bootstrap.doors import all_routes
from tests.fuzz.chains import follow
from tests.fuzz.founded import Founded
from tests.fuzz.harness import Found, Plan, run

ALL = {f"{r.method} {path_template(r)}" for r in all_routes()}
ALL -= {"GET /openapi.json"}  # Schemathesis leaves out the document that it has read
# A till that guesses at codes of cards and tickets is told to wait, after it was answered otherwise.
LOCKED_BY_GUESSES = {f"POST /v1/value-cards/{act}" for act in ("balances", "loads", "payouts")}
LOCKED_BY_GUESSES |= {f"POST /v1/tickets/{act}" for act in ("entries", "refunds")}
LOCKED_BY_GUESSES |= {"POST /v1/value-cards", "POST /v1/tickets"}
# Reads of one kind of thing each, by the parameters of `GET /epcis/events`: a thousand of the same requests.
EVENTS_BY_THING = frozenset(
    f"GET /epcis/{thing}/{{resource}}/events"
    for thing in ("bizLocations", "bizSteps", "dispositions", "eventTypes", "readPoints")
)
HOLDERS = ("operator", "auditor", "grocer", "grocer-till", "member")


def shown(found: Found) -> str:
    return "\n\n".join(f"{key}: {text}" for key, text in found.failures.items())


def check(found: Found) -> None:
    assert not found.failures, shown(found)
    assert max(found.statuses()) < 500, found.answers
    limited = {label for label, status in found.answers if status == 429}
    assert limited <= LOCKED_BY_GUESSES, f"a limit hides what is behind it: {limited - LOCKED_BY_GUESSES}"


def test_requests_along_every_rule_of_the_document_are_answered_as_it_says(founded: Founded) -> None:
    with founded.fresh() as shop:
        found = run(shop, founded.members, Plan({"coverage": 1}, without=EVENTS_BY_THING))
    check(found)
    assert {label for label, _ in found.answers} == ALL - EVENTS_BY_THING, "an operation was left out"
    assert found.statuses()[201] >= 20, "hardly anything was granted: the requests do not get deep"


def test_made_up_requests_are_answered_as_the_document_says(founded: Founded) -> None:
    with founded.fresh() as shop:
        found = run(shop, founded.members, Plan({"fuzzing": 3}))
    check(found)
    assert {label for label, _ in found.answers} == ALL


def test_sequences_along_the_links_are_answered_as_the_document_says(founded: Founded) -> None:
    found = follow(founded, Plan({"stateful": 6}, mode="positive", calm=True), sequences=15)
    check(found)
    assert found.statuses()[201] >= 20, "sequences end at their first step"


@pytest.mark.deep
@pytest.mark.parametrize("who", HOLDERS)
def test_each_role_by_itself_is_answered_as_the_document_says(founded: Founded, who: str) -> None:
    with founded.fresh() as shop:
        found = run(shop, founded.members, Plan({"fuzzing": 1}, seed=_seed(who), who=who))
    check(found)
    assert {label for label, _ in found.answers} == ALL
    calm = Plan({"stateful": 4}, "positive", _seed(who), who, calm=True)
    check(follow(founded, calm, sequences=3))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("who", HOLDERS)
def test_each_role_by_itself_with_many_requests(founded: Founded, who: str, seed: int) -> None:
    phases = {"fuzzing": 15} if seed else {"examples": 1, "coverage": 1, "fuzzing": 5}
    with founded.fresh() as shop:
        check(run(shop, founded.members, Plan(phases, seed=seed, who=who)))


@pytest.mark.deep
@pytest.mark.parametrize("mode", ["positive", "all"])
@pytest.mark.parametrize("who", HOLDERS)
def test_each_role_by_itself_in_many_sequences(founded: Founded, who: str, mode: str) -> None:
    calm = mode == "positive"
    steps = 8 if calm else 12
    check(follow(founded, Plan({"stateful": 6}, mode, _seed(who), who, calm), sequences=60, steps=steps))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_sequences_calm_and_wild(founded: Founded, seed: int) -> None:
    calm = follow(founded, Plan({"stateful": 6}, "positive", seed, calm=True), sequences=200)
    wild = follow(founded, Plan({"stateful": 6}, "all", seed), sequences=100, steps=12)
    check(calm)
    check(wild)
    assert "POST /v1/sales/{sale}/refunds" in calm.succeeded()


def _seed(who: str) -> int:
    """Each role is asked other things than the rest."""
    return 100 + HOLDERS.index(who)
