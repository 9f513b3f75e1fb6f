"""What the contract refuses after its member merged or moved freezes who has the points now (D7)."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update

from ledger_service.care.merging import Following, merge_members
from ledger_service.checkout import merging as bought
from ledger_service.kernel.points import Leg
from ledger_service.members.merging import Merge
from ledger_service.members.models import former_account, member
from ledger_service.points import merging
from ledger_service.points.retries.errors import RetryHopeless
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import Phone, Shop, line
from tests.integration.points.refusals import frozen, refuse
from tests.integration.points.test_points import epoch_end, gift
from tests.integration.points.test_retries import MENDED, ask, refused
from tests.integration.points.test_set_aside import no_lot_differs


def merge(shop: Shop, closes: Phone, stays: Phone) -> None:
    """All of the one is the other's, as after the notice of a merge."""

    def act(conn: Connection) -> None:
        both = select(member).where(member.c.member_id.in_((closes.member_id, stays.member_id)))
        rows = {row["member_id"]: row for row in conn.execute(both).mappings()}
        what = Merge(closes.member_id, stays.member_id, shop.clock.at)
        following = Following([merging.follow_merge, bought.follow_merge])
        merge_members(conn, what, (rows[closes.member_id], rows[stays.member_id]), following)

    shop.writer.run(act)


def test_what_is_refused_after_a_merge_freezes_who_stays_until_it_is_returned(
    shop: Shop, points: PointsService
) -> None:
    closes, stays = shop.enrol(), shop.enrol()
    sale = shop.sell(closes, line("1", 5_000))
    merge(shop, closes, stays)
    refuse(shop, [bytes.fromhex(sale["operations"][0])], "IssuanceCapExceeded()")
    assert points.apply_set_aside(shop.clock.at) == 1
    assert frozen(shop, stays, 1)
    no_lot_differs(shop)
    shop.refund(sale["sale_id"])
    no_lot_differs(shop)
    assert (shop.balance(stays, 1), frozen(shop, stays, 1)) == (0, False)


def test_a_gift_that_is_refused_freezes_a_recipient_that_has_moved_or_merged(
    shop: Shop, points: PointsService
) -> None:
    giver, recipient, stays = shop.enrol(), shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    epoch = epoch_end(shop)[0]
    given = [points.gift(gift(shop, giver, recipient, Leg(1, 1, epoch, n)), shop.clock.at) for n in (15, 5)]
    was = {"account": recipient.account, "member_id": recipient.member_id, "salt": None}
    row = was | {"successor": b"\x77" * 20, "reason": "rotation", "linked": True, "until": shop.clock.at}
    with shop.database.begin() as conn:
        conn.execute(insert(former_account).values(row))
        mine = member.c.member_id == recipient.member_id
        conn.execute(update(member).where(mine).values(account=row["successor"]))
    refuse(shop, given[:1], MENDED)
    points.apply_set_aside(shop.clock.at)
    assert frozen(shop, recipient, 1)
    # The chain would credit the account that was.
    assert refused(shop, given[0]) == "moved"
    with pytest.raises(RetryHopeless):
        ask(shop, given[0])
    merge(shop, recipient, stays)
    refuse(shop, given[1:])
    points.apply_set_aside(shop.clock.at)
    assert frozen(shop, stays, 1)
