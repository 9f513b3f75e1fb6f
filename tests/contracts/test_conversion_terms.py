"""Terms of conversions: both issuers sign, with notice; no rate above parity, so that no cycle gains."""

from __future__ import annotations

import random

import pytest

from ledger_service.kernel.operations import Convert
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.parties import DAY, REGISTRY, Member
from tests.contracts.refusals import refused
from tests.contracts.test_conversions import SPREAD, offer
from tests.contracts.test_registry import publish


def test_both_issuers_sign_conversion_terms_with_notice(alliance: Alliance) -> None:
    first, second, third = alliance.merchants
    for keys, unwilling in (((third.admin, second.admin), first), ((first.admin, first.admin), second)):
        with refused("RegistrySignatureInvalid", unwilling.gln):
            offer(alliance, keys=keys)
    with refused("RegistryNoticeTooShort", 1):
        offer(alliance, notice=8 * DAY - 1)
    start = offer(alliance)
    with refused("RegistryNoticeTooShort", 1):
        offer(alliance)
    assert alliance.ask(REGISTRY, "conversionTerms", 1, 2, 1) == (start, 2**40 - 1, SPREAD)
    later = offer(alliance, spread=300, notice=9 * DAY)
    assert alliance.ask(REGISTRY, "conversionTerms", 1, 2, 1) == (start, later, SPREAD)
    for number in (0, 3):
        assert alliance.ask(REGISTRY, "conversionTerms", 1, 2, number) == (0, 0, 0)


def test_no_rate_above_parity_can_be_published(alliance: Alliance) -> None:
    """A spread is a share that is kept: what would add to the value is no share, in whatever way it is written."""
    for spread in (10_001, 2**16 - 200, 2**16 - 1):
        with refused("RegistryConversionInvalid", 1, 2, spread):
            offer(alliance, spread=spread)
    with refused("RegistryConversionInvalid", 1, 2, 10_000):
        offer(alliance, spread=10_000)
    with refused("RegistryConversionInvalid", 1, 1):
        offer(alliance, 1, 1)
    offer(alliance, spread=0)
    offer(alliance, spread=10_000, notice=9 * DAY)


@pytest.mark.parametrize("seed", range(3))
def test_no_round_trip_gains_whatever_values_and_spreads(rich: Alliance, ann: Member, seed: int) -> None:
    chance = random.Random(seed)
    spreads = {(p, q): chance.choice([0, 1, 333, 5_000]) for p in (1, 2, 3) for q in (1, 2, 3) if p != q}
    for (p, q), spread in spreads.items():
        start = offer(rich, p, q, spread=spread)
    values = [chance.randint(1, 10**6) for _ in range(3)]
    for programme, value in enumerate(values, start=1):
        start = publish(rich, programme, point_value=value)
    rich.evm.now = start
    holding, worth = Leg(1, 2, 12, 5_000), 5_000 * values[0]
    for target in (2, 3, 1, 3, 2, 1):
        spread = spreads[holding.programme, target]
        points = holding.amount * values[holding.programme - 1] * (10_000 - spread) // (10_000 * values[target - 1])
        if points == 0:
            break
        into = Leg(target, 2, 11, points)
        one = rich.convert(ann, (holding,), into, spread_bps=spread)
        assert isinstance(one, Convert)
        rich.converted(one)
        assert points * values[target - 1] <= worth
        holding, worth = into, points * values[target - 1]
    assert sum(rich.net(m) for m in rich.merchants) == 0
