"""A stored operation that nobody can read any more is set aside; what stands behind it goes on."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ledger_service.chain import queue
from ledger_service.chain.bridge import lag_of
from ledger_service.chain.reconciler import reconcile
from ledger_service.kernel.events import OperationSetAside
from ledger_service.kernel.intents import payload_of, read_payload
from ledger_service.outbox.models import PAYLOAD_UNREADABLE, intent
from tests.chain.samples import issue
from tests.chain.test_bridge import drain, states
from tests.chain.world import World

GARBAGE = [
    "", "null", "[]", "5", "[99]", "[1]", '{"kind":1}', "[" * 5_000,
    payload_of(issue()).replace("1500000001", "-1"), payload_of(issue()).replace("1500000001", str(2**300)),
]  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_no_text_in_the_place_of_a_payload_raises(text: str) -> None:
    assert read_payload(text) is None


@pytest.mark.parametrize("text", ["null", payload_of(issue()).replace("1500000001", "-1")], ids=["no", "odd"])
def test_an_unreadable_intent_is_set_aside_with_an_alarm_and_others_go_on(world: World, text: str) -> None:
    ann, ben, *_ = world.members
    lost = world.issue(ann, 1, 10)
    reversal = world.clawback(lost, 4)
    before, after = world.issue(ben, 1, 10), world.issue(ben, 2, 10)
    world.enqueue(before, lost, reversal, after)
    with world.database.begin() as conn:
        conn.execute(update(intent).where(intent.c.op_id == lost.op_id).values(payload=text))
    drain(world.bridge(), world.database)
    aside = dict.fromkeys((lost.op_id, reversal.op_id), "set_aside")
    assert states(world.database) == aside | dict.fromkeys((before.op_id, after.op_id), "final")
    alarms = {(code, subject) for code, subject, _ in lag_of(world.database).alarms}
    assert ("intent-unreadable", lost.op_id.hex()) in alarms
    assert OperationSetAside(lost.op_id, 1, PAYLOAD_UNREADABLE) in world.told
    named = {d.subject for d in reconcile(world.database, world.book).differences}
    assert any(ann.account.hex() in subject for subject in named)


def test_what_cites_an_unreadable_original_that_is_mined_waits_for_it(world: World) -> None:
    ann, *_ = world.members
    earned = world.issue(ann, 1, 10)
    world.enqueue(earned)
    bridge = world.bridge()
    drain(bridge, world.database)
    with world.database.begin() as conn:
        whole = queue.known(conn, [earned.op_id])[earned.op_id]
        conn.execute(update(intent).where(intent.c.op_id == earned.op_id).values(payload="null"))
    back = world.clawback(earned, 4)
    world.enqueue(back)
    for _ in range(10):
        bridge.step()
    assert states(world.database)[back.op_id] == "queued"
    assert whole.operation is not None
    with world.database.begin() as conn:
        row = {"payload": payload_of(whole.operation)}
        conn.execute(update(intent).where(intent.c.op_id == earned.op_id).values(**row))
    drain(bridge, world.database)
    assert states(world.database)[back.op_id] == "final"
