"""One prepared alliance per session; each test starts from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.parties import Member


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


@pytest.fixture
def rich(alliance: Alliance, ann: Member) -> Alliance:
    """Ann holds 10,000 points of programme 1 and 2 in the epochs 1, 5 and 12."""
    alliance.apply(*(alliance.issue(ann, Leg(p, 1, e, 10_000)) for p in (1, 2) for e in (1, 5, 12)))
    return alliance
