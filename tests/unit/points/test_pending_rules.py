"""What an earn waits for: days, a date, a return window, an event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.points.pending_rules import (
    AT_ONCE,
    DAY_SECONDS,
    PendingTerms,
    Wait,
    Waiting,
    after_days,
    return_window_ended,
    waiting_of,
)
from ledger_service.points.rule_text import rule_body, rule_of
from ledger_service.points.rules import EarnRule

AT = 1_000_000


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (AT_ONCE, None),
        (after_days(0), None),
        (after_days(2), Waiting(AT + 2 * DAY_SECONDS)),
        (PendingTerms(Wait.RETURN_WINDOW, 30), Waiting(AT + 30 * DAY_SECONDS)),
        (PendingTerms(Wait.UNTIL_DATE, until=AT + 5), Waiting(AT + 5)),
        (PendingTerms(Wait.UNTIL_DATE, until=AT), None),
        (PendingTerms(Wait.EVENT, 3, event="paid"), Waiting(AT + 3 * DAY_SECONDS, "paid", True)),
        (PendingTerms(Wait.EVENT, 3, 0, "paid", False), Waiting(AT + 3 * DAY_SECONDS, "paid", False)),
    ],
)
def test_an_earn_waits_for_what_its_rule_says(terms: PendingTerms, expected: Waiting | None) -> None:
    assert waiting_of(terms, AT) == expected


@pytest.mark.parametrize(
    ("days", "lapses", "known_after", "deadline_after"),
    [(1, True, 0, 1), (1, True, 0.99, 1.99), (3, True, 1, 3), (3, True, 2.5, 3.5), (1, False, 0.99, 1)],
)
def test_who_learns_of_a_sale_late_has_a_day_to_tell_its_event_before_anything_lapses(
    days: int, lapses: bool, known_after: float, deadline_after: float
) -> None:
    terms = PendingTerms(Wait.EVENT, days, event="paid", lapses=lapses)
    known_at, deadline = (AT + round(n * DAY_SECONDS) for n in (known_after, deadline_after))
    assert waiting_of(terms, AT, known_at) == Waiting(deadline, "paid", lapses)


def test_only_a_return_window_ends_the_clawback() -> None:
    window = PendingTerms(Wait.RETURN_WINDOW, 30)
    end = AT + 30 * DAY_SECONDS
    assert [return_window_ended(window, AT, at) for at in (AT, end - 1, end, end + 1)] == [
        False, False, True, True,
    ]  # fmt: skip
    assert not return_window_ended(after_days(30), AT, end + 1)


@given(
    st.builds(
        PendingTerms, st.sampled_from(Wait), st.integers(0, 3_650), st.integers(0, 2**37),
        st.text("abc._-", max_size=32), st.booleans(),
    ) | st.none()
)  # fmt: skip
def test_a_rule_is_read_as_it_was_written(pending: PendingTerms | None) -> None:
    rule = EarnRule(3, 7, 1, 100, frozenset({"TOBACCO"}), (), 50, pending)
    assert rule_of(3, 7, rule_body(rule)) == rule


def test_a_rule_of_before_there_were_pending_terms_leaves_it_to_the_programme() -> None:
    body = '{"points":1,"per_minor":100,"excluded":[],"daily_cap":null,"multipliers":[]}'
    assert rule_of(1, 0, body).pending is None
    assert rule_body(rule_of(1, 0, body)) == body
