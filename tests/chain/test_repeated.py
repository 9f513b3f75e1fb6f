"""Operations that are asked for again after a restore, when the chain has them already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain.again import standing
from ledger_service.chain.models import chain_applied
from ledger_service.kernel.events import HistoryTakenOver
from ledger_service.kernel.intents import operation_of
from ledger_service.outbox.models import intent
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_restored import once_each
from tests.chain.world import MERCHANTS, World


@pytest.mark.parametrize("later", [0, 1], ids=["same-second", "later"])
def test_an_operation_that_is_asked_for_again_after_a_restore_is_the_one_on_the_chain(
    world: World, restored: Any, later: int
) -> None:
    """A till that lost its answer repeats the sale with its key, which gives the same operation again."""
    drain(world.bridge(), world.database)
    put = restored()
    earned = world.issue(world.members[0], 1, 70)
    spent = world.redeem(world.members[0], MERCHANTS[1], (1, 30))
    enrolled = world.signer(world.members[0])
    world.enqueue(enrolled, earned, spent)
    drain(world.bridge(), world.database)
    done = once_each(world.database)
    put()
    bridge = world.bridge()
    drain(bridge, world.database)
    again = [replace(one, accepted_at=one.accepted_at + later) for one in (enrolled, earned, spent)]
    other = world.issue(world.members[1], 2, 5)
    world.enqueue(*again, other)
    drain(bridge, world.database)
    assert once_each(world.database) == sorted([*done, other.op_id])
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)


def test_an_operation_that_moves_other_points_than_the_one_on_the_chain_is_set_aside(
    world: World, restored: Any
) -> None:
    drain(world.bridge(), world.database)
    put = restored()
    earned = world.issue(world.members[0], 1, 70)
    world.enqueue(earned)
    drain(world.bridge(), world.database)
    put()
    bridge = world.bridge()
    drain(bridge, world.database)
    other = world.issue(world.members[1], 2, 5)
    world.enqueue(replace(earned, leg=replace(earned.leg, amount=71)), other)
    drain(bridge, world.database)
    assert states(world.database) == {earned.op_id: "set_aside", other.op_id: "final"}
    assert once_each(world.database) == sorted([earned.op_id, other.op_id])


def test_the_checkout_learns_what_the_chain_has_of_what_is_asked_for_again(
    world: World, restored: Any
) -> None:
    drain(world.bridge(), world.database)
    put = restored()
    earned, never = world.issue(world.members[0], 1, 70), world.issue(world.members[1], 2, 5)
    world.enqueue(earned)
    drain(world.bridge(), world.database)
    put()
    world.told.clear()
    drain(world.bridge(), world.database)
    assert any(isinstance(event, HistoryTakenOver) for event in world.told)
    with world.database.snapshot() as conn:
        found = standing(conn, [earned.op_id, never.op_id])
        there = found.pop(earned.op_id)
        block = select(chain_applied.c.block_number).where(chain_applied.c.number == there.batch)
        assert (found, conn.execute(block).scalar()) == ({}, there.block)
    later, more = replace(earned, accepted_at=earned.accepted_at + 1), replace(earned.leg, amount=71)
    asked = (earned, later, replace(earned, leg=more), world.redeem(world.members[0], MERCHANTS[1], (1, 70)))
    assert [there.is_like(one) for one in asked] == [True, True, False, False]


def test_what_a_job_made_anew_before_the_index_had_read_the_chain_is_the_one_on_the_chain(
    world: World, restored: Any
) -> None:
    """A restored vesting job runs before the first look at the chain, where its issue stands already."""
    world.enqueue(world.signer(world.members[0]))
    drain(world.bridge(), world.database)
    put = restored()
    vested = world.issue(world.members[0], 1, 70)
    world.enqueue(vested)
    drain(world.bridge(), world.database)
    put()
    world.enqueue(replace(vested, accepted_at=vested.accepted_at + 1))
    drain(world.bridge(), world.database)
    assert once_each(world.database).count(vested.op_id) == 1
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)


@pytest.mark.parametrize("late", [False, True], ids=["asked-before-it-is-placed", "asked-after"])
def test_what_reverses_a_repeated_operation_cites_it_as_the_chain_has_it(
    world: World, restored: Any, late: bool
) -> None:
    """A later repeat has another second, hence another leaf, than the operation that the chain took."""
    drain(world.bridge(), world.database)
    put = restored()
    earned = world.issue(world.members[0], 1, 70)
    spent = world.redeem(world.members[0], MERCHANTS[1], (1, 30))
    world.enqueue(world.signer(world.members[0]), earned, spent)
    drain(world.bridge(), world.database)
    put()
    bridge = world.bridge()
    drain(bridge, world.database)
    again = [replace(one, accepted_at=one.accepted_at + 1) for one in (earned, spent)]
    world.enqueue(*again)
    cited = again
    if late:
        drain(bridge, world.database)
        with world.database.snapshot() as conn:
            kept = {row.op_id: row.payload for row in conn.execute(select(intent))}
        cited = [operation_of(kept[one.op_id]) for one in again]
    back = [world.restore(cited[1], 0, 30), world.clawback(cited[0], 70)]
    world.enqueue(*back)
    drain(bridge, world.database)
    assert {states(world.database)[one.op_id] for one in back} == {"final"}
