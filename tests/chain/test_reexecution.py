"""The journal executed once more on an empty chain gives the recorded one, or the first change is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.chain import models as m
from ledger_service.cli import chain as command
from ledger_service.db.engine import Database, open_database
from tests.chain.conftest import copy_of, patience
from tests.chain.networks import OwnChain
from tests.chain.test_bridge import drain, everyday
from tests.chain.world import World, wall


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Database]:
    """An alliance whose chain is gone: only the database is left."""
    folder = tmp_path_factory.mktemp("recorded")
    shutil.copy(sqlite_template, folder / "alliance.db")
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    network = OwnChain(store=folder / "chain.db")
    network.start()
    world = World(database, network.node(), patience())
    world.found()
    everyday(world)
    drain(world.bridge(most_operations=3), database)
    assert world.deployment is not None
    network.close()
    at = world.deployment
    row = Alliance("A", "USD", "952000", 31337, at.contracts.clearing_house, at.contracts.registry,
                   at.manager, at.points_implementation, 1, 1, wall())  # fmt: skip
    with database.begin() as conn:
        store_alliance(conn, row)
    yield database
    database.close()


@pytest.fixture
def recorded(original: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A copy of it, to be changed."""
    database = copy_of(original, tmp_path / "alliance.db")
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(database.url))
    yield database
    database.close()


def verdict(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[str]]]:
    code = command.main(["verify", "--json"])
    document = json.loads(capsys.readouterr().out)
    named: dict[str, list[str]] = {}
    for one in document["differences"]:
        named.setdefault(one["check"], []).append(one["subject"])
    return code, named


def test_the_recorded_chain_comes_out_again(recorded: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["verify"]) == 0
    out = capsys.readouterr().out
    with recorded.snapshot() as conn:
        head = conn.execute(select(m.chain_cursor.c.number)).scalar_one()
        mined = m.chain_journal.c.block_number.is_not(None)
        transactions = len(conn.execute(select(m.chain_journal.c.tx_hash).where(mined)).all())
    assert out == f"the chain comes out as recorded (block {head}, {transactions} transactions)\n"


def test_a_sending_key_that_came_later_is_not_one_that_block_zero_funds(
    recorded: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded.begin() as conn:
        conn.execute(m.chain_signer.insert().values(address=b"\x09" * 20, next_nonce=0))
    assert command.main(["verify"]) == 0, capsys.readouterr().err


def _edit_transaction(conn: Connection) -> str:
    number = conn.execute(select(m.chain_applied.c.block_number).limit(1)).scalar_one()
    mine = m.chain_journal.c.block_number == number
    raw = bytearray(conn.execute(select(m.chain_journal.c.raw_tx).where(mine)).scalar_one())
    raw[-1] ^= 1
    conn.execute(update(m.chain_journal).where(mine).values(raw_tx=bytes(raw)))
    return f"block {number}"


def _edit_balance(conn: Connection) -> str:
    row = conn.execute(select(m.chain_balance).limit(1)).one()
    mine = (m.chain_balance.c.account == row.account) & (m.chain_balance.c.programme_id == row.programme_id)
    conn.execute(update(m.chain_balance).where(mine).values(amount=row.amount + 1))
    return f"account 0x{row.account.hex()}"


def _edit_root(conn: Connection) -> str:
    conn.execute(update(m.chain_applied).where(m.chain_applied.c.number == 2).values(root=b"\x01" * 32))
    return "batch 2"


def _edit_time(conn: Connection) -> str:
    later = m.chain_block.c.timestamp + 1
    conn.execute(update(m.chain_block).where(m.chain_block.c.number == 4).values(timestamp=later))
    return "block 4"


def _edit_cursor(conn: Connection) -> str:
    block = conn.execute(select(m.chain_block).where(m.chain_block.c.number == 4)).one()
    conn.execute(update(m.chain_cursor).values(number=4, hash=block.hash, parent_hash=block.parent_hash))
    return "cursor"


def _cut_off_the_end(conn: Connection) -> str:
    conn.execute(m.chain_block.delete().where(m.chain_block.c.number > 6))
    return "block 7"


def _cut_out(conn: Connection) -> str:
    conn.execute(m.chain_block.delete().where(m.chain_block.c.number == 5))
    return "block 6"


@pytest.mark.parametrize(
    ("edit", "check"),
    [
        (_edit_transaction, "journal"), (_edit_transaction, "block"), (_edit_balance, "node-balance"),
        (_edit_root, "node-batch-root"), (_edit_time, "block"), (_edit_cursor, "cursor"),
        (_cut_off_the_end, "block"), (_cut_out, "block"),
    ],
)  # fmt: skip
def test_what_was_changed_in_the_record_is_named(
    recorded: Database, edit: Callable[[Connection], str], check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded.begin() as conn:
        subject = edit(conn)
    code, named = verdict(capsys)
    assert code == 1
    assert any(one.startswith(subject) for one in named[check]), named


def test_another_chain_than_the_project_s_own_is_said_not_to_be_replayable(
    recorded: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded.begin() as conn:
        conn.execute(update(m.chain_block).where(m.chain_block.c.number == 0).values(hash=b"\x07" * 32))
    assert command.main(["verify"]) == 2
    assert "block 0" in capsys.readouterr().err
