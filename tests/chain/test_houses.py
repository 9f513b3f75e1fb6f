"""Whose logs count: the registry's, and of the houses that of the one in force."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.chain.decode import HOUSE_IN_FORCE_TOPIC, HouseInForce, PeriodClosed, TermsPublished
from ledger_service.chain.errors import LyingNode
from ledger_service.chain.houses import Attribution, Line
from ledger_service.chain.settings import Contracts

FIRST, SECOND, REGISTRY, STRANGER = (bytes([n]) * 20 for n in (1, 2, 3, 4))
TERMS = TermsPublished(1, 1, 1, 1, 1, 1, 1)
CLOSED = PeriodClosed(1, 7)


def line(*houses: bytes) -> Line:
    return Line(Contracts(SECOND, REGISTRY), houses)


def whose(*houses: bytes) -> Attribution:
    return Attribution(line(*houses), [FIRST, SECOND, REGISTRY])


def log(emitter: bytes) -> dict[str, Any]:
    return {"address": "0x" + emitter.hex(), "topics": [HOUSE_IN_FORCE_TOPIC]}


def test_a_house_counts_from_its_taking_over_to_that_of_its_successor() -> None:
    attribution = whose(FIRST)
    assert attribution.counts(9, log(FIRST), CLOSED)
    assert not attribution.counts(9, log(SECOND), CLOSED)
    assert attribution.counts(9, log(REGISTRY), HouseInForce(SECOND, FIRST))
    assert attribution.counts(9, log(SECOND), CLOSED)
    assert not attribution.counts(9, log(FIRST), CLOSED)


def test_only_the_registry_speaks_of_terms_and_houses() -> None:
    attribution = whose(FIRST)
    assert attribution.counts(9, log(REGISTRY), TERMS)
    assert not attribution.counts(9, log(FIRST), TERMS)
    assert not attribution.counts(9, log(SECOND), HouseInForce(SECOND, FIRST))
    assert not attribution.counts(9, log(SECOND), CLOSED)


def test_a_house_that_skips_the_one_in_force_is_not_believed() -> None:
    with pytest.raises(LyingNode):
        whose(FIRST).counts(9, log(REGISTRY), HouseInForce(STRANGER, SECOND))
    with pytest.raises(LyingNode):
        whose(FIRST).counts(9, log(STRANGER), CLOSED)


def test_before_the_registry_named_one_the_given_house_counts() -> None:
    assert line().in_force == SECOND
    assert whose().counts(9, log(SECOND), CLOSED)
    assert whose().counts(9, log(REGISTRY), HouseInForce(FIRST, bytes(20)))
    assert line(FIRST, SECOND).addresses == [FIRST, SECOND, REGISTRY]
