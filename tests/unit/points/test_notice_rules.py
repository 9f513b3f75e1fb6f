"""Which notice is due when, by civil days of the programme's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.notice_rules import last_day, notice_at, notice_due
from ledger_service.points.rules import Cycle, epoch_ends

TORONTO = ZoneInfo("America/Toronto")
END = seconds_floor(datetime(2026, 4, 1, tzinfo=TORONTO))  # the clocks changed on 8 March
DAYS = (60, 30, 7)


def local(day: int, month: int) -> int:
    return seconds_floor(datetime(2026, month, day, tzinfo=TORONTO))


def test_the_last_day_is_the_one_before_the_end() -> None:
    assert last_day(END, TORONTO) == date(2026, 3, 31)


def test_a_notice_is_due_when_its_day_begins_also_across_a_clock_change() -> None:
    assert notice_at(END, 30, TORONTO) == local(2, 3)
    assert notice_at(END, 7, TORONTO) == local(25, 3)
    assert END - notice_at(END, 30, TORONTO) == 30 * 86_400 - 3_600


def test_only_the_notice_with_the_fewest_days_that_has_come_is_due() -> None:
    instants = (local(30, 1) - 1, local(31, 1), local(2, 3) - 1, local(2, 3), local(25, 3), END - 1, END)
    assert [notice_due(END, DAYS, TORONTO, at) for at in instants] == [None, 60, 60, 30, 7, 7, None]


def test_points_that_never_expire_give_no_notice() -> None:
    assert notice_due(NEVER_SECONDS, DAYS, TORONTO, END) is None
    assert notice_due(END, (), TORONTO, END - 1) is None


@given(
    st.sampled_from(["America/Toronto", "Pacific/Apia", "Africa/Cairo", "UTC"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),
    st.integers(1, 365),
    st.sampled_from([Cycle.WEEK, Cycle.MONTH, Cycle.QUARTER, Cycle.YEAR]),
)
def test_a_notice_never_comes_later_than_it_says(zone: str, first: datetime, days: int, cycle: Cycle) -> None:
    place = ZoneInfo(zone)
    end = epoch_ends(first.replace(tzinfo=UTC), cycle, place, 1)[0]
    due = notice_at(end, days, place)
    assert due < end
    assert notice_due(end, [days], place, due) == days
    assert notice_due(end, [days], place, due - 1) is None
