"""The members room on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.db.engine import Database
from tests.integration.members.alliance import Alliance


@pytest.fixture
def alliance(database: Database) -> Iterator[Alliance]:
    """An alliance without members."""
    room = Alliance(database)
    yield room
    room.close()
