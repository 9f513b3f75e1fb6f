"""One sandbox of real processes for all certifications of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.certify.sandbox import Sandbox, founded


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with founded(tmp_path_factory.mktemp("sandbox")) as made:
        yield made
