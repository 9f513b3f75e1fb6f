"""What the run shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger_service.demo.screen import Screen, columns_of, dollars, table_text


def test_a_table_sets_numbers_to_the_right_and_text_to_the_left() -> None:
    text = table_text("Points", ["programme", "issued"], [["GROC", 1_234_567], ["FUEL", 5]])
    assert text.splitlines() == [
        "Points",
        "  programme     issued",
        "  ─────────  ─────────",
        "  GROC       1,234,567",
        "  FUEL               5",
    ]


def test_a_wide_character_takes_two_columns_of_a_table_and_an_accent_none() -> None:
    rows = [["Lin Mei 林美", "/me"], ["Te\u0301o", "/till"], ["Ｆ１", "/"]]
    lines = table_text("Logins", ["who", "opens"], rows).splitlines()[1:]
    assert {columns_of(line[: max(line.rfind("/"), line.rfind("opens"), line.rfind(" ") + 1)])
            for line in lines} == {16}  # fmt: skip
    assert [columns_of(text) for text in ("林美", "é", "e\u0301", "Ｆ", "─")] == [4, 1, 1, 2, 1]


@pytest.mark.parametrize(("minor", "text"), [(0, "$0.00"), (5, "$0.05"), (-123_456, "-$1,234.56")])
def test_cents_are_written_as_dollars_without_a_float(minor: int, text: str) -> None:
    assert dollars(minor) == text


def test_without_a_terminal_the_bar_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.bar(50, 100, 321, datetime(2017, 3, 4, 5, 6, tzinfo=UTC))
    screen.bar(51, 100, 321, datetime(2017, 3, 4, 5, 6, tzinfo=UTC))
    screen.say("done")
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert "50 %" in shown[0]
    assert "321 checkouts/s" in shown[0]
    assert "replay clock 04 Mar 2017 05:06" in shown[0]
    assert "\x1b" not in shown[0]
