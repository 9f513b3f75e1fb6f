"""Rules of taking points: shares and sums are never passed, the tightest bound is named, less is noticed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.checkout.requests import Line
from ledger_service.checkout.taking.reasons import LANGUAGES, SAID
from ledger_service.checkout.taking.rules import (
    WHOLE_BPS,
    Bound,
    TakingRules,
    Ticket,
    Version,
    beyond,
    in_force,
    room_of,
    rules_body,
    rules_of,
    share_of_ticket,
    shared,
    takes,
    tighter,
)

TUESDAY_NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BPS = st.integers(0, WHOLE_BPS)
MOST = st.none() | st.integers(0, 5_000)
RULES = st.builds(
    TakingRules,
    only_programmes=st.none() | st.frozensets(st.sampled_from(("GROC", "FUEL"))),
    not_programmes=st.frozensets(st.sampled_from(("GROC", "FUEL"))),
    not_dates=st.frozensets(st.sampled_from(("2026-03-10", "2026-03-11"))),
    weekdays=st.frozensets(st.integers(1, 7)),
    hours=st.tuples(st.integers(0, 1_440), st.integers(0, 1_440)),
    category_bps=st.dictionaries(st.sampled_from(("FOOD", "WINE")), BPS),
    ticket_bps=BPS,
    least_minor=st.integers(0, 100),
    most_minor=MOST, member_day_minor=MOST, store_day_minor=MOST, merchant_day_minor=MOST,
)  # fmt: skip
LINES = st.lists(
    st.builds(Line, line=st.just("1"), category=st.sampled_from(("FOOD", "WINE", "TOYS")),
              quantity=st.just(1), amount_minor=st.integers(0, 10_000)),
    min_size=1, max_size=6,
)  # fmt: skip
# Rules of an open shop: where it is closed for points, every other bound holds by itself.
ALWAYS = {"weekdays": frozenset(range(1, 8)), "hours": (0, 1_440), "not_dates": frozenset()}
OPEN = RULES.map(lambda rules: replace(rules, **ALWAYS))
NAMES = st.sampled_from([one.name for one in fields(TakingRules)])
TAKEN = st.fixed_dictionaries(dict.fromkeys(("member", "store", "merchant"), st.integers(0, 6_000)))


def ticket_of(lines: Any, at: datetime = TUESDAY_NOON) -> Ticket:
    return Ticket(7, at, lines, [line.amount_minor for line in lines])


def basket(*amounts: int, category: str = "FOOD") -> list[Line]:
    return [Line(str(i), category, 1, amount) for i, amount in enumerate(amounts)]


@given(OPEN, LINES, TAKEN)
def test_what_may_be_paid_never_passes_a_share_or_a_sum(rules: TakingRules, lines: Any, taken: Any) -> None:
    ticket = ticket_of(lines)
    most = room_of(rules, ticket, taken).most_minor
    assert 0 <= most <= share_of_ticket(rules, lines, ticket.payable)
    assert most * WHOLE_BPS <= sum(line.amount_minor for line in lines) * rules.ticket_bps
    for line, part in zip(lines, shared(rules, lines, ticket.payable), strict=True):
        assert part * WHOLE_BPS <= line.amount_minor * rules.category_bps.get(line.category, WHOLE_BPS)
    for scope, _, sum_most in rules.sums():
        assert most == 0 or taken[scope] + most <= sum_most
    assert rules.most_minor is None or most <= rules.most_minor
    assert most == 0 or most >= rules.least_minor


@given(RULES)
def test_a_document_says_all_of_the_rules(rules: TakingRules) -> None:
    assert rules_of(rules_body(rules)) == rules
    assert rules_of({}) == TakingRules()


@given(OPEN, st.tuples(RULES, NAMES), LINES, TAKEN)
def test_what_is_no_tighter_takes_all_that_was_taken_before(
    before: TakingRules, change: tuple[TakingRules, str], lines: Any, taken: Any
) -> None:
    other, name = change
    after = replace(before, **{name: getattr(other, name)})
    assert tighter(before, before) == []
    if not tighter(before, after):
        ticket = ticket_of(lines)
        assert room_of(after, ticket, taken).most_minor >= room_of(before, ticket, taken).most_minor
        assert all(takes(after, code) for code in ("GROC", "FUEL", "FLOR") if takes(before, code))


@pytest.mark.parametrize(("changed", "bound", "most"), [
    ({"not_stores": frozenset({7})}, Bound.STORE, 0),
    ({"weekdays": frozenset({1, 3})}, Bound.DAY, 0),
    ({"not_dates": frozenset({"2026-03-10"})}, Bound.DAY, 0),
    ({"hours": (13 * 60, 1_440)}, Bound.HOUR, 0),
    ({"hours": (0, 12 * 60)}, Bound.HOUR, 0),
    ({"category_bps": {"FOOD": 2_500}}, Bound.CATEGORY, 249),
    ({"ticket_bps": 3_333}, Bound.TICKET, 333),
    ({"most_minor": 200}, Bound.MOST, 200),
    ({"least_minor": 1_001}, Bound.LEAST, 0),
    ({"member_day_minor": 150}, Bound.MEMBER_DAY, 140),
    ({"store_day_minor": 150}, Bound.STORE_DAY, 130),
    ({"merchant_day_minor": 150}, Bound.MERCHANT_DAY, 120),
    ({}, None, 1_000),
])  # fmt: skip
def test_the_tightest_bound_is_named(changed: dict[str, Any], bound: Bound | None, most: int) -> None:
    taken = {"member": 10, "store": 20, "merchant": 30}
    room = room_of(replace(TakingRules(), **changed), ticket_of(basket(499, 501)), taken)
    assert (room.bound, room.most_minor) == (bound, most)
    assert beyond(room, most) is None
    assert beyond(room, most + 1) is bound


def test_a_payment_below_the_least_is_none() -> None:
    room = room_of(TakingRules(least_minor=100), ticket_of(basket(1_000)), {})
    assert (beyond(room, 99), beyond(room, 100), beyond(room, 0)) == (Bound.LEAST, None, None)


@pytest.mark.parametrize(("before", "after", "named"), [
    ({}, {"only_programmes": frozenset({"GROC"})}, ["programmes"]),
    ({"only_programmes": frozenset({"GROC"})}, {}, []),
    ({"only_programmes": frozenset({"GROC"})}, {"not_programmes": frozenset({"FUEL"})}, []),
    ({}, {"not_programmes": frozenset({"FUEL"})}, ["programmes"]),
    ({"ticket_bps": 5_000}, {}, []),
    ({}, {"category_bps": {"WINE": 0}, "least_minor": 1, "most_minor": 9},
     ["category_bps", "least_minor", "most_minor"]),
    ({"most_minor": 9}, {"most_minor": 10}, []),
    ({}, {"ticket_bps": 9_999, "weekdays": frozenset({1}), "hours": (1, 1_440)},
     ["weekdays", "hours", "ticket_bps"]),
    ({}, {"hours": (0, 1_439), "not_stores": frozenset({7}), "not_dates": frozenset({"2026-03-10"})},
     ["not_stores", "not_dates", "hours"]),
    ({}, {"member_day_minor": 1, "store_day_minor": 1, "merchant_day_minor": 1},
     ["member_day_minor", "store_day_minor", "merchant_day_minor"]),
])  # fmt: skip
def test_what_takes_less_is_named(before: Any, after: Any, named: list[str]) -> None:
    assert tighter(TakingRules(**before), TakingRules(**after)) == named


def test_the_version_in_force_is_the_last_that_has_begun() -> None:
    versions = [Version(1, 100, TakingRules()), Version(2, 200, TakingRules())]
    found = [in_force(versions, at) for at in (99, 100, 199, 200)]
    assert [one and one.version for one in found] == [None, 1, 1, 2]


def test_hours_are_those_of_the_store_and_every_bound_has_words() -> None:
    late = TUESDAY_NOON + timedelta(hours=11, minutes=59)
    rules = TakingRules(hours=(0, 23 * 60 + 59))
    assert room_of(rules, ticket_of(basket(5), late), {}).bound is Bound.HOUR
    assert room_of(rules, ticket_of(basket(5), late - timedelta(minutes=1)), {}).bound is None
    assert set(SAID) == set(Bound)
    assert all(tuple(words) == LANGUAGES and all(words.values()) for words in SAID.values())
