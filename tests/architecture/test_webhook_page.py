"""docs/webhooks.md names every kind of fact, and some test hears each; every note is read by somebody."""

from __future__ import annotations

import re

from ledger_service.webhooks.feeding import SOURCES
from ledger_service.webhooks.rules import KINDS, Kind
from ledger_service.webhooks.side_facts import SOURCES_READ
from tests.architecture.syntax import ROOT

_PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
_KIND = re.compile(r"`([a-z_]+\.[a-z]+)`")


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table under these headings."""
    _, found, rest = _PAGE.partition(heading)
    assert found, heading
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_says_of_each_kind_who_is_told_what() -> None:
    rows = _rows("| type | told to | `data`, beside `member` |")
    assert [row[0] for row in rows] == [f"`{kind}`" for kind in KINDS]
    assert all(len(row) == 3 and all(row) for row in rows)


def test_what_is_told_is_told_as_a_kind_that_there_is_and_each_is_told_of_something() -> None:
    rows = _rows("| what happens | told as | if not, why |")
    assert {kind for row in rows for kind in _KIND.findall(row[1])} == set(KINDS)
    for what, told_as, why in rows:
        assert _KIND.search(told_as) or (told_as, bool(why)) == ("not", True), what


def test_some_test_hears_of_each_kind() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8") for folder in ("api", "integration/webhooks")
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))
    )  # fmt: skip
    assert [kind.value for kind in Kind if f'"{kind.value}"' not in tests] == []


def test_each_note_of_a_trigger_has_somebody_who_reads_it() -> None:
    assert frozenset(SOURCES) == SOURCES_READ
