"""Token buckets in integers, and cursors that nobody can make up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.api.errors import CursorRefused, RateLimited
from ledger_service.api.limits import MOST_BUCKETS, Buckets, Policy
from ledger_service.api.paging import Cursors


class Ticks:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def test_a_bucket_refills_at_its_rate_up_to_its_burst() -> None:
    ticks = Ticks()
    buckets = Buckets(Policy("key", 10, 3), ticks)
    assert [buckets.take("a") for _ in range(3)] == [2, 1, 0]
    with pytest.raises(RateLimited) as refused:
        buckets.take("a")
    assert refused.value.retry_after_seconds == 1
    assert buckets.take("b") == 2
    ticks.now += 100_000_000
    assert buckets.take("a") == 0
    ticks.now += 3_600_000_000_000
    assert buckets.take("a") == 2


def test_a_refused_request_takes_nothing() -> None:
    ticks = Ticks()
    buckets = Buckets(Policy("key", 1, 1), ticks)
    buckets.take("a")
    for _ in range(5):
        with pytest.raises(RateLimited):
            buckets.take("a")
    ticks.now += 1_000_000_000
    assert buckets.take("a") == 0


def test_a_slow_bucket_gives_one_token_each_so_many_seconds_and_may_be_looked_at() -> None:
    ticks = Ticks()
    guesses = Buckets(Policy("guess", 1, 2, 10), ticks)
    for _ in range(5):
        guesses.check("till")
    guesses.spend("till")
    guesses.spend("till")
    guesses.spend("till")
    with pytest.raises(RateLimited) as refused:
        guesses.check("till")
    assert refused.value.retry_after_seconds == 10
    ticks.now += 9_999_999_000
    with pytest.raises(RateLimited):
        guesses.check("till")
    ticks.now += 2_000
    guesses.check("till")
    guesses.check("another till")


@given(st.lists(st.integers(0, 2_000_000_000), min_size=1, max_size=60))
def test_no_schedule_gets_more_than_burst_plus_rate(waits: list[int]) -> None:
    ticks = Ticks()
    buckets = Buckets(Policy("key", 3, 5), ticks)
    served = 0
    for wait in waits:
        ticks.now += wait
        try:
            buckets.take("a")
        except RateLimited:
            continue
        served += 1
    assert served <= 5 + ticks.now * 3 // 1_000_000_000


def test_the_number_of_buckets_is_bounded() -> None:
    buckets = Buckets(Policy("stranger", 1, 1), Ticks())
    for i in range(MOST_BUCKETS + 10):
        buckets.take(str(i))
    assert len(buckets._levels) == MOST_BUCKETS


@given(st.text(min_size=1, max_size=40).filter(lambda t: t.isprintable()))
def test_a_cursor_opens_to_what_was_sealed(position: str) -> None:
    cursors = Cursors(b"s" * 32)
    assert cursors.open("entries", cursors.seal("entries", position)) == position


@pytest.mark.parametrize("bad", ["", "x", "é", "A" * 17, "%%%%", "A" * 300, "a b", "\0"])
def test_a_made_up_cursor_is_refused(bad: str) -> None:
    with pytest.raises(CursorRefused):
        Cursors(b"s" * 32).open("entries", bad)


def test_a_cursor_of_another_list_key_or_altered_is_refused() -> None:
    cursors = Cursors(b"s" * 32)
    sealed = cursors.seal("entries:1", "77")
    for listing, sealed_by in (("entries:2", cursors), ("entries:1", Cursors(b"t" * 32))):
        with pytest.raises(CursorRefused):
            sealed_by.open(listing, sealed)
    with pytest.raises(CursorRefused):
        cursors.open("entries:1", ("A" if sealed[0] != "A" else "B") + sealed[1:])
    for padded in (sealed + "=", ":" + sealed, sealed[:5] + "\n" + sealed[5:]):
        with pytest.raises(CursorRefused):
            cursors.open("entries:1", padded)
    assert cursors.open("entries:1", None) is None
