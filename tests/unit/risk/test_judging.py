"""Each signal alone: what it sees, where it begins, and what it must not see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.errors import MalformedField
from ledger_service.risk.documents import observation_document, observation_of, rules_document, rules_of
from ledger_service.risk.judging import as_booked, counted, judge, strictest
from ledger_service.risk.rules import Act, Observation, Outcome, Rule, RuleSet, Who
from ledger_service.risk.tallies import DAY_SECONDS, QUARTER_SECONDS, Tally, merged, tally_of

NOON = 1_790_000_000 // DAY_SECONDS * DAY_SECONDS + 43_200
ANNA = Who(1, 7, "t1", "anna", 1)
SALE = Observation(NOON, ANNA, frozenset({Act.SALE}), 1_000)
PAID = replace(SALE, acts=frozenset({Act.SALE, Act.SPEND}), spend_minor=500, permit_minor=500)
BACK = replace(SALE, acts=frozenset({Act.REFUND}))


def rule_set(scope: int = 0, **rule: Any) -> RuleSet:
    given = {"code": "r", "outcome": "refuse", "acts": ["sale"], **rule}
    return RuleSet(scope, 1, 0, rules_of([given]), NOON - 400 * DAY_SECONDS)


def play(rules: RuleSet, *acts: Observation) -> list[bool]:
    """For each act whether it was hit, judged by those before it; all of them happen."""
    tallies: dict[str, Tally] = {}
    found = []
    for seen in acts:
        found.append(bool(judge(rules, seen, tallies)))
        tallies |= counted(rules, seen, tallies)
    return found


def later(seen: Observation, seconds: int, **changes: Any) -> Observation:
    who = {
        name: changes.pop(name)
        for name in ("member_id", "cashier", "terminal", "device", "card")
        if name in changes
    }
    return replace(seen, at=seen.at + seconds, who=replace(seen.who, **who), **changes)


@pytest.mark.parametrize(
    ("per", "other"),
    [
        ("member", {"member_id": 8}),
        ("cashier", {"cashier": "bert"}),
        ("terminal", {"terminal": "t2"}),
        ("device", {"device": 2}),
        ("card", {"card": "k2"}),
    ],
)
def test_velocity_counts_each_subject_by_itself(per: str, other: dict[str, Any]) -> None:
    rules = rule_set(signal="velocity", per=per, count="sales", window_seconds=900, most=2)
    mine = replace(SALE, who=replace(ANNA, card="k1"))
    elsewhere = later(mine, 0, **other)
    assert play(rules, mine, mine, elsewhere, elsewhere, mine) == [False, False, False, False, True]


def test_a_till_that_names_no_cashier_is_one() -> None:
    rules = rule_set(signal="velocity", per="cashier", count="sales", window_seconds=900, most=1)
    nobody = later(SALE, 0, cashier=None)
    assert play(rules, nobody, later(nobody, 0, terminal="t2"), nobody) == [False, False, True]


def test_a_window_is_never_shorter_than_it_says() -> None:
    rules = rule_set(signal="velocity", count="sales", window_seconds=3_600, most=1)
    assert play(rules, SALE, later(SALE, 3_600)) == [False, True]
    assert play(rules, SALE, later(SALE, 3_600 + QUARTER_SECONDS)) == [False, False]


def test_a_merchants_rules_do_not_see_other_merchants() -> None:
    rules = rule_set(1, signal="velocity", count="sales", window_seconds=900, most=1)
    assert play(rules, SALE, SALE) == [False, True]
    keys = counted(rules, SALE, {})
    assert all(key.startswith("1/") for key in keys)


def test_amounts_are_counted_where_the_rule_counts_amounts() -> None:
    rules = rule_set(
        signal="velocity", count="spent_minor", window_seconds=86_400, most=1_000, acts=["spend"]
    )
    assert play(rules, PAID, PAID, PAID) == [False, False, True]


def test_a_refund_of_what_paid_in_points_or_was_spent_since_is_a_loop() -> None:
    rules = rule_set(signal="velocity", count="loops", window_seconds=86_400, most=0, acts=["refund"])
    assert play(rules, SALE, later(BACK, 60, sold_at=NOON)) == [False, False]
    assert play(rules, SALE, later(PAID, 30), later(BACK, 60, sold_at=NOON)) == [False, False, True]
    assert play(rules, PAID, later(BACK, 60, sold_at=NOON, paid_in_points=True)) == [False, True]
    assert play(rules, PAID, later(SALE, 60), later(BACK, 90, sold_at=NOON + 60)) == [False, False, False]


def test_a_share_of_refunds_begins_with_so_many() -> None:
    rules = rule_set(
        signal="refund_share", window_seconds=86_400, share_bps=5_000, least_count=2, acts=["refund"]
    )
    assert play(rules, SALE, SALE, BACK, BACK) == [False, False, False, True]
    assert play(rules, SALE, SALE, SALE, BACK, replace(BACK, goods_minor=500)) == [False] * 5


def test_concentration_is_a_cashiers_share_for_one_member() -> None:
    rules = rule_set(
        signal="concentration", window_seconds=86_400, share_bps=5_000, least_count=3, acts=["sale", "attach"]
    )
    attach = replace(SALE, acts=frozenset({Act.ATTACH}))
    others = [later(SALE, 0, member_id=number) for number in range(100, 103)]
    assert play(rules, *others, SALE, attach, SALE, SALE)[-2:] == [False, True]


def test_an_account_sleeps_until_the_day_after_it_woke() -> None:
    rules = rule_set(signal="dormant", seconds=30 * DAY_SECONDS, acts=["spend"])
    month = 31 * DAY_SECONDS
    assert play(rules, SALE, later(SALE, month), later(PAID, month + 60)) == [False, False, True]
    assert play(rules, SALE, later(SALE, month), later(PAID, month + DAY_SECONDS)) == [False] * 3
    # Who joined yesterday has not been away.
    assert play(rules, replace(PAID, member_since=NOON - DAY_SECONDS)) == [False]
    assert play(rules, PAID) == [True]


def outcome(rules: RuleSet, seen: Observation) -> Outcome:
    return strictest(judge(rules, seen, {}))


def test_a_new_device_is_vouched_for_by_an_older_one_only() -> None:
    rules = rule_set(signal="new_device", outcome="step_up", seconds=DAY_SECONDS, acts=["spend"])
    new = replace(PAID, device_since=NOON - 3_600)
    assert outcome(rules, replace(PAID, device_since=NOON - DAY_SECONDS)) is Outcome.ALLOW
    assert outcome(rules, new) is Outcome.HOLD
    assert outcome(rules, replace(new, trusted_since=NOON - 7_200)) is Outcome.HOLD
    assert outcome(rules, replace(new, trusted_since=0)) is Outcome.STEP_UP
    assert outcome(rules, replace(new, member_since=NOON - 3_600)) is Outcome.ALLOW


def test_only_a_payment_can_be_confirmed_and_a_confirmed_one_is_allowed() -> None:
    cap = rule_set(signal="permit_cap", outcome="step_up", acts=["spend"])
    above = replace(PAID, spend_minor=501)
    assert (outcome(cap, PAID), outcome(cap, above)) == (Outcome.ALLOW, Outcome.STEP_UP)
    assert outcome(cap, replace(above, confirmed=True)) is Outcome.ALLOW
    assert outcome(rule_set(signal="amount", outcome="step_up", most=10), SALE) is Outcome.HOLD


def test_what_is_held_goes_on_without_points_unless_it_is_nothing_without_them() -> None:
    plain = as_booked(PAID, Outcome.HOLD)
    assert plain is not None
    assert (plain.acts, plain.spend_minor) == (frozenset({Act.SALE}), 0)
    assert as_booked(replace(PAID, must_spend=True), Outcome.HOLD) is None
    assert as_booked(SALE, Outcome.REFUSE) is as_booked(PAID, Outcome.STEP_UP) is None


def test_tallies_of_workers_make_one_and_read_back_the_same() -> None:
    whole, parts = Tally(), [Tally(), Tally()]
    for number in range(40):
        at = NOON + number * 7 * 3_600
        whole = whole.plus({"sales": 1}, at, spends=number % 3 == 0)
        parts[number % 2] = parts[number % 2].plus({"sales": 1}, at, spends=number % 3 == 0)
    one = merged(tally_of(part.document(), part.last_at) for part in parts)
    now = NOON + 40 * 7 * 3_600
    for window in (900, 21_600, DAY_SECONDS, 30 * DAY_SECONDS):
        assert one.within("sales", window, now) == whole.within("sales", window, now)
    assert (one.last_at, one.prior_at, one.spent_at) == (whole.last_at, whole.prior_at, whole.spent_at)
    assert len(whole.quarters) <= 26
    assert len(whole.days) <= 32


def test_rules_and_observations_read_back_the_same() -> None:
    rules = rules_of([{"code": "v", "signal": "velocity", "outcome": "hold", "acts": ["spend"], "per": "card",
                       "count": "spends", "window_seconds": 900, "most": 3, "least_minor": 5}])  # fmt: skip
    assert rules_of(rules_document(rules)) == rules
    assert isinstance(rules[0], Rule)
    for seen in (SALE, PAID, replace(PAID, trusted_since=3, sold_at=4, confirmed=True, must_spend=True)):
        assert observation_of(observation_document(seen)) == seen


@pytest.mark.parametrize("given", [{}, "x", [1], [{"code": "a"}], [{"signal": "own_card"}], None])
def test_what_is_no_list_of_rules_is_refused(given: object) -> None:
    with pytest.raises(MalformedField):
        rules_of(given)
