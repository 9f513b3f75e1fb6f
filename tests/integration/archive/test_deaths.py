"""kill -9 at every statement and write of a run: nothing is lost or moves twice, no proof ever differs."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import warm
from tests.integration.archive.old_ledger import OldLedger

# Every death of the first chapter of entries, of the last of answers and of the seal is among these steps.
SEVERAL, ALL = 5, 1


@pytest.mark.parametrize("stride", [SEVERAL, pytest.param(ALL, marks=pytest.mark.deep)])
def test_a_run_that_is_killed_anywhere_and_run_again_has_moved_everything_once(
    old: OldLedger, stride: int
) -> None:
    """One ledger dies again and again, each time a little later in what is left; then it is left alone."""
    entries, answers, deaths, number = old.shop.count("entry"), old.shop.count("idempotency"), 0, 1
    while (run := _run(old, number)).returncode < 0:
        deaths += 1
        number += stride
        assert old.faults(with_files=old.shop.count("archive_chapter") > 0) == []
    assert run.returncode == 0, run.stderr
    assert deaths > 3
    assert old.faults() == []
    moved = _records(old)
    assert moved == {"entries": entries - 1, "answers": answers}
    assert old.shop.count("archive") == 1
    assert old.room.folder.joinpath("archive-000001.jsonl.gz").stat().st_mode & 0o222 == 0


def test_a_death_in_the_middle_of_a_write_leaves_a_tail_that_the_next_run_cuts(old: OldLedger) -> None:
    length, file = -1, old.room.folder / "archive-000001.jsonl.gz"
    for number in range(1, 200):
        died = _run(old, number).returncode < 0
        assert died, "no death left a tail"
        length = file.stat().st_size if file.exists() else 0
        if length > _counted(old):
            break
    old.archive()
    assert file.stat().st_size == _counted(old)
    assert old.faults() == []


def test_two_runs_at_once_move_everything_once(old: OldLedger) -> None:
    entries = old.shop.count("entry")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: _run(old, 0), range(2)))
    assert 0 in {run.returncode for run in runs}, runs
    old.archive()
    assert _records(old)["entries"] == entries - 1
    assert old.faults() == []


def test_tills_sell_while_an_archive_runs(old: OldLedger) -> None:
    sold = 0
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(_run, old, 0)
        while not run.done():
            old.sell(f"meanwhile-{sold}")
            sold += 1
    assert run.result().returncode == 0, run.result().stderr
    assert sold > 0
    assert old.faults() == []
    assert old.sell(f"meanwhile-{sold - 1}")["sale_id"], "a young key has its answer"


def _run(old: OldLedger, number: int) -> subprocess.CompletedProcess[str]:
    url = old.shop.database.url.render_as_string(hide_password=False)
    given = [url, str(old.room.folder), old.shop.clock.at.isoformat(), str(number)]
    return warm.run("tests.integration.archive.victim", *given, env=os.environ)


def _records(old: OldLedger) -> dict[str, int]:
    with old.shop.database.read() as conn:
        rows = conn.exec_driver_sql("SELECT kind, SUM(records) FROM archive_chapter GROUP BY kind").all()
    return {kind: int(records) for kind, records in rows}


def _counted(old: OldLedger) -> int:
    with old.shop.database.read() as conn:
        return int(conn.exec_driver_sql("SELECT COALESCE(SUM(byte_count), 0) FROM archive").scalar() or 0)
