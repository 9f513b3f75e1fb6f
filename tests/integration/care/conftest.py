"""A whole alliance on a chain of its own: front doors, custody, a bridge at work in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import seconds_floor
from tests.api.service import NOON
from tests.chain.networks import OwnChain
from tests.integration.care.whole import Whole


@pytest.fixture
def whole(sqlite_database: Database, tmp_path: Path) -> Iterator[Whole]:
    """Two merchants with a till each, nothing sold yet."""
    network = OwnChain(store=tmp_path / "chain.db", genesis_time=seconds_floor(NOON) - 1_000)
    network.start()
    made = Whole(sqlite_database, tmp_path, network)
    yield made
    made.close()
    network.close()
