from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.db.engine import Database
from tests.api.service import open_shop

from .stand import Stand


@pytest.fixture
def stand(sqlite_database: Database, tmp_path: Path) -> Iterator[Stand]:
    """A till before a running service, with a line between them that a test may cut."""
    state = tmp_path / "state"
    state.mkdir()
    shop = open_shop(sqlite_database, state)
    stand = Stand(shop, tmp_path / "till")
    yield stand
    stand.till.book.close()
    shop.serving.close()
