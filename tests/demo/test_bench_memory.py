"""The slope of a benchmark of memory: what a process never gives back shows, what it fills once does not."""

from __future__ import annotations

from ledger_service.demo.bench_memory import flatness


def test_a_leak_shows_as_a_slope_and_a_filled_cache_does_not() -> None:
    seen = [(n * 1000, {"leaks": 100_000 + 7 * n, "fills": 100_000 + min(n, 3) * 5_000}) for n in range(1, 9)]
    assert flatness(seen) == "KiB per 1,000 sales from 5,000 sales on: leaks +7.0, fills +0.0"


def test_one_round_has_no_slope() -> None:
    assert flatness([(1000, {"serve": 1})]) == "too few rounds to tell a slope"
