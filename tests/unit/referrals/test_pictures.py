"""Pictures of a spread: everybody stands in it once, circles included, and names are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from ledger_service.referrals.network.influence import Weights, weights_of
from ledger_service.referrals.network.pictures import ELSEWHERE, Tie, by_place, picture
from ledger_service.referrals.network.report import Facts, report_of

T0 = datetime(2017, 1, 2, tzinfo=UTC)


def facts_of(*columns: Sequence[tuple[int, ...]]) -> Facts:
    return Facts(*(
        np.array(rows, np.int64).reshape(-1, width) for rows, width in zip(columns, (2, 2, 2, 3), strict=True)
    ))  # fmt: skip


def tie(source: int, target: int, hours: int, channel: str = "line") -> Tie:
    return Tie(source, target, T0 + timedelta(hours=hours), channel)


def test_everybody_stands_once_in_a_picture_even_in_a_circle() -> None:
    ties = [tie(1, 2, 1), tie(2, 3, 2, "weibo"), tie(3, 1, 3), tie(4, 2, 4, "paper")]
    root = ElementTree.fromstring(picture(ties, "春 <&> spring"))
    marks = [one for one in root if one.tag.endswith("circle")]
    places = [one for one in marks if one.get("r") == "3"]
    assert len(places) == 4
    assert len({one.get("cy") for one in places}) == 4
    assert len([one for one in root if one.tag.endswith("path")]) == 4
    assert root[0].text == "春 <&> spring"
    assert "LINE: 2; Paper: 1; Weibo: 1" in str(root[1].text)


def test_a_picture_of_nothing_and_of_a_root_alone_is_a_picture() -> None:
    assert ElementTree.fromstring(picture([], "empty")).tag.endswith("svg")
    assert picture([], "tree", 7).count('r="6"') == 1


@pytest.mark.parametrize(("hours", "told"), [((1, 1, 1), 1), ((0, 500), 6)])
def test_no_time_along_the_foot_is_printed_over_another(hours: tuple[int, ...], told: int) -> None:
    ties = [tie(1, 2 + place, hour) for place, hour in enumerate(hours)]
    root = ElementTree.fromstring(picture(ties, "spring"))
    foot = [one for one in root if one.tag.endswith("text") and "2017-" in str(one.text)]
    assert len(foot) == len({one.get("x") for one in foot}) == len({one.text for one in foot}) == told


def test_no_channel_of_the_legend_is_printed_over_another() -> None:
    told = ("wechat-group", "wechat-moments", "weibo", "a very long name of a place", "春天的海報", "line")
    ties = [tie(1, 2 + place, place, channel) for place, channel in enumerate(told)]
    root = ElementTree.fromstring(picture(ties, "spring"))
    legend = sorted((int(one.get("x", "")), str(one.text)) for one in root if one.get("y") == "44")
    assert len(legend) > 3
    for (x, text), (following, _) in pairwise(legend):
        assert x + sum(11 if ord(one) > 0x2E7F else 6.6 for one in text) < following - 13


def test_a_report_counts_what_happened_and_names_who_moved_most() -> None:
    facts = facts_of([(5, 6)], [(1, 2), (2, 3)], [(1, 2), (2, 3)], [(1, 2, 5_000)])
    found = report_of(facts)
    assert (found["members"], found["ties"], found["levels"]) == (5, 3, [1, 1, 1])
    assert found["deepest"] == [1, 2, 3]
    # Enrolling and a purchase of $50 for the sharer, and a quarter of what its newcomer brought.
    assert found["influence"][0] == {"member": 1, "value": 1_000 + 500 + 1_000 + 250}
    assert report_of(facts_of([], [], [], [])) == {"members": 0, "ties": 0}


def test_a_line_of_descent_has_the_place_where_it_began() -> None:
    links = [tie(source, target, target, ELSEWHERE) for source, target in ((1, 2), (2, 3), (8, 9))]
    ties = [*links, tie(-1, 1, 1, "<door>")]
    assert [one.channel for one in by_place(ties)] == ["<door>", "<door>", "<door>", "elsewhere"]
    drawn = ElementTree.fromstring(picture(by_place(ties), "spring"))
    assert "<door>: 3; elsewhere: 1" in str(drawn[1].text)


def test_influence_goes_by_the_weights_that_are_given() -> None:
    facts = facts_of([(5, 6)], [(1, 2), (2, 3)], [(1, 2), (2, 3)], [(1, 2, 5_000)])
    given = weights_of({"acts": {"purchase": 7}, "value_per_hundred_minor": 2, "second_bps": 0})
    assert given == Weights({"purchase": 7}, 2, 0)
    found = report_of(facts, given)
    assert (found["influence"][0], found["weights"]["acts"]) == ({"member": 1, "value": 107}, {"purchase": 7})
    for wrong in ({}, {"acts": {"enrolment": 1}}, {"acts": {}, "depth": 3}, {"acts": {"purchase": -1}}):
        with pytest.raises(ValueError, match="weight"):
            weights_of(wrong)
