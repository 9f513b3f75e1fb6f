"""Coupons on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.coupons.stage import Stage


@pytest.fixture
def stage(database: Database) -> Iterator[Stage]:
    """An alliance with one merchant and one definition."""
    made = Stage(database)
    yield made
    made.close()
