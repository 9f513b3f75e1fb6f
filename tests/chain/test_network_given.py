"""A chain URL that cannot be right ends a command with a sentence and an exit status, no traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.chain.errors import WrongNetwork
from ledger_service.cli import main
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import migrate
from tests.chain.networks import Network, free_port
from tests.chain.world import World, wall

HOUSE = "0x" + "11" * 20
COMMANDS = {
    "bridge": ["bridge"],
    "audit": ["audit"],
    "index": ["index"],
    "stranger": ["index", "--clearing-house", HOUSE, "--registry", HOUSE],
    "setup": ["setup"],
    "rotate": ["rotate", "sending-key", "relayer", "--old", HOUSE, "--new", HOUSE],
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as every migration leaves it."""
    path = tmp_path_factory.mktemp("migrated") / "alliance.db"
    database = open_database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def founded(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An installation that is founded on chain 77, as its database says."""
    monkeypatch.setenv("ALLIANCE_STATE_DIR", str(tmp_path))
    shutil.copy(migrated, tmp_path / "alliance.db")
    database = open_database(f"sqlite:///{tmp_path}/alliance.db")
    row = Alliance("A", "USD", "952000", 77, *[bytes([n]) * 20 for n in (1, 2, 3, 4)], 1, 1, wall())
    with database.begin() as conn:
        store_alliance(conn, row)
    database.close()
    return database


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"setup"}))  # a founded alliance asks no node
@pytest.mark.parametrize(
    "url", ["localhost:8545", "ftp://x", "http://", "http://x:99999", "http://a..b", "", "http://[::1"]
)
def test_an_address_that_is_none_is_named(
    founded: Database, command: str, url: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("ALLIANCE_CHAIN_URL", url)
    assert main(COMMANDS[command]) == 2
    assert "ALLIANCE_CHAIN_URL" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "status"), [("audit", 1), ("index", 2), ("stranger", 2), ("rotate", 1)])
def test_a_node_that_is_not_there_is_named(
    founded: Database, command: str, status: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("ALLIANCE_CHAIN_URL", f"http://127.0.0.1:{free_port()}")
    assert main(COMMANDS[command]) == status
    told = capsys.readouterr()
    assert "chain-unavailable" in told.err + told.out


@pytest.mark.parametrize("case", [("audit", 1), ("index", 2), ("bridge", 2), ("rotate", 1)], ids=str)
def test_a_node_of_another_chain_is_named(
    founded: Database, network: Network, case: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("ALLIANCE_CHAIN_URL", network.url)
    assert main(COMMANDS[case[0]]) == case[1]
    told = capsys.readouterr()
    assert "77" in told.err + told.out
    assert "31337" in told.err + told.out


def test_a_bridge_whose_node_changes_to_another_chain_sends_nothing(world: World) -> None:
    bridge = world.bridge(chain_id=77)
    world.enqueue(world.issue(world.members[0], 1, 5))
    head = world.node.head_number()
    with pytest.raises(WrongNetwork):
        bridge.step()
    assert world.node.head_number() == head
