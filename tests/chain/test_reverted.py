"""A step that its contract refuses in a block: the operator is told which and why, and may ask again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ledger_service.chain.admin import Admin, Steps
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.models import chain_step
from tests.chain.test_bridge import drain
from tests.chain.test_rotation import steps_of
from tests.chain.world import World


def admin_of(world: World) -> Admin:
    assert world.deployment is not None
    return Admin(steps_of(world), world.deployment.contracts)


def closing(world: World, period: int) -> str:
    with pytest.raises(AdminRefused) as told:
        admin_of(world).close_period(period)
    assert told.value.step == f"close:{period}"
    return str(told.value.reason)


def test_a_step_that_reverts_in_its_block_is_named_with_the_contract_s_reason_and_may_be_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enqueue(world.signer(world.members[0]))
    drain(world.bridge(), world.database)
    with monkeypatch.context() as patch:
        # As after a race: the call was good when it was judged, and is not in its block.
        patch.setattr(Steps, "_gas", lambda *_: 200_000)
        told = closing(world, 2)
    assert "step close:2 reverted in block" in told
    assert told.endswith("PeriodNotOpen(2, 1)")
    # Asked again before the block is final: the same answer, and nothing more is sent.
    assert closing(world, 2) == told
    drain(world.bridge(), world.database)
    # Judged anew, before anything is sent: period 1 is the one that is open.
    assert closing(world, 2) == "PeriodNotOpen(2, 1)"
    admin_of(world).close_period(1)
    admin_of(world).close_period(2)
    with world.database.read() as conn:
        keys = set(conn.execute(select(chain_step.c.key).where(chain_step.c.key.like("close:%"))).scalars())
    assert {"close:1", "close:2"} < keys
    assert len(keys) == 3
