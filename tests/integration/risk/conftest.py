from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import lots_equal_postings

from .guarded import GuardedShop


@pytest.fixture
def shop(database: Database) -> Iterator[GuardedShop]:
    """A founded shop on each dialect, without rules; whatever a test did, lots equal postings in the end."""
    shop = GuardedShop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)
