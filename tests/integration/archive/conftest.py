from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.db.engine import Database
from tests.integration.archive.old_ledger import OldLedger


@pytest.fixture
def old(database: Database, tmp_path: Path) -> Iterator[OldLedger]:
    """A spring of sales, all final, three months ago; on each dialect."""
    old = OldLedger(database, tmp_path / "archive")
    old.spring()
    old.summer()
    yield old
    old.shop.close()
