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
    Refused,
    expiry_of,
    has_an_end,
    refusal_of,
)
from ledger_service.points.inactivity_rules import Activity
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
    alive = Expiry.NEVER if expected is Expiry.NEVER else Expiry.INACTIVITY
    assert expiry_of(cycle, ends, terms(50, validity), inactivity=True) is alive


def test_ontario_and_quebec_allow_no_end_by_time_alone() -> None:
    for law in (Jurisdiction.ONTARIO, Jurisdiction.QUEBEC):
        assert refusal_of(law, ENDS, terms(50, 12)) is Refused.TIME_ALONE
        assert refusal_of(law, (*ENDS, NEVER_SECONDS), terms(50, 2)) is Refused.TIME_ALONE
        assert refusal_of(law, (*ENDS, NEVER_SECONDS), terms(50, 3)) is None
        out = refusal_of(law, ENDS, terms(500, 12))
        assert out is Refused.TIME_ALONE, "a calendar that has run out promises nothing"
    assert refusal_of(Jurisdiction.NONE, ENDS, terms(50, 12)) is None
    assert set(PROFILES) == set(Jurisdiction)


@given(st.integers(0, 5_000), st.integers(0, 60), st.integers(0, 4 * 365))
def test_no_point_issued_later_under_allowed_terms_ever_ends(first: int, validity: int, later: int) -> None:
    ends = (*range(2_592_000, 48 * 2_592_000, 2_592_000), NEVER_SECONDS)
    one = terms(first * 3_600, validity)
    if has_an_end(ends, one):
        return
    epoch = epoch_of_issue(ends, one.effective_from + later * 86_400, validity)
    assert epoch is not None and ends[epoch - 1] == NEVER_SECONDS


@pytest.mark.parametrize(
    ("law", "cycle", "validity", "expected"),
    [
        (Jurisdiction.ONTARIO, Cycle.MONTH, 3, None),
        (Jurisdiction.ONTARIO, Cycle.MONTH, 0, Refused.TOO_SHORT),
        (Jurisdiction.QUEBEC, Cycle.MONTH, 11, Refused.TOO_SHORT),
        (Jurisdiction.QUEBEC, Cycle.MONTH, 12, None),
        (Jurisdiction.QUEBEC, Cycle.QUARTER, 3, Refused.TOO_SHORT),
        (Jurisdiction.QUEBEC, Cycle.QUARTER, 4, None),
        (Jurisdiction.QUEBEC, Cycle.YEAR, 1, None),
        (Jurisdiction.QUEBEC, Cycle.MONTH, 48, Refused.TOO_SHORT),
    ],
)
def test_a_law_asks_for_so_long_an_inactivity(
    law: Jurisdiction, cycle: Cycle, validity: int, expected: Refused | None
) -> None:
    begin = datetime(2026, 1, 15, tzinfo=UTC)
    ends = tuple(epoch_ends(begin, cycle, ZoneInfo("America/Toronto"), 48))
    one = terms(int(begin.timestamp()), validity)
    assert refusal_of(law, ends, one, tuple(Activity)) is expected
    few = refusal_of(law, ends, one, [Activity.EARN, Activity.GIFT])
    assert few is (Refused.TOO_FEW if law is Jurisdiction.QUEBEC else expected)


def test_rolling_points_live_so_many_epochs_after_the_one_they_were_earned_in() -> None:
    ends = epoch_ends(datetime(2026, 1, 15, tzinfo=UTC), Cycle.MONTH, ZoneInfo("UTC"), 30)
    for earned in (0, 5, 11):
        at = ends[earned] - 1
        assert epoch_of_issue(ends, at, 12) == earned + 1 + 12
