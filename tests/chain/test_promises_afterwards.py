"""Promises after a restore and after a refusal: what stands on the chain is found, nothing is doubled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger_service.chain.models import chain_batch
from ledger_service.chain.period_figures import Movements, movements
from ledger_service.chain.status import open_period
from ledger_service.kernel.campaign_operations import promise_id_of, return_id_of
from ledger_service.outbox.models import intent
from tests.chain.test_bridge import assert_clean, states
from tests.chain.test_campaign_desk import Sharing
from tests.chain.test_reorgs import assert_mirror_is_a_fresh_index
from tests.chain.test_restored import once_each
from tests.chain.world import DAY, World


@pytest.fixture
def sharing(world: World) -> Sharing:
    return Sharing(world)


def test_a_restored_database_says_again_what_stands_and_nothing_is_issued_twice(
    sharing: Sharing, restored: Any, tmp_path: Path
) -> None:
    ann, ben, *_ = sharing.world.members
    opened, one, other = sharing.open(budget=300), sharing.promise(ann, 1, 100), sharing.promise(ben, 2, 200)
    sharing.tell(opened)
    sharing.settle()
    put = restored()
    issue, back = sharing.issue(ann, one), sharing.back(other)
    sharing.tell(one, other)
    sharing.world.enqueue(issue)
    sharing.settle()
    sharing.tell(back)
    sharing.settle()
    assert sharing.sums() == (300, 200, 100)
    put()
    # The service says each again, at the time at which it comes to it.
    again = [replace(each, accepted_at=each.accepted_at + 7) for each in (opened, one, other, back)]
    sharing.tell(*again[1:])
    sharing.world.enqueue(replace(issue, accepted_at=issue.accepted_at + 7))
    sharing.settle()
    assert {reason for _, reason in sharing.beside().values()} == {None}
    assert states(sharing.world.database)[issue.op_id] == "final"
    assert sharing.sums() == (300, 200, 100)
    assert once_each(sharing.world.database).count(issue.op_id) == 1
    # And what is new goes on behind it, within what is left.
    more = sharing.promise(ben, 3, 200)
    sharing.tell(more)
    sharing.world.enqueue(sharing.issue(ben, more))
    sharing.settle()
    assert sharing.sums() == (500, 200, 300)
    assert sharing.audit() == []
    assert_clean(sharing.world)
    assert_mirror_is_a_fresh_index(sharing.world, tmp_path)


def test_an_adopted_reward_is_done_though_its_promise_stands_on_the_chain_alone(
    sharing: Sharing, restored: Any
) -> None:
    """Who bought, and by whose link, is lost with the database; two operators have the issue booked."""
    ann, *_ = sharing.world.members
    one = sharing.promise(ann, 1, 100)
    sharing.tell(sharing.open())
    sharing.settle()
    put = restored()
    issue = sharing.issue(ann, one)
    sharing.tell(one)
    sharing.world.enqueue(issue)
    sharing.settle()
    put()
    sharing.settle()
    sharing.world.enqueue(issue)
    sharing.settle()
    assert states(sharing.world.database)[issue.op_id] == "final"
    assert once_each(sharing.world.database).count(issue.op_id) == 1
    assert_clean(sharing.world)


def test_a_reward_is_packed_once_the_second_promise_of_it_stands(sharing: Sharing) -> None:
    ann, ben, *_ = sharing.world.members
    sharing.tell(sharing.open(budget=100))
    taken, late = sharing.promise(ann, 1, 100), sharing.promise(ben, 2, 60)
    sharing.tell(taken, late)
    sharing.settle()
    assert sharing.beside()[late.op_id] == ("final", "RewardBeyondBudget()")
    sharing.tell(sharing.back(taken))
    again = replace(late, op_id=promise_id_of(late.reward, 1), accepted_at=sharing.world.now())
    sharing.tell(again)
    issue = sharing.issue(ben, late)
    sharing.world.enqueue(issue)
    sharing.settle()
    assert sharing.beside()[again.op_id] == ("final", None)
    assert states(sharing.world.database)[issue.op_id] == "final"
    assert (sharing.sums(), sharing.audit()) == ((160, 100, 60), [])
    # What a settlement tells of its funder is what it told when rewards were earns.
    moved = Movements()
    with sharing.world.database.snapshot() as conn:
        for told in movements(conn, open_period(conn) or 1):
            moved.add(told)
    assert moved.named[1, "earned"] == 60
    assert_clean(sharing.world)


@pytest.mark.parametrize("issued", [False, True])
def test_a_reward_that_went_back_in_the_lost_hours_takes_no_batch_with_it(
    sharing: Sharing, restored: Any, issued: bool
) -> None:
    """The backup is of before its promise; what the chain issued is that issue, what it did not is none."""
    ann, ben, *_ = sharing.world.members
    one = sharing.promise(ann, 1, 100)
    issue, back = sharing.issue(ann, one), sharing.back(one)
    sharing.tell(sharing.open())
    sharing.settle()
    put = restored()
    sharing.tell(one)
    if issued:
        sharing.world.enqueue(issue)
    sharing.settle()
    late = replace(back, op_id=return_id_of(one.reward, 1))
    # The first of two returns came too late: what counts is the one that was applied.
    sharing.tell(replace(back, accepted_at=back.accepted_at - 40 * DAY))
    sharing.settle()
    assert sharing.beside()[back.op_id] == ("final", "OperationTooLate()")
    sharing.tell(late)
    sharing.settle()
    assert sharing.sums() == (100, 100, 100 * issued)
    put()
    sharing.tell(replace(one, accepted_at=one.accepted_at + 7))
    other = sharing.world.issue(ben, 1, 5)
    sharing.world.enqueue(replace(issue, accepted_at=issue.accepted_at + 7), other)
    sharing.settle()
    assert sharing.beside()[one.op_id] == ("final", None)
    found = states(sharing.world.database)
    assert (found[issue.op_id], found[other.op_id]) == ("final" if issued else "set_aside", "final")
    with sharing.world.database.snapshot() as conn:
        judged = set(conn.execute(select(chain_batch.c.state)).scalars())
        reasons = set(conn.execute(select(intent.c.reason)).scalars())
    assert judged == {"final"}, "no batch was refused"
    assert reasons == ({None} if issued else {None, "PromiseMissing()"})
    assert sharing.sums() == (100, 100, 100 * issued)


def test_a_batch_that_is_tried_before_it_is_sent_finds_the_issue_that_the_chain_has(
    sharing: Sharing, restored: Any
) -> None:
    """The desk refuses it a second time; beside it waits one that was refused before: a dry run decides."""
    ann, ben, *_ = sharing.world.members
    one = sharing.promise(ann, 1, 100)
    sharing.tell(sharing.open(), one)
    sharing.settle()
    put = restored()
    issue = sharing.issue(ann, one)
    sharing.world.enqueue(issue)
    sharing.settle()
    put()
    other = sharing.world.issue(ben, 1, 5)
    sharing.world.enqueue(replace(issue, accepted_at=issue.accepted_at + 7), other)
    sharing.rewrite(other.op_id, reason="MerchantSuspendedAt(0)")
    sharing.settle()
    found = states(sharing.world.database)
    assert (found[issue.op_id], found[other.op_id]) == ("final", "final")
    assert once_each(sharing.world.database).count(issue.op_id) == 1
    assert sharing.sums() == (100, 0, 100)
    assert_clean(sharing.world)
