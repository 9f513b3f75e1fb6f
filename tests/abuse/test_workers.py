"""Two worker processes: a limit is one limit for both, and outlives the death of either."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from ledger_service.kernel.gs1 import with_check_digit
from tests.abuse.served import Answer, Served, found_shop, serve
from tests.abuse.workers import children_of, wait_for_workers
from tests.api.service import basket

GUESSES, STRANGERS, MEMBERS = 5, 10, 20
GUESS = {"pay_code": with_check_digit("71" + "0" * 15)}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of two workers whose limits do not fill while a test lasts."""
    folder = tmp_path_factory.mktemp("two")
    settings = {
        "ALLIANCE_WORKERS": "2",
        "ALLIANCE_THREADS": "4",
        "ALLIANCE_GUESS_BURST": str(GUESSES),
        "ALLIANCE_GUESS_SECONDS": "3600",
        "ALLIANCE_STRANGER_BURST": str(STRANGERS),
        "ALLIANCE_STRANGER_RATE_PER_SECOND": "1",
        "ALLIANCE_MEMBER_BURST": str(MEMBERS),
        "ALLIANCE_MEMBER_RATE_PER_SECOND": "1",
    }
    with serve(folder, found_shop(folder), **settings) as running:
        wait_for_workers(parent_of(running), running.port)
        yield running


def parent_of(served: Served) -> int:
    """`alliance serve` itself, whose children are the workers."""
    return served.fleet._running["serve"].pid


def all_at_once(served: Served, asks: int, who: str) -> Counter[int]:
    """The statuses of so many reads with a key, sixteen at a time on connections of their own."""
    found: list[int] = []

    def run() -> None:
        found.extend(served.get("/v1/programmes", who).status for _ in range(asks // 16))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == asks
    return Counter(found)


def guesses(served: Served, number: int) -> list[Answer]:
    return [served.post("/v1/pay-codes/query", "grocer-till", GUESS, "q") for _ in range(number)]


def test_a_member_gets_from_both_workers_what_one_would_give(two: Served) -> None:
    begun = time.monotonic()
    counts = all_at_once(two, 96, "member")
    refilled = int(time.monotonic() - begun) + 1
    assert MEMBERS <= counts[200] <= MEMBERS + refilled
    assert counts[200] + counts[429] == 96


def test_wrong_keys_from_one_address_are_counted_by_both_workers_together(two: Served) -> None:
    begun = time.monotonic()
    counts = all_at_once(two, 96, "alk_" + "0" * 16 + "_" + "0" * 64)
    assert STRANGERS <= counts[401] <= STRANGERS + int(time.monotonic() - begun) + 1


def test_a_key_locked_out_of_codes_stays_so_when_its_worker_dies(two: Served) -> None:
    codes = [answer.code for answer in guesses(two, 12)]
    assert codes == ["pay-code-wrong"] * GUESSES + ["rate-limited"] * (12 - GUESSES)
    parent = parent_of(two)
    before = after = children_of(parent)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        while pid in children_of(parent):
            time.sleep(0.05)
        after = wait_for_workers(parent, two.port)
    assert not after & before
    assert {answer.code for answer in guesses(two, 4)} == {"rate-limited"}
    assert two.post("/v1/sales", "grocer-till", basket(), "without-a-code").status == 201
