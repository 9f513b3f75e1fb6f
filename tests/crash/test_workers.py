"""kill -9 of one worker process of two while tills sell: the other goes on, what was acknowledged stands."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.abuse.workers import wait_for_workers
from tests.conftest import Cluster
from tests.crash.conftest import opened
from tests.crash.shopping import GROC, MEAT, Shopping

TILLS = 4
GOES_ON_SECONDS = 5
READY_SECONDS = 15
_NAME = "alliance_of_two_workers"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shopping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shopping]:
    """An alliance whose service has two workers, on each database."""
    two = {"ALLIANCE_WORKERS": "2"}
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("cluster")
            cluster.admin(f"CREATE DATABASE {_NAME}")
            stack.callback(cluster.admin, f"DROP DATABASE {_NAME} WITH (FORCE)")
            url = cluster.url(_NAME)
        yield stack.enter_context(opened(tmp_path, url, two))


@contextmanager
def selling(shopping: Shopping) -> Iterator[None]:
    """Several tills sell without a pause, and every sale is answered in the end."""
    stop, failures = threading.Event(), []

    def run(merchant: object) -> None:
        try:
            while not stop.is_set():
                shopping.insist(shopping.sale(merchant, 700))
        except AssertionError as failure:
            failures.append(failure)

    tills = [threading.Thread(target=run, args=((GROC, MEAT)[n % 2],), daemon=True) for n in range(TILLS)]
    for till in tills:
        till.start()
    try:
        with shopping.buying():
            yield
    finally:
        stop.set()
        for till in tills:
            till.join()
    assert not failures, failures


def kill_one(shopping: Shopping, number: int) -> None:
    """One of two workers dies; the other answers while it alone is there, and a new one comes by itself."""
    product = shopping.product
    parent = product.running["serve"].pid
    before = wait_for_workers(parent, product.http_port)
    # By turns the one that is new and the one that was there: a process that starts has the greater id.
    victim = sorted(before)[number % 2]
    os.kill(victim, signal.SIGKILL)
    died, done = time.monotonic(), len(shopping.answered)
    while len(shopping.answered) < done + 2 * TILLS:
        assert time.monotonic() < died + GOES_ON_SECONDS, "nobody sells any longer"
        time.sleep(0.02)
    again = wait_for_workers(parent, product.http_port)
    assert time.monotonic() < died + READY_SECONDS
    assert before - again == {victim}


def test_of_two_workers_either_may_be_killed_and_the_other_goes_on(shopping: Shopping) -> None:
    with selling(shopping):
        for number in range(4):
            kill_one(shopping, number)
    assert len(shopping.answered) > 50
    shopping.assert_sound()
