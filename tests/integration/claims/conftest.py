from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import Shop, lots_equal_postings

from .office import Office


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    """The claims room over a founded shop, with a second worker; lots equal postings in the end."""
    one = Shop(database)
    one.found()
    two = Shop(database, "w2", one.clock)
    two.catalogue.refresh()
    yield Office(one, two)
    one.close()
    two.close()
    lots_equal_postings(one)
