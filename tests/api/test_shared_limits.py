"""Buckets that several processes share: one limit for all, whoever dies, and never a wait."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.api.errors import RateLimited
from ledger_service.api.limits import Buckets, Policy
from ledger_service.api.shared_limits import SharedBuckets

SLOW = Policy("key", 1, 50, 3_600)


class Ticks:
    def __init__(self) -> None:
        self.now = 10**12

    def __call__(self) -> int:
        return self.now


def taken(buckets: Buckets, owner: str, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            buckets.take(owner)
        except RateLimited:
            continue
        count += 1
    return count


def _take(path: Path, tries: int, answers: Any) -> None:
    answers.put(taken(SharedBuckets(SLOW, path), "till", tries))


def test_four_processes_get_together_what_one_may_have(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=_take, args=(tmp_path / "key", 400, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    counts = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert sum(counts) == SLOW.burst
    assert taken(SharedBuckets(SLOW, tmp_path / "key"), "till", 1) == 0, "it outlives the processes"
    assert taken(SharedBuckets(SLOW, tmp_path / "key"), "another till", 1) == 1


def _hold(path: Path, ready: Any) -> None:
    file = os.open(path, os.O_RDWR)
    fcntl.lockf(file, fcntl.LOCK_EX)
    ready.set()
    time.sleep(600)


def test_nobody_waits_for_a_process_that_sleeps_or_dies_with_the_lock(tmp_path: Path) -> None:
    buckets = SharedBuckets(SLOW, tmp_path / "key")
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "key", ready))
    holder.start()
    assert ready.wait(60)
    begun = time.monotonic()
    assert taken(buckets, "till", 5) == 5
    assert time.monotonic() - begun < 5
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join(60)
    assert taken(buckets, "till", 60) == SLOW.burst - 5


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2 * 10**9)), min_size=1, max_size=40))
def test_it_counts_as_the_one_in_memory_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    ticks, policy = Ticks(), Policy("key", 3, 5)
    both = (
        Buckets(policy, ticks),
        SharedBuckets(policy, tmp_path_factory.mktemp("limits") / "key", ticks),
    )
    for owner, wait in steps:
        ticks.now += wait
        one, other = (taken(buckets, owner, 2) for buckets in both)
        assert one == other


def test_what_a_machine_counted_before_it_started_anew_is_forgotten(tmp_path: Path) -> None:
    ticks = Ticks()
    assert taken(SharedBuckets(SLOW, tmp_path / "key", ticks), "till", 60) == SLOW.burst
    ticks.now = 5
    assert taken(SharedBuckets(SLOW, tmp_path / "key", ticks), "till", 60) == SLOW.burst


def test_more_owners_than_there_is_room_for_push_out_the_oldest(tmp_path: Path) -> None:
    ticks, policy = Ticks(), Policy("stranger", 1, 1, 3_600)
    buckets = SharedBuckets(policy, tmp_path / "stranger", ticks)
    for number in range(40_000):
        ticks.now += 1
        buckets.spend(str(number))
    assert taken(buckets, "39999", 1) == 0
    assert (tmp_path / "stranger").stat().st_size < 10**6
