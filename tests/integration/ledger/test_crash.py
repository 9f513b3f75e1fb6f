"""A process killed in the middle of its group commits: nothing acknowledged is lost, no group is halved."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.ledger.models import entry
from ledger_service.ledger.queries import balance
from ledger_service.ledger.reconcile import differences
from tests import warm
from tests.integration.ledger.bank import StandingClock, issue, op, open_members

DEEP = os.environ.get("ALLIANCE_TEST_DEEP") == "1"


def start(url: str, name: str, moves: int, out: Path, crash: str = "") -> warm.Process:
    """A busy process whose acknowledgements go to a file."""
    words = [url, name, "8", str(moves), *([crash] if crash else [])]
    with out.open("wb") as target, out.with_suffix(".errors").open("wb") as errors:
        return warm.start(
            "tests.integration.ledger.busy_process", *words, env=os.environ, out=target, err=errors
        )


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def rich(database: Database) -> Iterator[Database]:
    """Twenty members with 1,000 points each."""
    open_members(database, range(1, 21))
    writer = Writer(database, StandingClock())
    for member in range(1, 21):
        writer.submit(issue(op("seed", member), member, 1000))
    writer.close()
    return database


def check(database: Database) -> set[bytes]:
    """The ledger is sound and no point was made or lost; the op_ids that stand in it."""
    with database.snapshot() as conn:
        assert list(differences(conn)) == []
        assert sum(lot.available for member in range(1, 21) for lot in balance(conn, member)) == 20_000
        return set(conn.execute(select(entry.c.op_id)).scalars())


@pytest.mark.parametrize("attempt", range(12 if DEEP else 3))
def test_kill_9_loses_no_acknowledged_move_and_leaves_no_half_of_a_group(
    rich: Database, tmp_path: Path, attempt: int
) -> None:
    out = tmp_path / "acknowledged"
    process = start(url_of(rich), f"k{attempt}", 100_000, out)
    while out.stat().st_size < 200 + attempt * 900:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    # The last line may have been cut by the kill itself; it was not read by anyone.
    acknowledged = [line for line in out.read_text().split("\n")[:-1] if line]
    assert len(acknowledged) > 10
    present = check(rich)
    assert {op(label) for label in acknowledged} <= present

    again = Writer(rich, StandingClock())  # and the next process goes on at once
    again.submit(issue(op("after", attempt), 1, 1))
    again.close()


@pytest.mark.parametrize("crash", ["mid-flush", "before-commit", "before-answer"])
def test_a_group_killed_at_a_named_line_is_whole_or_absent(
    rich: Database, tmp_path: Path, crash: str
) -> None:
    before = check(rich)
    out = tmp_path / "acknowledged"
    process = start(url_of(rich), crash, 1000, out, crash)
    assert process.wait(60) == -signal.SIGKILL
    acknowledged = {op(label) for label in out.read_text().split()}
    written = check(rich) - before
    assert acknowledged <= written
    assert (written == acknowledged) is (crash != "before-answer")


def test_two_processes_and_this_one_share_one_ledger(rich: Database, tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    processes = [start(url_of(rich), file.name, 40, file) for file in files]
    writer = Writer(rich, StandingClock())
    own = 0
    while any(process.poll() is None for process in processes):
        own += 1
        writer.run(lambda conn: conn.exec_driver_sql("UPDATE ledger_head SET sequence = sequence").rowcount)
        time.sleep(0.005)
    writer.close()
    assert [process.returncode for process in processes] == [0, 0]
    labels = [line for file in files for line in file.read_text().split() if line != "done"]
    assert len(labels) == 2 * 8 * 40
    assert own > 3
    assert {op(label) for label in labels} <= check(rich)
