"""INV-8 from the outside: an index read from the first block says what the mirror says, and names every row
that somebody changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from ledger_service.chain import models as m
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import MirrorsApart
from ledger_service.chain.fresh_index import Difference, hold_against, read_chain
from ledger_service.chain.indexer import Indexer
from ledger_service.cli import index as command
from ledger_service.db.engine import open_database
from ledger_service.db.schema import create_everything
from tests.chain.test_bridge import drain, everyday
from tests.chain.world import World, wall


def against_fresh_index(world: World, path: Path) -> list[Difference]:
    """What the mirror tells differently from an index made in a new file."""
    fresh = open_database(f"sqlite:///{path}")
    create_everything(fresh)
    assert world.deployment is not None
    contracts = world.deployment.contracts
    indexer = Indexer(Desk.unfenced(fresh, wall), world.node, contracts, world.settings)
    read_chain(indexer)
    with world.database.snapshot() as live:
        found = hold_against(live, indexer, fresh)
    fresh.close()
    return found


def test_a_fresh_index_says_what_the_mirror_says(world: World, tmp_path: Path) -> None:
    everyday(world)
    drain(world.bridge(most_operations=3), world.database)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_a_mirror_that_is_behind_is_judged_as_of_its_own_block(world: World, tmp_path: Path) -> None:
    bridge = world.bridge(most_operations=3)
    everyday(world)
    drain(bridge, world.database)
    bridge.indexer.rewind(world.node.head().number - 2)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_every_kind_of_change_to_the_mirror_is_named(world: World, tmp_path: Path) -> None:
    everyday(world)
    drain(world.bridge(most_operations=3), world.database)
    with world.database.begin() as conn:
        conn.execute(update(m.chain_balance).values(amount=m.chain_balance.c.amount + 1))
        conn.execute(delete(m.chain_operation).where(m.chain_operation.c.position == 0))
        conn.execute(insert(m.chain_net).values(period=9, merchant=7, net_micros=1))
    found = against_fresh_index(world, tmp_path / "fresh.db")
    kinds = {(d.table, d.mirrored == "no row", d.fresh == "no row") for d in found}
    assert kinds == {
        ("chain_balance", False, False), ("chain_operation", True, False), ("chain_net", False, True),
    }  # fmt: skip


def test_a_chain_that_changed_meanwhile_is_no_difference_but_said(world: World, tmp_path: Path) -> None:
    everyday(world)
    drain(world.bridge(most_operations=3), world.database)
    with world.database.begin() as conn:
        conn.execute(update(m.chain_cursor).values(hash=bytes(32)))
    with pytest.raises(MirrorsApart):
        against_fresh_index(world, tmp_path / "fresh.db")


def test_the_command_wants_both_addresses_and_says_which_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--registry", "0x" + "11" * 20])
    assert "belong together" in capsys.readouterr().err
    assert command.main(["--registry", "0x12", "--clearing-house", "0x" + "11" * 20]) == 2
    assert "registry" in capsys.readouterr().err
