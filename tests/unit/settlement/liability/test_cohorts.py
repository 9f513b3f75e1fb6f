"""Layers of an epoch against a bag of single points; months of a calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.settlement.liability.calendar import MOST_MONTHS, Calendar
from ledger_service.settlement.liability.cohorts import cohorts_of, layers_of
from ledger_service.settlement.liability.flows import Flow, Way

_OUT = (Way.REDEEMED, Way.REVERSED, Way.EXPIRED)


def at_random(chance: st.DataObject, epochs: int, months: int) -> list[Flow]:
    """Flows that leave no epoch with less than nothing at any month's end."""
    there, flows = Counter[int](), []
    for month in range(months):
        for epoch in range(1, epochs + 1):
            come = chance.draw(st.integers(0, 6))
            flows.append(Flow(epoch, month, Way.ISSUED, come))
            there[epoch] += come
            for way in _OUT:
                go = chance.draw(st.integers(0, min(there[epoch], 4)))
                flows.append(Flow(epoch, month, way, -go))
                there[epoch] -= go
    return [flow for flow in flows if flow.points]


def one_by_one(flows: list[Flow]) -> Counter[tuple[int, str, int]]:
    """Where every single point went: by its month of issue, way and month."""
    bags: dict[int, list[int]] = {}
    told: Counter[tuple[int, str, int]] = Counter()
    for month in sorted({flow.month for flow in flows}):
        mine = [flow for flow in flows if flow.month == month]
        for flow in mine:
            bags.setdefault(flow.epoch, []).extend([month] * max(flow.points, 0))
        for flow in sorted(f for f in mine if f.points < 0):
            for _ in range(-flow.points):
                issued = bags[flow.epoch].pop(-1 if flow.way is Way.REVERSED else 0)
                told[issued, flow.way, month] += 1
    for bag in bags.values():
        for issued in bag:
            told[issued, "left", 0] += 1
    return told


@given(st.data())
def test_layers_say_where_every_single_point_went(data: st.DataObject) -> None:
    flows = at_random(data, 3, 5)
    told: Counter[tuple[int, str, int]] = Counter()
    for layer in layers_of(flows):
        for (way, month), points in layer.gone.items():
            told[layer.month, way, month] += points
        told[layer.month, "left", 0] += layer.left(99)
    assert +told == one_by_one(flows)


@given(st.data(), st.integers(0, 4))
def test_what_is_left_at_any_month_s_end_is_what_came_less_what_went(data: st.DataObject, month: int) -> None:
    flows = at_random(data, 2, 5)
    left = sum(layer.left(month) for layer in layers_of(flows) if layer.month <= month)
    assert left == sum(flow.points for flow in flows if flow.month <= month)


def test_what_is_restored_comes_back_to_where_it_was_last_taken_from() -> None:
    flows = [Flow(1, 0, Way.ISSUED, 10), Flow(1, 1, Way.ISSUED, 10), Flow(1, 1, Way.REDEEMED, -12)]
    layers = layers_of([*flows, Flow(1, 2, Way.REDEEMED, 5)])
    assert [layer.left(2) for layer in layers] == [3, 10]
    assert [layer.left(1) for layer in layers] == [0, 8]
    restored = layers_of([*flows, Flow(2, 2, Way.REDEEMED, 5)])[-1]
    assert (restored.epoch, restored.origin, restored.left(2)) == (2, Way.REDEEMED, 5)


def test_extended_points_stay_in_the_month_that_issued_them() -> None:
    flows = [
        Flow(1, 0, Way.ISSUED, 10), Flow(1, 1, Way.ISSUED, 4), Flow(1, 2, Way.EXTENDED, -12),
        Flow(2, 2, Way.ISSUED, 7), Flow(2, 2, Way.EXTENDED, 12), Flow(2, 3, Way.REDEEMED, -11),
    ]  # fmt: skip
    cohorts = cohorts_of(layers_of(flows))
    assert [(c.month, c.issued, c.left(2), c.left(3)) for c in cohorts] == [
        (0, 10, 10, 0), (1, 4, 4, 3), (2, 7, 7, 7),
    ]  # fmt: skip
    assert [c.redeemed_at(3 - c.month) for c in cohorts] == [10, 1, 0]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_months_are_those_of_the_zone_and_the_last_may_be_unfinished(zone: str) -> None:
    half, whole = Calendar(date(2026, 3, 30), ZoneInfo(zone)), Calendar(date(2026, 3, 31), ZoneInfo(zone))
    assert [c.label(c.last_whole) for c in (half, whole)] == ["2026-02", "2026-03"]
    assert len(half.first_days) == MOST_MONTHS
    ends = instant_of_seconds(half.ends_seconds(half.last)).astimezone(ZoneInfo(zone))
    assert f"{ends:%Y-%m-%d %H:%M:%S}" == "2026-03-30 23:59:59"
    ends = instant_of_seconds(half.ends_seconds(half.last - 1)).astimezone(ZoneInfo(zone))
    assert f"{ends:%Y-%m-%d %H:%M:%S}" == "2026-02-28 23:59:59"
