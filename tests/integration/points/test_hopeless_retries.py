"""Refused operations that no retry can save: pages say why, and nobody is offered a button (D7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ledger_service.members.models import member
from ledger_service.outbox.models import intent
from ledger_service.points.retries.errors import RetryHopeless
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import Shop
from tests.integration.points.test_retries import aside, ask, decide, refused, suspensions


@pytest.mark.parametrize("reason", [
    "NonceUsed(0, 0x00, 1)", "PermitExpired(0, 1, 2)", "SignatureInvalid(0)", "PromiseMissing()",
    "RewardNotPromised(0, 0x00)",
])  # fmt: skip
def test_what_the_contract_can_only_refuse_again_is_not_tried(
    shop: Shop, points: PointsService, reason: str
) -> None:
    _, _, op_id = aside(shop, points, reason=reason)
    assert refused(shop, op_id) == "refused-for-good"
    with pytest.raises(RetryHopeless):
        ask(shop, op_id)


def test_a_week_after_the_acceptance_it_is_too_late_also_for_the_approval(
    shop: Shop, points: PointsService
) -> None:
    _, _, op_id = aside(shop, points)
    wanted = ask(shop, op_id)
    assert refused(shop, op_id, shop.clock.at + timedelta(days=7, seconds=-1)) is None
    shop.clock.forward(days=7)
    assert refused(shop, op_id) == "too-late"
    with pytest.raises(RetryHopeless) as late:
        decide(shop, op_id, wanted)
    assert late.value.reason == "too-late"
    assert suspensions(shop) == ["suspend"]
    assert decide(shop, op_id, wanted, approve=False) == "declined"


def test_of_an_account_that_has_moved_nothing_is_tried_again(shop: Shop, points: PointsService) -> None:
    phone, _, op_id = aside(shop, points)
    with shop.database.begin() as conn:
        mine = member.c.member_id == phone.member_id
        conn.execute(update(member).where(mine).values(account=bytes([7]) * 20))
    assert refused(shop, op_id) == "moved"
    with pytest.raises(RetryHopeless):
        ask(shop, op_id)


def test_what_cannot_be_read_or_moves_no_points_is_not_tried(shop: Shop, points: PointsService) -> None:
    _, _, op_id = aside(shop, points)
    with shop.database.begin() as conn:
        mine = intent.c.op_id == op_id
        whose = conn.execute(select(intent.c.member_id).where(mine)).scalar_one()
        conn.execute(update(intent).where(mine).values(member_id=None))
    assert refused(shop, op_id) == "kind"
    with pytest.raises(RetryHopeless):
        ask(shop, op_id)
    with shop.database.begin() as conn:
        payload = conn.execute(select(intent.c.payload).where(mine)).scalar_one()
        conn.execute(update(intent).where(mine).values(member_id=whose, payload="{}"))
    assert refused(shop, op_id) == "unreadable"
    with pytest.raises(RetryHopeless):
        ask(shop, op_id)
    with shop.database.begin() as conn:
        conn.execute(update(intent).where(mine).values(payload=payload))
