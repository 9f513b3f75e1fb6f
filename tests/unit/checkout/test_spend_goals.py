"""Receipts that add up to a goal: the first that do, no more than needed, within the days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.checkout.collecting.rules import Goal, Receipt, reached, stands

START = datetime(2026, 3, 1, tzinfo=UTC)
GOAL = Goal(100, 10)


def receipts(*some: tuple[int, int]) -> list[Receipt]:
    """Receipts by day and amount, named in their order."""
    return [
        Receipt(bytes([place]), START + timedelta(days=day), minor) for place, (day, minor) in enumerate(some)
    ]


@pytest.mark.parametrize(
    ("some", "names"),
    [
        ([(0, 99)], []),
        ([(0, 100)], [0]),
        ([(0, 40), (1, 0), (2, 60)], [0, 2]),
        ([(0, 50), (1, 50), (2, 50)], [0, 1]),
        ([(0, 50), (1, 60), (2, 100)], [0, 1]),
        ([(0, 30), (1, 100)], [1]),
        ([(0, 60), (10, 60), (11, 60)], [1, 2]),
        ([(5, 60), (0, 60)], [1, 0]),
    ],
)
def test_the_first_receipts_that_reach_a_goal_serve_it(some: list[tuple[int, int]], names: list[int]) -> None:
    assert [one.sale_id[0] for one in reached(receipts(*some), GOAL)] == names


@pytest.mark.parametrize(
    ("own", "free", "added"),
    [
        ([(0, 50), (1, 50)], [], []),
        ([(0, 50), (1, 49)], [], None),
        ([(0, 50), (1, 0)], [(9, 30), (9, 20), (9, 40)], [30, 20]),
        ([(0, 50), (1, 0)], [(10, 60)], None),
        ([(3, 50)], [(12, 20), (-6, 20), (2, 29)], None),
        ([(3, 50)], [(12, 60), (-6, 1)], [60]),
        ([(3, 0)], [(12, 60), (4, 40)], [40, 60]),
    ],
)
def test_a_reward_stands_on_free_receipts_within_its_days(
    own: list[tuple[int, int]], free: list[tuple[int, int]], added: list[int] | None
) -> None:
    found = stands(receipts(*own), receipts(*free), GOAL)
    assert (None if found is None else [one.minor for one in found]) == added
