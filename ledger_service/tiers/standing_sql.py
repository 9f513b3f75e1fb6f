"""``rules.place_at`` for many members at once, as one SELECT: a window function and grouped maxima, no loop.

The second telling of the same rule; tests compare both after random histories on both databases.
"""

from __future__ import annotations

from ledger_service.tiers.rules import (
    FOR_EVER,
    NO_PERIOD,
    Downgrade,
    Ladder,
    Window,
    least_period,
)

_OF_RANGE = "FROM qualifying_day WHERE programme_id = :programme AND member_id BETWEEN :first AND :last"
_NOTHING = "CAST(NULL AS INTEGER)"


def standing_select(ladder: Ladder, day: int, dialect: str) -> str:
    """A SELECT of ``member_id``, ``level``, ``until_day`` and ``total_minor`` on a business day.

    Binds ``programme``, ``first`` and ``last`` (member ids). Only numbers of the ladder are written into it.
    A member without activity has no row. Days after ``day``, which only a host with a fast clock can have
    written, count.
    """
    if ladder.top == 0:
        return (f"SELECT member_id, 0 AS level, {_NOTHING} AS until_day, SUM(amount_minor) AS total_minor"
                f" {_OF_RANGE} GROUP BY member_id")  # fmt: skip
    levels = range(1, ladder.top + 1)
    held = ", ".join(
        f"COALESCE(MAX(CASE WHEN amount >= {ladder.tiers[k].at_least_minor} THEN period END), {NO_PERIOD})"
        f" AS held_{k}"
        for k in levels
    )
    ends = ", ".join(f"{_end(ladder, k, dialect)} AS end_{k}" for k in levels)
    alive = least_period(ladder, day)
    down = sorted(levels, reverse=True)
    level = " ".join(f"WHEN end_{k} >= {alive} THEN {k}" for k in down)
    until = " ".join(f"WHEN end_{k} >= {alive} THEN {_last_day(ladder, f'end_{k}')}" for k in down)
    return (
        f"WITH span AS ({_spans(ladder)}),"
        f" held AS (SELECT member_id, SUM(own_minor) AS total_minor, {held} FROM span GROUP BY member_id),"
        f" ends AS (SELECT member_id, total_minor, {ends} FROM held)"
        f" SELECT member_id, CASE {level} ELSE 0 END AS level, CASE {until} END AS until_day, total_minor"
        " FROM ends"
    )


def _spans(ladder: Ladder) -> str:
    """Each period in which amounts count together with their sum; ``own_minor`` adds up to all of it once."""
    if ladder.window is Window.ROLLING_DAYS:
        reach = ladder.window_days - 1
        return (
            f"SELECT member_id, day + {reach} AS period, amount_minor AS own_minor, SUM(amount_minor)"
            " OVER (PARTITION BY member_id ORDER BY day RANGE BETWEEN CURRENT ROW"
            f" AND {reach} FOLLOWING) AS amount {_OF_RANGE}"
        )
    if ladder.window is Window.SINCE_JOIN:
        total = "SUM(amount_minor)"
        return (f"SELECT member_id, {FOR_EVER} AS period, {total} AS own_minor, {total} AS amount"
                f" {_OF_RANGE} GROUP BY member_id")  # fmt: skip
    return ("SELECT member_id, year AS period, SUM(amount_minor) AS own_minor, SUM(amount_minor) AS amount"
            f" {_OF_RANGE} GROUP BY member_id, year")  # fmt: skip


def _end(ladder: Ladder, level: int, dialect: str) -> str:
    own = f"held_{level}"
    if ladder.downgrade is Downgrade.REQUALIFY or ladder.window is Window.SINCE_JOIN or level == ladder.top:
        return own
    deepest = ladder.top if ladder.downgrade is Downgrade.STEP else level + 1
    falls = [f"held_{k} + {(k - level) * ladder.step_periods}" for k in range(level + 1, deepest + 1)]
    greatest = "MAX" if dialect == "sqlite" else "GREATEST"
    return f"{greatest}({', '.join([own, *falls])})"


def _last_day(ladder: Ladder, period: str) -> str:
    if ladder.window is Window.SINCE_JOIN:
        return _NOTHING
    if ladder.window is Window.ROLLING_DAYS:
        return f"{period} + {ladder.grace_days}"
    # The day number of 31 December of a year.
    ends = f"{period} * 365 + {period} / 4 - {period} / 100 + {period} / 400"
    return f"{ends} + {ladder.grace_days}"
