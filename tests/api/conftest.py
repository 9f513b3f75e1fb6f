"""The service of the API tests, over both databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.db.engine import Database, open_database
from tests.api.service import Shop, open_shop


@pytest.fixture
def shop(sqlite_database: Database, tmp_path: Path) -> Iterator[Shop]:
    """A service over SQLite in replay mode."""
    yield from _opened(sqlite_database, tmp_path)


@pytest.fixture
def any_shop(database: Database, tmp_path: Path) -> Iterator[Shop]:
    """The same over each database."""
    yield from _opened(database, tmp_path)


def _opened(database: Database, folder: Path, **environment: str) -> Iterator[Shop]:
    state = folder / "state"
    os.makedirs(state)
    shop = open_shop(database, state, **environment)
    yield shop
    shop.serving.close()


@pytest.fixture(scope="module")
def open_shop_once(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One service for all tests of a module that leave nothing behind."""
    folder = tmp_path_factory.mktemp("shop")
    # Its tests knock at every route as strangers, within seconds and from one address.
    strangers = {"ALLIANCE_STRANGER_BURST": "1000"}
    shutil.copy(sqlite_template, folder / "alliance.db")
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    yield from _opened(database, folder, **strangers)
    database.close()
