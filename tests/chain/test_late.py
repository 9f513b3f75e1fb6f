"""Transactions that are late, stolen from or stuck (D8, R7): no operation enters a second batch too early."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain.bridge import Bridge
from ledger_service.chain.models import chain_alarm, chain_batch, chain_tx
from ledger_service.chain.outbound import Draft, Outbound
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from tests.chain.networks import LONG_AGO, Anvil, Network
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.world import DAY, MERCHANTS, World


def test_an_old_transaction_that_turns_up_late_finds_its_operations_still_its_own(world: World) -> None:
    """D8: while a batch may still be mined, however long it takes, nothing of it is packed anew."""
    ann = world.members[0]
    world.enqueue(world.issue(ann, 1, 10))
    bridge = world.bridge()
    bridge.step()  # the mirror is up to date before anything is sent
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 20), world.issue(ann, 1, 30))
    assert bridge.packer.step(0) == 2  # stored, signed, not sent: as if the node had lost it
    for _ in range(20):
        assert world.bridge().packer.step(1) == 0
    drain(world.bridge(), world.database)
    with world.database.snapshot() as conn:
        assert list(conn.execute(select(chain_batch.c.state)).scalars()) == ["final", "final"]
    assert_clean(world)


def test_a_batch_whose_nonce_a_stranger_used_is_dead_and_its_operations_go_into_another(world: World) -> None:
    ann = world.members[0]
    bridge = world.bridge()
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 20))
    assert bridge.packer.step(0) == 1
    with world.database.snapshot() as conn:
        row = conn.execute(select(chain_tx).where(chain_tx.c.batch_number == 1)).one()
        old = conn.exec_driver_sql(
            "SELECT raw_tx FROM chain_journal ORDER BY position DESC LIMIT 1"
        ).scalar_one()
    thief = Outbound(bridge.indexer._desk, world.node, world.keys, world.settings)
    stolen = thief.sign("relayer", row.nonce, Draft(row.signer, b"", 21_000))
    world.node.send([stolen.raw])
    drain(bridge, world.database)
    with world.database.snapshot() as conn:
        assert list(conn.execute(select(chain_batch.c.state).order_by(chain_batch.c.number)).scalars()) == [
            "dead",
            "final",
        ]
    world.node.send([old])  # the old transaction turns up late
    drain(bridge, world.database)
    assert_clean(world)


def test_a_node_that_only_says_that_a_nonce_is_used_buries_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = world.members[0]
    bridge = world.bridge()
    drain(bridge, world.database)
    world.enqueue(world.issue(ann, 1, 20))
    assert bridge.packer.step(0) == 1
    with monkeypatch.context() as lie:
        lie.setattr(type(world.node), "nonce", lambda *_: 1_000)
        lie.setattr(type(world.node), "send", lambda *_: [])
        for _ in range(5):
            bridge.submitter._mend(world.keys.address_of("relayer"))
    with world.database.snapshot() as conn:
        assert conn.execute(select(chain_batch.c.state)).scalar_one() == "signed"
        assert "nonce-stolen" in set(conn.execute(select(chain_alarm.c.code)).scalars())
    assert set(states(world.database).values()) == {"packed"}


def test_a_stuck_transaction_is_replaced_by_one_that_bids_more(
    anvil: Anvil, sqlite_database: Database, settings: Any
) -> None:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    world.enqueue(world.issue(world.members[0], 1, 20))
    bridge = world.bridge(bump_after_seconds=0.2)
    drain_steps(bridge)
    world.node.control(("evm_setAutomine", [False]))
    world.enqueue(world.issue(world.members[0], 1, 30))
    for _ in range(60):
        bridge.step()
        time.sleep(0.02)
    with world.database.snapshot() as conn:
        attempts = conn.execute(
            select(chain_tx.c.attempt, chain_tx.c.max_fee).where(chain_tx.c.batch_number == 2)
        ).all()
    assert len(attempts) >= 2
    assert max(attempts).max_fee > min(attempts).max_fee
    world.node.control(("evm_mine", []), ("evm_setAutomine", [True]))
    drain(bridge, world.database)
    assert_clean(world)


def test_a_sending_key_that_was_changed_too_early_is_an_alarm_and_stops_nothing(
    anvil: Anvil, sqlite_database: Database, settings: Any
) -> None:
    world = World(sqlite_database, anvil.node(), settings)
    world.found()
    former = world.keys.address_of("relayer")
    world.node.control(("evm_setAutomine", [False]))
    world.enqueue(world.issue(world.members[0], 1, 30))
    before = world.bridge()
    drain_steps(before)
    before._desk.resign()
    world.keys.keys["relayer"] = bytes(31) + b"\x09"
    bridge = world.bridge("two", bump_after_seconds=0.0)
    for _ in range(40):
        bridge.step()
        time.sleep(0.02)
    with world.database.snapshot() as conn:
        alarms = {(row.code, row.subject) for row in conn.execute(select(chain_alarm))}
    assert ("chain-sending-key-gone", former.hex()) in alarms
    world.node.control(("evm_mine", []), ("evm_setAutomine", [True]))
    drain(bridge, world.database)
    assert_clean(world)


def test_in_replay_what_is_parked_does_not_grow_too_old_behind_later_batches(
    sqlite_database: Database, network: Network
) -> None:
    """D16: days of the data pass while a merchant's key is missed for some seconds."""
    network.kill()
    network.genesis_time = LONG_AGO
    network.forget()
    network.start()
    settings = ChainSettings(linger_seconds=0.0, fee_floor_wei=2_000_000_000, replay=True)
    world = World(sqlite_database, network.node(), settings, now=LONG_AGO + 10 * DAY)
    world.found()
    ann, ben, *_ = world.members
    world.keys.missing.add(MERCHANTS[1])
    parked = world.issue(ann, 2, 10)
    world.enqueue(parked)
    bridge = world.bridge()
    for days in (1, 12):
        world.advance(days * DAY)
        world.enqueue(world.issue(ben, 1, days))
        for _ in range(10):
            bridge.step()
    assert sorted(states(world.database).values()) == ["final", "queued", "queued"]
    world.keys.missing.clear()
    drain(world.bridge(), world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)


def drain_steps(bridge: Bridge) -> None:
    while not bridge.step().idle:
        pass
