"""kill -9 within acts of a shop's day, at one commit after the other: played again under the same keys, the
day's books are those of an undisturbed day, row by row."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, select

from ledger_service.db.engine import open_database
from ledger_service.db.schema import whole_metadata
from ledger_service.ledger.reconcile import differences
from tests import warm
from tests.api.service import GROCER, open_shop
from tests.crash.acting import AFTER, BEFORE
from tests.crash.day import ACTS
from tests.integration.moving_in.office import old_programme, write_folder

# Real time; blocks of a cap that a dead process had drawn and that the next one draws anew.
OTHERWISE = {"service_clock", "issuance_reservation", "ledger_head"}
# When an entry was written down, by real time since the instant of the replay; its hash covers that.
OF_REAL_TIME = {"entry": {"recorded_at", "hash"}, "intent": {"created_at"}}
MEMBERS, LEAST_DEATHS = 12, 3
WHATS = (*ACTS, "import")
# So many commits from one death to the next, where not each is one.
STRIDES = dict.fromkeys(WHATS, 3) | {"offline": 2, "import": 6}


@pytest.fixture(scope="module")
def founded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two merchants, their keys, and an old programme's files."""
    folder = tmp_path_factory.mktemp("founded")
    shutil.copy(sqlite_template, folder / "alliance.db")
    shop = open_shop(open_database(f"sqlite:///{folder / 'alliance.db'}"), folder)
    shop.keys["second"] = shop.further_operator("second").token
    (folder / "keys.json").write_text(json.dumps(shop.keys))
    shop.serving.close()
    shop.serving.foundations.close()
    write_folder(folder / "first", of_that_spring(old_programme(MEMBERS)))
    return folder


def of_that_spring(tables: dict[str, Any]) -> dict[str, Any]:
    """The old programme as it stood when the shop of these tests sells."""
    for lot in tables["lots"]:
        lot["last_day"], lot["earned_on"] = ("2017-06-30", "") if lot["last_day"] else ("", "2017-02-20")
    for row in (*tables["history"], *tables["sales"]):
        row["occurred_at"] = "2017-01-20T10:00:00Z"
    for row in tables["sales"]:
        row["merchant"] = GROCER
    return tables


def copied(founded: Path, to: Path) -> Path:
    return Path(shutil.copytree(founded, to))


def played(folder: Path, what: str, number: int = 0, line: str = BEFORE) -> int:
    """The exit status of a process that plays the act over the folder and dies at that commit, if any."""
    with tempfile.TemporaryFile() as out:
        arguments = (str(folder), what, str(number), line)
        status = warm.start("tests.crash.acting", *arguments, env=os.environ, out=out, err=out).wait()
        out.seek(0)
        assert status in (0, -signal.SIGKILL), out.read().decode()[-3000:]
    return status


def compared(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if column.name not in OF_REAL_TIME.get(table.name, ())]


def books(folder: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    with database.snapshot() as conn:
        assert list(differences(conn)) == []
        rows = {
            name: sorted(map(repr, conn.execute(select(*compared(table))).all()))
            for name, table in whole_metadata().tables.items()
            if name not in OTHERWISE
        }
    database.close()
    return rows


def differing(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        name: [row for row in one[name] + other[name] if (row in one[name]) != (row in other[name])]
        for name in one
        if one[name] != other[name]
    }


def cut_off_again_and_again(founded: Path, folder: Path, what: str, stride: int) -> None:
    """Each process gets some commits further than the last, and dies before one or behind it by turns."""
    plain, cut = copied(founded, folder / "plain"), copied(founded, folder / "cut")
    assert played(plain, what) == 0
    commits, deaths = int((plain / "commits").read_text()), 0
    for number in range(1, commits + 1, stride):
        # What a dead process had done is answered from what is stored, or found done.
        if played(cut, what, number, (BEFORE, AFTER)[deaths % 2]) == 0:
            break
        deaths += 1
    assert deaths >= LEAST_DEATHS
    assert played(cut, what) == 0
    assert differing(books(cut), books(plain)) == {}


@pytest.mark.parametrize("what", WHATS)
def test_a_day_whose_acts_were_cut_off_is_an_undisturbed_day(
    founded: Path, tmp_path: Path, what: str
) -> None:
    cut_off_again_and_again(founded, tmp_path, what, STRIDES[what])


@pytest.mark.deep
@pytest.mark.parametrize("what", WHATS)
def test_a_day_that_was_cut_off_at_each_commit_is_an_undisturbed_day(
    founded: Path, tmp_path: Path, what: str
) -> None:
    cut_off_again_and_again(founded, tmp_path, what, 1)
