from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.service import PointsService, PointsSettings
from tests.integration.checkout.shop import DOMAIN, Shop, lots_equal_postings


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    """A founded shop on each dialect; whatever a test did, lots equal postings in the end."""
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def points(shop: Shop) -> PointsService:
    """The points room over the shop's database."""
    settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(100, 150), "w1")
    return PointsService(shop.writer, shop.database, shop.catalogue, settings)
