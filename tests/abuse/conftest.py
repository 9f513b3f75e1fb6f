"""One founded alliance, served for real with few threads and low limits, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.abuse.served import Served, found_shop, serve

THREADS, CONNECTIONS, BODY_SECONDS = 4, 200, 6


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with four places to work and two hundred connections."""
    folder = tmp_path_factory.mktemp("served")
    shop = found_shop(folder)
    settings = {
        "ALLIANCE_THREADS": str(THREADS),
        "ALLIANCE_CONNECTIONS": str(CONNECTIONS),
        "ALLIANCE_BODY_SECONDS": str(BODY_SECONDS),
        "ALLIANCE_STRANGER_BURST": "10",
        "ALLIANCE_GUESS_BURST": "5",
        "ALLIANCE_GUESS_SECONDS": "3600",
        "ALLIANCE_MEMBER_BURST": "20",
        "ALLIANCE_MEMBER_RATE_PER_SECOND": "1",
    }
    with serve(folder, shop, **settings) as running:
        yield running
