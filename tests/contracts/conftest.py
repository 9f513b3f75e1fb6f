"""One prepared alliance per session; each test starts from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contracts.alliance import Alliance, Member


@pytest.fixture(scope="session")
def prepared() -> tuple[Alliance, tuple[Any, ...]]:
    alliance = Alliance()
    alliance.apply(*(alliance.enrol(Member.numbered(n)) for n in range(1, 9)))
    return alliance, alliance.fork_mark()


@pytest.fixture
def alliance(prepared: tuple[Alliance, tuple[Any, ...]]) -> Iterator[Alliance]:
    built, mark = prepared
    built.back_to(mark)
    return built


@pytest.fixture
def ann() -> Member:
    return Member.numbered(1)


@pytest.fixture
def bob() -> Member:
    return Member.numbered(2)
