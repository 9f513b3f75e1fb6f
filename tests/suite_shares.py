"""A pytest plugin: how many tests each suite ran and which share of the time it took."""

from __future__ import annotations

from collections import Counter

import pytest

_seconds: Counter[str] = Counter()
_tests: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    parts = report.nodeid.split("::")[0].split("/")
    suite = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
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
