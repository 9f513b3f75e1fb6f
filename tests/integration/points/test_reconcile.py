"""A debt or a pending amount that somebody flipped is found and named; everyday life has no difference."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ledger_service.db.engine import Database
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.reconcile import differences
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, FUEL, Shop, line
from tests.integration.points.test_points import make_pending


def found(shop: Shop) -> list[tuple[str, str, str, str]]:
    with shop.database.snapshot() as conn:
        return [tuple(one) for one in differences(conn)]


def tamper(shop: Shop, statement: str) -> None:
    with shop.database.begin() as conn:
        assert conn.execute(text(statement)).rowcount == 1


@pytest.fixture
def owing(database: Database) -> Shop:
    """A shop whose one member owes 500 points and, of a later sale, has had 50 collected."""
    shop = Shop(database)
    shop.found(points=150)
    phone = shop.enrol()
    sale = shop.sell(phone, line("1", 1_000))
    shop.sell(phone, line("1", 1_500), at=FUEL, spend=[{"programme": "GROC", "points": 1_500}])
    assert shop.refund(sale["sale_id"])["debt"] == [{"programme": "GROC", "points": 500}]
    shop.sell(phone, line("1", 100))
    assert found(shop) == []
    return shop


@pytest.mark.parametrize(("change", "kept"), [("debt + 1", "351"), ("0", "0")])
def test_a_flipped_debt_is_named(owing: Shop, change: str, kept: str) -> None:
    tamper(owing, f"UPDATE member_programme SET debt = {change} WHERE debt > 0")
    assert found(owing) == [("debt", "member 1 programme 1", "350", kept)]
    owing.close()


def test_a_debt_that_nothing_posted_is_named(owing: Shop) -> None:
    tamper(owing, "DELETE FROM member_programme WHERE debt > 0")
    assert found(owing) == [("debt", "member 1 programme 1", "350", "0")]
    owing.close()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ('UPDATE pending_issue SET "left" = "left" - 1 WHERE state = \'waiting\'', "pending"),
        ("UPDATE pending_issue SET state = 'reversed' WHERE state = 'waiting'", "pending"),
        ("UPDATE lot SET pending = pending + 1 WHERE pending > 0", "pending"),
        ("DELETE FROM pending_issue WHERE state = 'waiting'", "pending"),
        ("UPDATE pending_issue SET amount = amount + 1 WHERE state = 'vested'", "promised"),
    ],
)
def test_a_flipped_pending_amount_is_named(database: Database, statement: str, check: str) -> None:
    shop = Shop(database)
    shop.found()
    make_pending(shop, 14)
    phone = shop.enrol()
    shop.sell(phone, line("1", 5_000))
    shop.clock.forward(days=14)
    with_points(shop).vest_due(shop.clock.at)
    sale = shop.sell(phone, line("1", 4_000, 2))
    shop.refund(sale["sale_id"], [("1", 1)])
    assert found(shop) == []
    tamper(shop, statement)
    assert [one[0] for one in found(shop)] == [check]
    shop.close()


def with_points(shop: Shop) -> PointsService:
    settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(100, 150), "w1")
    return PointsService(shop.writer, shop.database, shop.catalogue, settings)
