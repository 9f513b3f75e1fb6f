from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database

from .shop import Shop, lots_equal_postings


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    """A founded shop on each dialect; whatever a test did, lots equal postings in the end."""
    shop = Shop(database)
    shop.found()
    yield shop
    shop.close()
    lots_equal_postings(shop)
