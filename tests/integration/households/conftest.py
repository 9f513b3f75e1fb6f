from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import Shop, lots_equal_postings

from .home import Home


@pytest.fixture
def home(database: Database) -> Iterator[Home]:
    """Desks of households over a founded shop; whatever a test did, lots equal postings in the end."""
    shop = Shop(database)
    shop.found()
    yield Home(shop)
    shop.close()
    lots_equal_postings(shop)
