"""A writer over the parametrised database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from tests.integration.ledger.bank import StandingClock, open_members


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    """A writer, and members 1 to 20 with their accounts."""
    open_members(database, range(1, 21))
    writer = Writer(database, StandingClock())
    yield writer
    writer.close()
