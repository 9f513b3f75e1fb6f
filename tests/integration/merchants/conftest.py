"""The merchants room on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.merchants.desk import Desk


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """A desk on each database."""
    made = Desk(database)
    yield made
    made.writer.close()
