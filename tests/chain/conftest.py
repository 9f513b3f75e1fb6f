"""Fixtures of the chain tests: every test of the bridge runs on anvil and on the project's own chain.

What is about the bridge's own decisions runs on the own chain in the deep run only (D20): the test command
tries both where the node's behaviour is the matter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database, open_database
from tests.chain.founded import FoundedOnce, in_replay
from tests.chain.networks import Anvil, Network, OwnChain, anvil_binary
from tests.chain.world import World

# Where a node that behaves otherwise would be noticed: sending, dying, reorganising, starting empty, reading.
_BOTH_ALWAYS = frozenset((
    "test_bridge", "test_crashes", "test_reorgs", "test_restored", "test_fresh_index", "test_node_check",
    "test_network_given", "test_unreadable", "test_beside",
))  # fmt: skip
_BOTH_BY_NAME = ("test_the_real_token_keeps_every_rule",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`scripts/test --deep` runs all on both."""
    for item in items:
        if item.path.parent != Path(__file__).parent or item.path.stem in _BOTH_ALWAYS:
            continue
        given = getattr(getattr(item, "callspec", None), "params", {})
        on_own = "own" in (given.get("network"), given.get("yard"))
        if on_own and not item.name.startswith(_BOTH_BY_NAME):
            item.add_marker(pytest.mark.deep)


@pytest.fixture(params=[pytest.param("anvil", marks=pytest.mark.anvil), "own"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    """A running chain of each kind."""
    if request.param == "anvil" and anvil_binary() is None:
        pytest.skip("anvil is not installed")
    made: Network = Anvil() if request.param == "anvil" else OwnChain(store=tmp_path / "chain.db")
    if "world" in request.fixturenames or "rotating" in request.fixturenames:
        request.getfixturevalue("founded_once").start(made, "rotating" in request.fixturenames)
    else:
        made.start()
    yield made
    made.close()


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """A running anvil."""
    if anvil_binary() is None:
        pytest.skip("anvil is not installed")
    made = Anvil()
    made.start()
    yield made
    made.close()


def patience() -> ChainSettings:
    """Patience for tests: short."""
    return ChainSettings(
        most_operations=40,
        linger_seconds=0.0,
        resend_after_seconds=0.3,
        lease_seconds=30,
        fee_floor_wei=2_000_000_000,
    )


@pytest.fixture
def settings() -> ChainSettings:
    """The bridge's settings, for tests to change."""
    return patience()


@pytest.fixture
def world(
    sqlite_database: Database, network: Network, settings: ChainSettings, founded_once: FoundedOnce
) -> World:
    """A founded alliance on each chain, over SQLite."""
    made = World(sqlite_database, network.node(), settings)
    founded_once.alliance_for(made, network)
    return made


@pytest.fixture
def rotating(sqlite_database: Database, network: Network, founded_once: FoundedOnce) -> World:
    """A founded alliance in replay, where two days pass at a word."""
    made = in_replay(sqlite_database, network)
    founded_once.alliance_for(made, network)
    return made


@pytest.fixture(scope="session")
def founded_once(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> FoundedOnce:
    """An alliance on each chain, founded once by every worker."""
    return FoundedOnce(tmp_path_factory.mktemp("founded-once"), sqlite_template, patience())


def copy_of(database: Database, path: Path) -> Database:
    """The database as it is now, as a backup would hold it."""
    with sqlite3.connect(str(database.url.database)) as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    return open_database(f"sqlite:///{path}")


@pytest.fixture
def restored(world: World, tmp_path: Path) -> Any:
    """The founded world; calling it copies the database, and calling the answer puts the copy in place."""
    copies = []

    def take() -> Any:
        copies.append(copy_of(world.database, tmp_path / f"backup-{len(copies)}.db"))

        def put() -> None:
            world.database = copies[-1]

        return put

    yield take
    for copy in copies:
        copy.close()
