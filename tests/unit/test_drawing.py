"""Pictures of figures: what is drawn, what is said to whoever does not see it, and what is escaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

import pytest

from ledger_service.web.drawing import Point, Slice, Step, Stream, ageing, funnel, netting, series
from ledger_service.web.drawing.bars import Bar, bars
from ledger_service.web.drawing.canvas import WIDTH, fitted, length

PICTURES = {
    "bars": lambda name: bars([Bar(name, -7), Bar("b", 7)], "Title", str),
    "ageing": lambda name: ageing([Slice(name, 7), Slice("later", 3)], "Title", str),
    "funnel": lambda name: funnel([Step(name, 7), Step("used", 0)], "Title", str),
    "netting": lambda name: netting([Stream(name, -7), Stream("b", 4), Stream("c", 3)], "Title", str),
    "series": lambda name: series([Point(name, 0), Point("now", 7)], "Title", str),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_well_formed_titled_and_described(kind: str) -> None:
    drawn = Xml.fromstring(str(PICTURES[kind]("first & <b>")))
    assert (drawn.get("role"), drawn.find("title").text) == ("img", "Title")
    said = drawn.find("desc").text
    assert "first & <b>: " in said and "7" in said


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_has_no_style_and_no_script_of_its_own(kind: str) -> None:
    text = str(PICTURES[kind]("<script>alert(1)</script>"))
    assert "<script" not in text and " style=" not in text


def test_of_nothing_nothing_is_drawn() -> None:
    drawn = [
        ageing([], "t", str),
        funnel([], "t", str),
        netting([Stream("a", 0)], "t", str),
        series([], "t", str),
    ]
    assert [str(one) for one in drawn] == [""] * 4


def test_bands_of_both_sides_are_equally_thick_at_the_middle() -> None:
    text = str(netting([Stream("a", -300), Stream("b", 100), Stream("c", 200)], "t", str))
    thick = {
        kind: [int(v) for v in re.findall(rf'band {kind}" d="[^v]*v(\d+)', text)]
        for kind in ("against", "bar")
    }
    assert sum(thick["against"]) - sum(thick["bar"]) in (0, 1)


def test_the_longest_bar_leaves_room_for_its_figure() -> None:
    text = str(ageing([Slice("a", 10), Slice("b", 5)], "t", str))
    ends = [
        int(x) + int(w) for x, w in re.findall(r'<rect class="bar" x="(\d+)" y="\d+" width="(\d+)"', text)
    ]
    assert max(ends) <= WIDTH - 80 and ends[0] > ends[1]


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_drawn_for_a_phone_and_nothing_leaves_its_edges(kind: str) -> None:
    """Chromium's sans draws a column of 12.5 units in about 7.2."""
    drawn = Xml.fromstring(str(PICTURES[kind]("全国连锁超级市场 Quayside Meat & Fish of the Old Harbour")))
    assert drawn.get("viewBox", "").startswith(f"0 0 {WIDTH} ") and WIDTH <= 360
    for one in drawn.iter("text"):
        x, long = int(one.get("x", "")), sum(2 if ord(c) > 0x2E80 else 1 for c in str(one.text)) * 7.2
        left = {"start": x, "middle": x - long / 2, "end": x - long}[one.get("text-anchor", "")]
        assert left >= -1 and left + long <= WIDTH + 1, one.text


def test_a_name_beside_a_band_does_not_reach_it() -> None:
    name = "Quayside Meat & Fish of the Old Harbour"
    drawn = Xml.fromstring(str(netting([Stream(name, -7), Stream(name, 7)], "t", str)))
    bands = [re.match(r"M(\d+) \d+C.*? (\d+) \d+v", one.get("d", "")) for one in drawn.iter("path")]
    left, right = min(int(one[1]) for one in bands if one), max(int(one[2]) for one in bands if one)
    for one in drawn.iter("text"):
        assert len(str(one.text)) * 7.2 < min(left, WIDTH - right), one.text


@pytest.mark.parametrize(
    ("value", "most", "drawn"), [(0, 10, 0), (1, 10**9, 1), (10, 10, 100), (-3, 10, 0), (1, 0, 0)]
)
def test_a_length_is_nothing_only_for_nothing(value: int, most: int, drawn: int) -> None:
    assert length(value, most, 100) == drawn


def test_a_wide_character_takes_two_columns() -> None:
    assert fitted("全国连锁超级市场", 16) == "全国连锁超级市场"
    assert fitted("全国连锁超级市场", 9) == "全国连锁…"
    assert fitted("short", 9) == "short"
