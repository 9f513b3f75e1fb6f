"""A database that comes from a backup, beside a chain that went on: it takes over what it does not know, and
no operation is carried out twice (D8, INV-7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain import adoption
from ledger_service.chain.admin import Admin, MerchantOnChain, ProgrammeOnChain, Steps, TermsOnChain
from ledger_service.chain.bridge import Bridge, lag_of
from ledger_service.chain.delivery import LiveDelivery
from ledger_service.chain.desk import Desk
from ledger_service.chain.models import chain_batch, chain_journal, chain_operation, chain_tx
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.outbox.models import intent
from tests.chain.conftest import copy_of
from tests.chain.networks import LONG_AGO, Anvil
from tests.chain.test_bridge import assert_clean, drain, everyday, states
from tests.chain.test_reorgs import assert_mirror_is_a_fresh_index
from tests.chain.world import NEVER, World, wall


def once_each(database: Database) -> list[bytes]:
    """The operations on the chain, by the mirror; each must be there once."""
    with database.snapshot() as conn:
        mined = list(conn.execute(select(chain_operation.c.op_id)).scalars())
    assert len(mined) == len(set(mined))
    return sorted(mined)


def test_a_restored_database_takes_over_what_the_chain_did_meanwhile(
    world: World, restored: Any, tmp_path: Path
) -> None:
    drain(world.bridge(), world.database)
    everyday(world)
    put = restored()
    drain(world.bridge(most_operations=3), world.database)
    done, journal = once_each(world.database), journal_of(world.database)
    put()
    bridge = world.bridge(most_operations=3)
    assert bridge.step().packed == 0
    drain(bridge, world.database)
    assert once_each(world.database) == done
    assert journal_of(world.database) == journal
    more = world.issue(world.members[0], 1, 7)
    world.enqueue(more)
    drain(bridge, world.database)
    assert states(world.database)[more.op_id] == "final"
    assert_clean(world)
    assert_mirror_is_a_fresh_index(world, tmp_path)
    assert {code for code, *_ in lag_of(world.database).alarms} == {"transaction-adopted"}


def test_a_restored_database_that_had_a_batch_signed_sends_those_bytes(world: World, restored: Any) -> None:
    drain(world.bridge(), world.database)
    everyday(world)
    first = world.bridge(most_operations=3)
    assert first._desk.lead()
    assert first.packer.step(0) == 3
    put = restored()
    drain(first, world.database)
    done = once_each(world.database)
    put()
    drain(world.bridge(most_operations=3), world.database)
    assert once_each(world.database) == done
    assert_clean(world)


def journal_of(database: Database) -> dict[bytes, tuple[Any, ...]]:
    with database.snapshot() as conn:
        c = chain_journal.c
        mined = select(c.tx_hash, c.raw_tx, c.block_number, c.block_position)
        return {row[0]: tuple(row) for row in conn.execute(mined.where(c.block_number.is_not(None)))}


@pytest.fixture
def on_anvil(sqlite_database: Database, anvil: Anvil, settings: ChainSettings) -> World:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    return world


def adopted_then_taken_back(world: World, path: Path) -> tuple[Bridge, list[bytes]]:
    """A restored world whose adopted batches have just left the chain of a network that nobody can date;
    also the adopted transactions."""
    drain(world.bridge(), world.database)
    world.enqueue(world.issue(world.members[0], 1, 10), world.issue(world.members[1], 1, 20))
    backup = copy_of(world.database, path / "backup.db")
    mark = world.node.control(("evm_snapshot", []))[0]
    drain(world.bridge(most_operations=1), world.database)
    with world.database.snapshot() as conn:
        old = [
            row.raw_tx
            for row in conn.execute(select(chain_journal, chain_tx).join_from(chain_journal, chain_tx))
            if row.batch_number is not None
        ]
    world.database = backup
    bridge = world.bridge(most_operations=1)
    drain(bridge, world.database)
    world.node.__dict__["has_time_control"] = False
    world.node.control(("evm_revert", [mark]), ("evm_setAutomine", [False]))
    return bridge, old


def test_adopted_batches_that_left_the_chain_are_sent_again_and_never_packed_anew(
    on_anvil: World, tmp_path: Path
) -> None:
    """D8: the old transactions turn up late, while the restored database believed them gone."""
    world = on_anvil
    bridge, old = adopted_then_taken_back(world, tmp_path)
    world.enqueue(world.issue(world.members[2], 1, 30))
    for _ in range(20):
        bridge.step()
    with world.database.snapshot() as conn:
        rows = conn.execute(select(intent.c.state, intent.c.batch_number).order_by(intent.c.intent_id)).all()
    assert [tuple(row) for row in rows] == [("packed", 1), ("packed", 2), ("packed", 3)]
    world.node.send(old)
    world.node.control(("evm_mine", []), ("evm_setAutomine", [True]))
    drain(bridge, world.database)
    assert len(once_each(world.database)) == 3
    assert_clean(world)
    world.database.close()


def test_a_foreign_batch_that_cannot_be_sent_again_waits_until_it_is_provably_dead(
    on_anvil: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = on_anvil
    monkeypatch.setattr(adoption, "find", lambda *_: {})  # as if another key had sent it
    bridge, old = adopted_then_taken_back(world, tmp_path)
    for _ in range(20):
        bridge.step()
    assert set(states(world.database).values()) == {"packed"}
    later = world.issue(world.members[2], 1, 30)
    world.enqueue(later)
    world.node.control(("evm_setAutomine", [True]))
    drain(bridge, world.database)
    with world.database.snapshot() as conn:
        told = {row.number: row.state for row in conn.execute(select(chain_batch))}
    assert told[1] == told[2] == "dead"
    world.node.send(old)
    drain(bridge, world.database)
    assert len(once_each(world.database)) == 3
    assert_clean(world)
    world.database.close()


def test_a_foreign_batch_that_turns_up_late_is_adopted_again(
    on_anvil: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = on_anvil
    monkeypatch.setattr(adoption, "find", lambda *_: {})
    bridge, old = adopted_then_taken_back(world, tmp_path)
    for _ in range(5):
        bridge.step()
    world.node.control(("evm_setAutomine", [True]))
    world.node.send(old)
    drain(bridge, world.database)
    assert len(once_each(world.database)) == 2
    assert_clean(world)
    world.database.close()


def test_operator_acts_of_the_lost_time_are_found_again_on_the_chain(world: World, restored: Any) -> None:
    put = restored()
    asked_before = int(wall().timestamp()) - 1
    carried_out(world, asked_before)
    put()
    bridge = world.bridge()
    while not bridge.step().idle:
        pass
    assert carried_out(world, asked_before) == 3


def carried_out(world: World, asked_at: int) -> int:
    """A merchant admitted, its programme created and suspended; the programme's number."""
    desk = Desk.unfenced(world.database, wall)
    steps = Steps(desk, world.node, world.keys, LiveDelivery(world.node), world.settings)
    assert world.deployment is not None
    admin, gln = Admin(steps, world.deployment.contracts), 9501101530027
    admin.admit_merchant(MerchantOnChain(gln, b"\x01" * 20, b"\x02" * 20, b"\x03" * 20), asked_at)
    made = ProgrammeOnChain(gln, "Points 3", "P3", (NEVER,), TermsOnChain(LONG_AGO, 10_000, 150, 10**12, 2))
    number, _ = admin.create_programme("P3", made, asked_at)
    admin.suspend_merchant(gln, asked_at + 86_400, asked_at)
    return number
