"""A database that does not take writes: callers are told to come back, none hangs, and nothing is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from ledger_service.db.engine import Database, open_database
from tests.abuse.conftest import THREADS
from tests.abuse.served import Answer, Served, found_shop, serve
from tests.api.service import basket


class Stuck:
    """Somebody else holds the database's write lock until the block ends."""

    def __init__(self, folder: Path) -> None:
        self._database: Database = open_database(f"sqlite:///{folder / 'alliance.db'}")

    def __enter__(self) -> None:
        self._held = self._database.begin()
        self._held.__enter__()

    def __exit__(self, *_: object) -> None:
        self._held.__exit__(None, None, None)
        self._database.close()


class Callers:
    """Tills that each send one sale and wait for its answer."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._threads: list[threading.Thread] = []
        self.answers: dict[str, tuple[Answer, float]] = {}

    def send(self, *keys: str) -> None:
        """So many sales, each on its own connection."""
        for key in keys:
            thread = threading.Thread(target=self._sell, args=(key,))
            thread.start()
            self._threads.append(thread)

    def _sell(self, key: str) -> None:
        begun = time.monotonic()
        answer = self._served.post("/v1/sales", "grocer-till", basket(), key)
        self.answers[key] = (answer, time.monotonic() - begun)

    def wait(self) -> None:
        """Every answer is there."""
        for thread in self._threads:
            thread.join(60)
        assert len(self.answers) == len(self._threads), "a caller hangs"


def test_with_every_place_taken_callers_get_503_and_the_waiting_sales_are_done_later(served: Served) -> None:
    inside, outside = Callers(served), Callers(served)
    with Stuck(served.folder):
        inside.send(*(f"inside-{n}" for n in range(THREADS)))
        time.sleep(0.5)
        outside.send(*(f"outside-{n}" for n in range(12)))
        outside.wait()
        assert served.get("/healthz").status == 200
    inside.wait()
    for answer, seconds in outside.answers.values():
        assert (answer.status, answer.code) == (503, "service-busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert seconds < 10
    assert {answer.status for answer, _ in inside.answers.values()} == {201}
    again = served.post("/v1/sales", "grocer-till", basket(), "outside-0")
    assert again.status == 201, "the same request again, once there is a place"


def test_a_full_queue_before_the_writer_answers_503_at_once(tmp_path: Path) -> None:
    shop = found_shop(tmp_path)
    with serve(tmp_path, shop, ALLIANCE_THREADS="16", ALLIANCE_QUEUE_MOST="2") as served:
        assert served.post("/v1/sales", "grocer-till", basket(), "first").status == 201
        callers = Callers(served)
        with Stuck(tmp_path):
            callers.send(*(f"sale-{n}" for n in range(12)))
            time.sleep(3)
        callers.wait()
    codes = [answer.code for answer, _ in callers.answers.values() if answer.status == 503]
    done = [answer for answer, _ in callers.answers.values() if answer.status == 201]
    assert set(codes) == {"writer-busy"}
    assert len(done) + len(codes) == 12
    assert len(done) >= 2
