"""When a member may be told: quiet hours over midnight and over a change of clocks, and a cap in 24 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.members.quiet.rules import Wish, free_from

NIGHT = Wish(22 * 60, 7 * 60, "Europe/Berlin")
NOON = Wish(12 * 60, 13 * 60, "UTC")


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-{day}T{clock}:00+00:00")


@pytest.mark.parametrize(
    ("wish", "now", "free"),
    [
        (NIGHT, at("01-10", "20:59"), at("01-10", "20:59")),
        (NIGHT, at("01-10", "21:00"), at("01-11", "06:00")),
        (NIGHT, at("01-11", "05:59"), at("01-11", "06:00")),
        (NIGHT, at("01-11", "06:00"), at("01-11", "06:00")),
        # The night in which the clocks go forward is an hour shorter.
        (NIGHT, at("03-28", "23:00"), at("03-29", "05:00")),
        (NOON, at("01-10", "12:30"), at("01-10", "13:00")),
        (NOON, at("01-10", "13:00"), at("01-10", "13:00")),
        (Wish(), at("01-10", "03:00"), at("01-10", "03:00")),
    ],
)
def test_quiet_hours_end_by_the_members_own_clock(wish: Wish, now: datetime, free: datetime) -> None:
    found = free_from(wish, (), now)
    assert (found, found.astimezone(UTC).utcoffset()) == (free, timedelta())


def test_no_more_than_so_many_in_24_hours_and_then_not_at_night_either() -> None:
    told = [at("01-10", "10:00"), at("01-10", "21:30"), at("01-08", "10:00")]
    now = at("01-11", "08:00")
    assert free_from(Wish(most_a_day=3), told, now) == now
    assert free_from(Wish(most_a_day=2), told, now) == at("01-11", "10:00")
    assert free_from(Wish(most_a_day=1), told, now) == at("01-11", "21:30")
    assert free_from(NIGHT._replace(most_a_day=1), told, now) == at("01-12", "06:00")
