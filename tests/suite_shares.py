"""A pytest plugin: how many tests each suite ran and which share of the time it took.

With ``--part 3/8`` it runs the third eighth of the tests: by its name each belongs to one, on every machine.
It also puts the suites whose modules take longest first, in whatever order their tests are shuffled: a module
of minutes that comes last leaves the other worker idle. Goes with xdist's ``--no-loadscope-reorder``.
"""

from __future__ import annotations

from collections import Counter
from zlib import crc32

import pytest

_seconds: Counter[str] = Counter()
_tests: Counter[str] = Counter()
# By the seconds that a module takes, the longest first; a suite that is not named comes after these.
_LONGEST = ("operations", "crash", "demo", "simulation", "fuzz", "certify", "abuse", "browser", "invariant")
_SHORTEST = ("web", "unit")
# They need the run that the drill's fixture makes: beside it their workers would stand and wait for it.
_AFTER_THE_DRILL = ("tests/demo/test_corruption.py", "tests/demo/test_main_run.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", metavar="N/OF", help="run this part of the tests alone")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if part := config.getoption("part"):
        config.hook.pytest_deselected(items=[item for item in items if not in_part(item.nodeid, part)])
        items[:] = [item for item in items if in_part(item.nodeid, part)]
    places = {suite: place for place, suite in enumerate((*_LONGEST, "", *_SHORTEST))}
    items.sort(key=lambda item: _place(item.nodeid, places))


def _place(nodeid: str, places: dict[str, int]) -> int:
    if nodeid.startswith(_AFTER_THE_DRILL):
        return places["fuzz"]
    return places.get(_suite(nodeid).rpartition("/")[2], places[""])


def in_part(nodeid: str, part: str) -> bool:
    """Whether a test belongs to a part such as ``3/8``."""
    number, of = map(int, part.split("/"))
    return crc32(nodeid.encode()) % of == number - 1


def _suite(nodeid: str) -> str:
    parts = nodeid.split("::")[0].split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    suite = _suite(report.nodeid)
    _seconds[suite] += report.duration
    if report.when == "call":
        _tests[suite] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _tests:
        return
    terminalreporter.section("share of each suite")
    total = sum(_seconds.values()) or 1
    for suite, seconds in _seconds.most_common():
        terminalreporter.write_line(
            f"{suite:<24} {_tests[suite]:>6} tests {seconds:>8.1f} s {seconds / total:>5.0%}"
        )
