"""One sandbox of real processes for all certifications of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_service.certify.sandbox import Sandbox, founded


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with founded(tmp_path_factory.mktemp("sandbox")) as made:
        yield made
