from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.checkout.shop import Shop, lots_equal_postings

from .promised import CampaignChain
from .sharing import Sharing


@pytest.fixture
def sharing(database: Database) -> Iterator[Sharing]:
    """The sharing room over a founded shop; lots equal postings in the end."""
    shop = Shop(database)
    shop.found()
    yield Sharing(shop)
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def promising(database: Database) -> Iterator[Sharing]:
    """The sharing room of an alliance whose chain has the desk of campaigns."""
    shop = Shop(database)
    shop.found()
    yield Sharing(shop, promises=True)
    shop.close()
    lots_equal_postings(shop)


@pytest.fixture
def chain(database: Database) -> CampaignChain:
    return CampaignChain(database)
