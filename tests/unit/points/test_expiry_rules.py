"""What calendar and terms come to, and what a jurisdiction allows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.expiry_rules import (
    PROFILES,
    Expiry,
    Jurisdiction,
    allowed,
    ends_by_time_alone,
    expiry_of,
)
from ledger_service.points.rules import Cycle, Terms, epoch_ends, epoch_of_issue

ENDS = (100, 200, 300)


def terms(effective_from: int, validity: int) -> Terms:
    return Terms(1, effective_from, 10_000, 0, 10**9, validity)


@pytest.mark.parametrize(
    ("cycle", "ends", "validity", "expected"),
    [
        (Cycle.NEVER, (NEVER_SECONDS,), 0, Expiry.NEVER),
        (Cycle.YEAR, ENDS, 1, Expiry.CALENDAR),
        (Cycle.MONTH, ENDS, 0, Expiry.CALENDAR),
        (Cycle.MONTH, ENDS, 12, Expiry.ROLLING),
        (Cycle.WEEK, ENDS, 1, Expiry.ROLLING),
        (Cycle.YEAR, (*ENDS, NEVER_SECONDS), 1, Expiry.CALENDAR),
        (Cycle.YEAR, (*ENDS, NEVER_SECONDS), 3, Expiry.NEVER),
    ],
)
def test_calendar_and_terms_come_to_a_policy(
    cycle: Cycle, ends: tuple[int, ...], validity: int, expected: Expiry
) -> None:
    assert expiry_of(cycle, ends, terms(50, validity)) is expected


def test_ontario_and_quebec_allow_no_end_by_time_alone() -> None:
    for law in (Jurisdiction.ONTARIO, Jurisdiction.QUEBEC):
        assert not allowed(law, ENDS, terms(50, 12))
        assert not allowed(law, (*ENDS, NEVER_SECONDS), terms(50, 2))
        assert allowed(law, (*ENDS, NEVER_SECONDS), terms(50, 3))
        assert not allowed(law, ENDS, terms(500, 12)), "a calendar that has run out promises nothing"
    assert allowed(Jurisdiction.NONE, ENDS, terms(50, 12))
    assert set(PROFILES) == set(Jurisdiction)


@given(st.integers(0, 5_000), st.integers(0, 60), st.integers(0, 4 * 365))
def test_no_point_issued_later_under_allowed_terms_ever_ends(first: int, validity: int, later: int) -> None:
    ends = (*range(2_592_000, 48 * 2_592_000, 2_592_000), NEVER_SECONDS)
    one = terms(first * 3_600, validity)
    if ends_by_time_alone(ends, one):
        return
    epoch = epoch_of_issue(ends, one.effective_from + later * 86_400, validity)
    assert epoch is not None and ends[epoch - 1] == NEVER_SECONDS


def test_rolling_points_live_so_many_epochs_after_the_one_they_were_earned_in() -> None:
    ends = epoch_ends(datetime(2026, 1, 15, tzinfo=UTC), Cycle.MONTH, ZoneInfo("UTC"), 30)
    for earned in (0, 5, 11):
        at = ends[earned] - 1
        assert epoch_of_issue(ends, at, 12) == earned + 1 + 12
