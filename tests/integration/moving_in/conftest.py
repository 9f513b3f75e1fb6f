from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import Shop, lots_equal_postings

from .office import Office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    """A founded alliance and an office beside it; whatever a test did, the ledger proves itself at last."""
    shop = Shop(database)
    shop.found()
    office = Office(shop, tmp_path)
    yield office
    shop.close()
    lots_equal_postings(shop)
    office.proven()
