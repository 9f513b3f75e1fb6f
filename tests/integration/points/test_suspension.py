"""A suspended issuer: nothing of its programme is issued or given away, and nothing is lost (D7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.operations import Clawback, Expire, Issue, Restore
from ledger_service.kernel.points import Leg
from ledger_service.ledger.models import lot
from ledger_service.merchants.models import merchant
from ledger_service.points import programmes
from ledger_service.points import service as room
from ledger_service.points.adjustments import Asked, Decision
from ledger_service.points.errors import IssuerSuspended
from ledger_service.points.models import pending_issue
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.rules import Terms
from ledger_service.points.service import PointsService
from tests.integration.checkout.shop import FUEL, GROCER, Phone, Shop, line
from tests.integration.points.test_points import epoch_end, gift, make_pending, operations


def suspend(shop: Shop, merchant_id: int = GROCER, status: str = "suspended") -> None:
    with shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == merchant_id).values(status=status))


def pending_at(shop: Shop, points: int, at: int = GROCER) -> Phone:
    phone = shop.enrol()
    shop.sell(phone, line("1", points * 100), at=at)
    return phone


def test_vesting_waits_until_the_suspension_ends_and_is_accepted_then(
    shop: Shop, points: PointsService
) -> None:
    make_pending(shop, 14)
    phone = pending_at(shop, 50)
    shop.clock.forward(days=15)
    suspend(shop)
    assert points.vest_due(shop.clock.at) == 0
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending"), operations(shop)) == (0, 50, [])
    shop.clock.forward(days=100)
    suspend(shop, status="active")
    assert points.vest_due(shop.clock.at) == 1
    assert (shop.balance(phone, 1), shop.balance(phone, 1, "pending")) == (50, 0)
    (issue,) = operations(shop)
    assert isinstance(issue, Issue) and issue.accepted_at == seconds_floor(shop.clock.at)


def test_points_that_vest_late_have_thirty_days_left_even_where_their_epoch_has_ended(
    shop: Shop, points: PointsService
) -> None:
    make_pending(shop, 14)
    phone = pending_at(shop, 50)
    epoch, end = epoch_end(shop)
    suspend(shop)
    shop.clock.at = instant_of_seconds(end + 86_400)
    assert points.vest_due(shop.clock.at) == 0
    suspend(shop, status="active")
    assert points.vest_due(shop.clock.at) == 1
    (issue,) = operations(shop)
    assert isinstance(issue, Issue) and issue.leg.epoch > epoch
    ends = shop.catalogue.current().programmes[1].epoch_ends
    assert ends[issue.leg.epoch - 1] >= seconds_floor(shop.clock.at) + 30 * 86_400
    assert shop.balance(phone, 1) == 50


def test_issuers_that_cannot_issue_do_not_hide_those_behind_them(
    shop: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP_ROWS", 2)
    make_pending(shop, 1)
    with shop.database.begin() as conn:
        programmes.set_pending_days(conn, "FUEL", 2)
    shop.catalogue.refresh()
    waiting = [pending_at(shop, 10) for _ in range(5)]
    behind = pending_at(shop, 20, FUEL)
    shop.clock.forward(days=3)
    suspend(shop)
    assert (points.vest_due(shop.clock.at), points.vest_due(shop.clock.at)) == (1, 0)
    assert shop.balance(behind, 2) == 20
    assert [shop.balance(phone, 1, "pending") for phone in waiting] == [10] * 5


def test_a_calendar_that_ran_out_does_not_hide_those_behind_it(
    shop: Shop, points: PointsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STEP_ROWS", 2)
    with shop.database.begin() as conn:
        programmes.set_pending_days(conn, "GROC", 900)
        programmes.set_pending_days(conn, "FUEL", 901)
    shop.catalogue.refresh()
    waiting = [pending_at(shop, 10) for _ in range(3)]
    behind = pending_at(shop, 20, FUEL)
    last = shop.catalogue.current().programmes[2].epoch_ends[-1]
    with shop.database.begin() as conn:
        programmes.append_epochs(conn, "FUEL", [last + 400 * 86_400])
    shop.clock.at = instant_of_seconds(last + 86_400)
    assert (points.vest_due(shop.clock.at), points.vest_due(shop.clock.at)) == (1, 0)
    assert shop.balance(behind, 2) == 20
    with shop.database.begin() as conn:
        programmes.append_epochs(conn, "GROC", [last + 400 * 86_400])
    assert [points.vest_due(shop.clock.at) for _ in range(3)] == [2, 1, 0]
    assert [shop.balance(phone, 1) for phone in waiting] == [10] * 3


def test_vesting_stays_within_a_cap_that_was_cut_below_what_is_promised(
    shop: Shop, points: PointsService
) -> None:
    make_pending(shop, 30)
    phones = [pending_at(shop, 50) for _ in range(3)]
    cut = seconds_floor(shop.clock.at) + 9 * 86_400
    with shop.database.begin() as conn:
        programmes.publish_terms(conn, "GROC", Terms(2, cut, 10_000, 100, 120, 12), shop.clock.at)
    shop.catalogue.refresh()
    shop.clock.forward(days=31)
    assert (points.vest_due(shop.clock.at), points.vest_due(shop.clock.at)) == (2, 0)
    assert sum(op.leg.amount for op in operations(shop) if isinstance(op, Issue)) == 100
    raised = seconds_floor(shop.clock.at) + 9 * 86_400
    with shop.database.begin() as conn:
        programmes.publish_terms(conn, "GROC", Terms(3, raised, 10_000, 100, 150, 12), shop.clock.at)
    shop.clock.at = instant_of_seconds(raised)
    assert points.vest_due(shop.clock.at) == 1
    assert [shop.balance(phone, 1) for phone in phones] == [50] * 3


def test_a_gift_of_a_suspended_issuers_points_is_refused_and_its_permit_stays_unused(
    shop: Shop, points: PointsService
) -> None:
    giver, recipient = shop.enrol(), shop.enrol()
    shop.stock(giver, 1, 40)
    request = gift(shop, giver, recipient, Leg(1, 1, epoch_end(shop)[0], 15))
    suspend(shop)
    with pytest.raises(IssuerSuspended) as refusal:
        points.gift(request, shop.clock.at)
    assert (refusal.value.code, refusal.value.programme) == ("issuer-suspended", "GROC")
    assert (shop.balance(giver, 1), shop.balance(recipient, 1), shop.count("permit_use")) == (40, 0, 0)
    suspend(shop, status="active")
    points.gift(request, shop.clock.at)
    assert (shop.balance(giver, 1), shop.balance(recipient, 1)) == (25, 15)


def test_an_adjustment_of_a_suspended_issuer_is_refused_and_can_be_approved_later(
    shop: Shop, points: PointsService
) -> None:
    phone = shop.enrol()
    asked = AskAdjustment(phone.number, "GROC", 100, "goodwill", "the freezer broke", FUEL)
    adjustment = points.ask_adjustment(asked, Asked("operator:ann", "k1", shop.clock.at))
    suspend(shop)
    decision = Decision(adjustment, "operator:bob", True, shop.clock.at)
    with pytest.raises(IssuerSuspended):
        points.decide_adjustment(decision)
    assert operations(shop) == []
    suspend(shop, status="active")
    assert points.decide_adjustment(decision) == "approved"
    assert shop.balance(phone, 1) == 100


def test_refunds_and_expiry_of_a_suspended_merchant_go_on_as_the_contract_takes_them(
    shop: Shop, points: PointsService
) -> None:
    phone = shop.enrol()
    shop.stock(phone, 2, 40)
    sale = shop.sell(phone, line("1", 1_000), spend=[{"programme": "FUEL", "points": 40}])
    suspend(shop)
    suspend(shop, FUEL)
    shop.refund(sale["sale_id"])
    assert {type(op) for op in operations(shop)[-2:]} == {Restore, Clawback}
    with shop.database.read() as conn:
        epoch = conn.execute(select(lot.c.epoch).where(lot.c.programme_id == 2)).scalar_one()
    end = shop.catalogue.current().programmes[2].epoch_ends[epoch - 1]
    assert points.expire_due(instant_of_seconds(end) + timedelta(seconds=120)) == 40
    assert isinstance(operations(shop)[-1], Expire)


def test_only_what_waits_is_read_of_pending_issues(shop: Shop) -> None:
    """The partial index serves the job on both databases, however many have vested before."""
    make_pending(shop, 1)
    pending_at(shop, 10)
    with shop.database.begin() as conn:
        row = dict(conn.execute(select(pending_issue)).mappings().one())
        done = {**row, "state": "vested", "leaf": bytes(32)}
        rows = [{**done, "op_id": n.to_bytes(16, "big")} for n in range(3_000)]
        conn.execute(insert(pending_issue), rows)
        if not shop.database.is_sqlite:
            conn.exec_driver_sql("ANALYZE pending_issue")
    explain = "EXPLAIN QUERY PLAN" if shop.database.is_sqlite else "EXPLAIN"
    query = "SELECT op_id FROM pending_issue WHERE state = 'waiting' AND vests_at <= 9 ORDER BY vests_at"
    with shop.database.read() as conn:
        plan = " ".join(str(row[-1]) for row in conn.exec_driver_sql(f"{explain} {query}"))
    assert "ix_pending_issue_waiting" in plan
    with shop.database.begin() as conn:  # nothing promised them
        conn.execute(delete(pending_issue).where(pending_issue.c.state == "vested"))
