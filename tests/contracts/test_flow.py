"""What batches do when all is well."""

from __future__ import annotations

from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import FEE_BPS, HOUSE, POINT_VALUES, Alliance, Member


def owed(points: int, programme: int) -> int:
    value = points * POINT_VALUES[programme - 1]
    return value - value * FEE_BPS // 10_000


def test_points_issued_by_one_merchant_are_spent_at_another(alliance: Alliance, ann: Member) -> None:
    a, b, _ = alliance.merchants
    earn = alliance.issue(ann, Leg(1, 1, 5, 1_000))
    spend = alliance.redeem(ann, b, [Leg(1, 1, 5, 300)])
    applied = alliance.apply(earn, spend)
    assert alliance.balance(ann.account, 1, 5) == 700
    assert alliance.net(b) == owed(300, 1)
    assert alliance.net(a) == -owed(300, 1)
    assert alliance.ask(HOUSE, "rootOf", applied.number)[0] == root_of(applied.leaves)
    for leaf in applied.leaves:
        assert verify(leaf, alliance.placed[leaf].proof, root_of(applied.leaves))
