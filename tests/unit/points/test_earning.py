"""Points for spend: floors, exclusions, multipliers with dates, caps, versions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.points.audiences import Audience, Unmet
from ledger_service.points.rule_text import rule_body, rule_of
from ledger_service.points.rules import (
    EarnRule,
    Multiplier,
    Reservation,
    Terms,
    as_met,
    cap_in_force,
    clawback_legs,
    debt_collected,
    earn,
    percent_for,
    points_for_spend_floor,
    refill,
    room_under_daily_cap,
    rule_in_force,
    terms_in_force,
)

RATE = EarnRule(1, 0, rate_points=1, rate_minor=100)


@given(st.lists(st.tuples(st.sampled_from([0, 100, 150, 2000]), st.integers(0, 10**9)), max_size=20))
def test_points_are_the_floor_of_the_weighted_spend(lines: list[tuple[int, int]]) -> None:
    exact = sum((Fraction(percent * cash, 100 * 100) for percent, cash in lines), Fraction(0))
    outcome = earn(RATE, lines, None)
    assert outcome.points == exact.numerator // exact.denominator
    assert outcome.base_minor == sum(cash for percent, cash in lines if percent)


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_floor_never_gives_a_point_too_many(weighted: int, points: int, minor: int) -> None:
    given_points = points_for_spend_floor(weighted, points, minor)
    assert given_points * minor * 100 <= weighted * points < (given_points + 1) * minor * 100


def test_a_multiplier_applies_between_its_dates_only_and_the_greatest_wins() -> None:
    rule = EarnRule(
        1, 0, 1, 100, frozenset({"TOBACCO"}),
        (Multiplier(10, 20, 200), Multiplier(15, 30, 500, frozenset({"FRUIT"}))),
    )  # fmt: skip
    fruit = [percent_for(rule, "FRUIT", at) for at in (9, 10, 15, 19, 20, 30)]
    assert fruit == [100, 200, 500, 500, 500, 100]
    assert percent_for(rule, "BREAD", 15) == 200
    assert percent_for(rule, "TOBACCO", 15) == 0


def test_a_multiplier_with_an_audience_counts_for_its_members_alone() -> None:
    first = Audience(frozenset({"GOLD"}), first_purchase=True)
    some = Multiplier(0, 9, 300, audience=Audience(frozenset({"GOLD", "VIP"})))
    rule = EarnRule(1, 0, 1, 100, frozenset({"BEER"}), (Multiplier(0, 9, 200), some))
    assert [percent_for(as_met(rule, met), "BREAD", 5) for met in ((), [1])] == [200, 300]
    assert percent_for(as_met(rule, [1]), "BEER", 5) == 0
    assert rule_of(1, 0, rule_body(rule)) == rule
    told = [first.unmet({"GOLD"}, True), first.unmet({"VIP"}, True), first.unmet({"GOLD"}, False)]
    assert told == [None, Unmet.SEGMENT, Unmet.FIRST_PURCHASE]


def test_the_daily_cap_bounds_what_a_day_may_earn() -> None:
    rule = EarnRule(1, 0, 1, 100, daily_cap=50)
    assert [room_under_daily_cap(rule, earned) for earned in (0, 45, 50, 60)] == [50, 5, 0, 0]
    assert room_under_daily_cap(RATE, 45) is None
    assert earn(rule, [(100, 9_900)], 5).points == 5
    assert earn(rule, [(100, 9_900)], 5).uncapped_points == 99


def test_the_version_in_force_is_the_latest_whose_time_has_come() -> None:
    rules = (EarnRule(1, 10, 1, 100), EarnRule(2, 20, 2, 100))
    assert rule_in_force(rules, 9) is None
    assert [rule_in_force(rules, at).version for at in (10, 19, 20, 99)] == [1, 1, 2, 2]  # type: ignore[union-attr]  # none is None
    terms = (Terms(1, 10, 5, 0, 100, 1), Terms(2, 20, 6, 0, 90, 1))
    assert terms_in_force(terms, 9) is None
    assert [terms_in_force(terms, at).version for at in (10, 20)] == [1, 2]  # type: ignore[union-attr]  # none is None


def test_a_published_cut_counts_as_soon_as_an_issue_could_be_mined_under_it() -> None:
    week = 7 * 86_400
    terms = (Terms(1, 0, 5, 0, 100, 1), Terms(2, 10 * week, 5, 0, 40, 1))
    assert cap_in_force(terms, 9 * week - 1) == 100
    assert cap_in_force(terms, 9 * week) == 40
    assert cap_in_force((), 5) == 0


@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 500)), max_size=60),
    st.integers(0, 60),
    st.integers(0, 10_000),
)
def test_workers_with_blocks_never_issue_beyond_the_cap_even_when_it_is_cut(
    cap: int, needs: list[tuple[int, int]], cut_at: int, lower: int
) -> None:
    blocks, drawn, issued = [0, 0, 0, 0], 0, 0
    for step, (worker, need) in enumerate(needs):
        in_force = min(cap, lower) if step >= cut_at else cap
        state = refill(Reservation(blocks[worker], drawn), in_force, need)
        blocks[worker], drawn = state.remaining, state.drawn_total
        assert drawn == issued + sum(blocks)
        if state.remaining >= need:
            issued += need
            blocks[worker] -= need
            assert issued <= in_force


@given(st.integers(1, 10_000), st.lists(st.integers(1, 300), max_size=100))
def test_a_lone_worker_can_issue_the_whole_cap(cap: int, needs: list[int]) -> None:
    block, issued = Reservation(0, 0), 0
    for need in needs:
        block = refill(block, cap, need)
        assert (block.remaining < need) == (issued + need > cap)
        if block.remaining >= need:
            block, issued = Reservation(block.remaining - need, block.drawn_total), issued + need


EPOCHS = st.integers(1, 20)


@given(st.dictionaries(EPOCHS, st.integers(0, 100), max_size=8), EPOCHS, st.integers(0, 900))
def test_a_clawback_takes_its_own_epoch_first_and_then_the_latest(
    available: dict[int, int], own: int, amount: int
) -> None:
    legs = clawback_legs(available, own, amount)
    assert sum(part for _, part in legs) == min(amount, sum(available.values()))
    assert all(0 < part <= available[epoch] for epoch, part in legs)
    others = [epoch for epoch, _ in legs if epoch != own]
    assert others == sorted(others, reverse=True)
    assert own not in [epoch for epoch, _ in legs[1:]]
    assert all(part == available[epoch] for epoch, part in legs[:-1])


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_debt_is_collected_once(debt: int, earned: int) -> None:
    assert debt_collected(debt, earned) == min(debt, earned)
