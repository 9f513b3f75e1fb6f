"""The founded alliance, once for all of these tests."""

from __future__ import annotations

import pytest

from tests.fuzz.founded import Founded, found


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """An alliance with members and points that each test copies."""
    return found(tmp_path_factory.mktemp("founded"))
