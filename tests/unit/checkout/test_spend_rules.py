"""Which points pay: soonest expiry first, at most eight legs, never beyond basket, permit or purse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.errors import (
    NotEnoughPoints,
    PermitValueExceeded,
    SpendExceedsTotal,
    SpendWorthNothing,
    TooManyLegs,
)
from ledger_service.checkout.rules import (
    Limits,
    Purse,
    plan_explicit,
    plan_up_to,
    points_part_of_lines,
)
from ledger_service.kernel.money import minor_of_micros_floor

GREAT = Limits(10**9, 10**15, 2)


def purse(programme: int, value_micros: int, *points: int) -> Purse:
    lots = tuple((epoch, 1_000 * epoch + programme, n) for epoch, n in enumerate(points, 1) if n)
    return Purse(programme, f"P{programme}", 3, value_micros, lots)


VALUES = st.sampled_from([1, 333, 5_000, 10_000, 12_345, 1_000_000])
PURSES = st.lists(
    st.tuples(VALUES, st.lists(st.integers(0, 500), max_size=6)), min_size=1, max_size=5
).map(lambda raw: {i: purse(i, value, *points) for i, (value, points) in enumerate(raw, 1)})  # fmt: skip
LIMITS = st.builds(Limits, st.integers(0, 20_000), st.integers(0, 10**9), st.sampled_from([0, 2, 3]))


@given(PURSES, LIMITS)
def test_a_spend_up_to_a_value_stays_inside_every_bound(purses: dict[int, Purse], limits: Limits) -> None:
    plan = plan_up_to(purses, limits)
    assert len(plan.legs) <= 8
    assert plan.value_minor <= limits.total_minor
    assert plan.value_micros <= limits.permit_micros
    assert plan.value_micros == sum(leg.amount * purses[leg.programme].value_micros for leg in plan.legs)
    held = {(p.programme, epoch): points for p in purses.values() for epoch, _, points in p.lots}
    assert all(0 < leg.amount <= held[leg.programme, leg.epoch] for leg in plan.legs)
    for part in plan.paid:
        value = purses[part.programme].value_micros
        assert part.value_minor == minor_of_micros_floor(part.points * value, limits.exponent)
        less = minor_of_micros_floor((part.points - 1) * value, limits.exponent)
        assert less < part.value_minor, "a point that pays nothing was taken"


@given(PURSES, LIMITS)
def test_a_spend_up_to_a_value_takes_nothing_of_a_later_epoch_while_an_earlier_one_of_it_has_more(
    purses: dict[int, Purse], limits: Limits
) -> None:
    taken = {(leg.programme, leg.epoch): leg.amount for leg in plan_up_to(purses, limits).legs}
    for p in purses.values():
        parts = [(taken.get((p.programme, epoch), 0), points) for epoch, _, points in p.lots]
        last = max((i for i, (part, _) in enumerate(parts) if part), default=0)
        assert all(part == points for part, points in parts[:last])


def test_the_soonest_to_expire_goes_first_across_programmes() -> None:
    purses = {1: purse(1, 10_000, 0, 50), 2: purse(2, 10_000, 30)}
    plan = plan_up_to(purses, Limits(40, 10**9, 2))
    assert [(leg.programme, leg.epoch, leg.amount) for leg in plan.legs] == [(1, 2, 10), (2, 1, 30)]


@given(PURSES, LIMITS, st.data())
def test_an_explicit_spend_takes_exactly_the_points_or_refuses(
    purses: dict[int, Purse], limits: Limits, data: st.DataObject
) -> None:
    wanted = [(p, data.draw(st.integers(1, p.available + 2))) for p in purses.values()]
    try:
        plan = plan_explicit(purses, wanted, limits)
    except NotEnoughPoints:
        assert any(points > p.available for p, points in wanted)
        return
    except (SpendWorthNothing, SpendExceedsTotal, PermitValueExceeded, TooManyLegs):
        return
    assert {part.programme: part.points for part in plan.paid} == {p.programme: n for p, n in wanted}
    assert plan.value_minor <= limits.total_minor
    assert plan.value_micros <= limits.permit_micros
    assert len(plan.legs) <= 8


def test_each_bound_of_an_explicit_spend_has_its_own_refusal() -> None:
    one = purse(1, 10_000, 100)
    many = purse(2, 10_000, *[1] * 9)
    for wanted, limits, error in [
        ((one, 101), GREAT, NotEnoughPoints),
        ((purse(1, 100, 100), 99), GREAT, SpendWorthNothing),
        ((one, 100), Limits(99, 10**9, 2), SpendExceedsTotal),
        ((one, 100), Limits(100, 999_999, 2), PermitValueExceeded),
        ((many, 9), GREAT, TooManyLegs),
    ]:
        with pytest.raises(error):
            plan_explicit({wanted[0].programme: wanted[0]}, [wanted], limits)
    assert len(plan_explicit({2: many}, [(many, 8)], GREAT).legs) == 8


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200), st.data())
def test_the_part_that_points_pay_is_spread_exactly_and_inside_each_line(
    amounts: list[int], data: st.DataObject
) -> None:
    value = data.draw(st.integers(0, sum(amounts)))
    parts = points_part_of_lines(amounts, value)
    assert sum(parts) == value
    assert all(0 <= part <= amount for part, amount in zip(parts, amounts, strict=True))
