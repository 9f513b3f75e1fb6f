"""How much of a claim's points the goods that stay still carry."""

from __future__ import annotations

import random

import pytest

from ledger_service.checkout.claim_reversal_rules import Kept, part_of_claim, since
from ledger_service.checkout.reversal_rules import (
    Recovered,
    SoldLine,
    Source,
    earn_to_reverse,
    recover,
    returned_at,
)

LINES = [SoldLine("a", 7, 997, 0), SoldLine("b", 1, 53, 100), SoldLine("c", 3, 0, 0)]


def undone(pieces: dict[str, int], before: dict[str, int], points: int, percents: list[int]) -> int:
    lines, returned = since(Kept(LINES, before, False), returned_at(LINES, pieces))
    return earn_to_reverse(part_of_claim(lines, points, percents, 10_000), lines, returned)


@pytest.mark.parametrize("before", [{}, {"a": 3}, {"a": 2, "b": 1}])
def test_nothing_is_undone_before_anything_is_back_and_all_once_all_is(before: dict[str, int]) -> None:
    assert undone(before, before, 11, [100, 100, 100]) == 0
    assert undone({"a": 7, "b": 1, "c": 3}, before, 11, [100, 100, 100]) == 11


def test_goods_that_earn_nothing_carry_nothing_unless_none_of_them_earns() -> None:
    assert undone({"b": 1}, {}, 11, [100, 0, 0]) == 0
    assert undone({"a": 7}, {}, 11, [100, 0, 0]) == 11
    assert 0 < undone({"b": 1}, {}, 11, [0, 0, 0]) < 11


@pytest.mark.parametrize("seed", range(200))
def test_any_split_takes_from_points_money_and_debt_what_one_refund_takes(seed: int) -> None:
    rng = random.Random(seed)
    before, points = {"a": rng.randrange(7)}, rng.randrange(1, 3_000)
    percents, has = [rng.choice([0, 100, 300]) for _ in LINES], rng.randrange(3_000)
    lines, _ = since(Kept(LINES, before, False), returned_at(LINES, before))
    part = part_of_claim(lines, points, percents, rng.choice([1, 10_000, 250_000]))
    steps = [(s.line, 1) for s in LINES for _ in range(s.quantity - before.get(s.line, 0))]
    rng.shuffle(steps)
    outcomes = []
    for split in (True, False):
        pieces, prior, reversed_before = dict(before), Recovered(), 0
        for number, (line, count) in enumerate(steps, 1):
            pieces[line] = pieces.get(line, 0) + count
            if not split and number < len(steps):
                continue
            _, returned = since(Kept(LINES, before, False), returned_at(LINES, pieces))
            source = Source(part, prior, reversed_before, points, 0, has - prior.available)
            found = recover([source], lines, returned, 2)
            (prior,), reversed_before = found.programmes, earn_to_reverse(part, lines, returned)
        outcomes.append((prior, found.withheld_minor, reversed_before))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][2] == points
