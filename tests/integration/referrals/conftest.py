from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import Shop, lots_equal_postings

from .sharing import Sharing


@pytest.fixture
def sharing(database: Database) -> Iterator[Sharing]:
    """The sharing room over a founded shop; lots equal postings in the end."""
    shop = Shop(database)
    shop.found()
    yield Sharing(shop)
    shop.close()
    lots_equal_postings(shop)
