"""When a till may ask and when it may revoke."""

from __future__ import annotations

import pytest

from ledger_service.kernel.paycode_errors import RevokeTooEarly
from ledger_service.kernel.paycode_timing import AttemptState, Revocation, next_query_seconds, revocation_of


@pytest.mark.parametrize(("age", "wait"), [(0, 5), (3, 2), (5, 5), (60, 5)])
def test_an_unknown_attempt_is_asked_about_at_five_seconds_and_every_five_after(age: int, wait: int) -> None:
    assert next_query_seconds(AttemptState.UNKNOWN, age) == wait


@pytest.mark.parametrize("state", [AttemptState.ACCEPTED, AttemptState.REVOKED])
def test_a_final_state_need_not_be_asked_about_again(state: AttemptState) -> None:
    assert next_query_seconds(state, 0) is None


@pytest.mark.parametrize(("age", "left"), [(-1, 15), (0, 15), (14, 1)])
def test_a_revocation_within_fifteen_seconds_is_too_early_and_says_how_long(age: int, left: int) -> None:
    for state in (AttemptState.UNKNOWN, AttemptState.ACCEPTED):
        with pytest.raises(RevokeTooEarly) as refusal:
            revocation_of(state, age)
        assert refusal.value.retry_after_seconds == left


def test_after_fifteen_seconds_the_unknown_gets_a_tombstone_and_the_accepted_is_undone() -> None:
    assert revocation_of(AttemptState.UNKNOWN, 15) is Revocation.WRITE_TOMBSTONE
    assert revocation_of(AttemptState.ACCEPTED, 15) is Revocation.UNDO


def test_a_second_revocation_has_nothing_to_do_at_any_age() -> None:
    assert revocation_of(AttemptState.REVOKED, 0) is Revocation.NOTHING
