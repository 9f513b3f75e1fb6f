"""Witnesses of a whole alliance's chain: they sign the ledger's root, and auditors ask for a quorum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger_service.bootstrap.alliance import Alliance, store_alliance
from ledger_service.chain.settings import ChainSettings
from ledger_service.chain.witness.statements import EXECUTED, LINKED, read_statements, signed
from ledger_service.cli import main
from ledger_service.db.engine import Database
from ledger_service.kernel.secp256k1 import SigningKey, address_of_key, address_text
from tests.chain.networks import OwnChain
from tests.chain.test_bridge import drain, everyday
from tests.chain.test_witness import KEYS, Witness, named
from tests.chain.world import World, wall


@dataclass
class Ledger:
    """An alliance on its own chain, and two witnesses who have signed it, one by executing it."""

    world: World
    network: OwnChain
    witnesses: tuple[Witness, Witness]
    names: list[str]

    def told(self, quorum: int, *more: str) -> list[str]:
        files = [str(one.out) for one in self.witnesses]
        return ["--witnessed", *files, *more, "--quorum", str(quorum), *self.names]

    def settlement(self, *more: str) -> int:
        at = self.world.deployment
        assert at is not None
        house, registry = address_text(at.contracts.clearing_house), address_text(at.contracts.registry)
        given = ["verify", "settlement", "--rpc", self.network.url, "--period", "1", "--json"]
        return main([*given, "--clearing-house", house, "--registry", registry, *more])


@pytest.fixture
def ledger(
    sqlite_database: Database, settings: ChainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    network = OwnChain(store=tmp_path / "chain.db")
    network.start()
    world = World(sqlite_database, network.node(), settings)
    world.found()
    everyday(world)
    drain(world.bridge(most_operations=3), world.database)
    at = world.deployment
    assert at is not None
    row = Alliance("A", "USD", "952000", 31337, at.contracts.clearing_house, at.contracts.registry,
                   at.manager, at.points_implementation, 1, 1, wall())  # fmt: skip
    with world.database.begin() as conn:
        store_alliance(conn, row)
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(sqlite_database.url))
    pair = Witness(tmp_path, 0, executes=True), Witness(tmp_path, 1)
    for one in pair:
        assert one.sign(network.url, "--clearing-house", address_text(at.contracts.clearing_house)) == 0
    yield Ledger(world, network, pair, named(tmp_path, *pair))
    network.close()


def test_auditors_ask_for_a_quorum_and_a_rewrite_is_named(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = [read_statements(one.out)[-1].head for one in ledger.witnesses]
    assert [head.checks for head in heads] == [EXECUTED, LINKED]
    assert heads[0].last_batch > 0
    assert any(heads[0].batch_root)
    assert (heads[0].block_hash, heads[0].batch_root) == (heads[1].block_hash, heads[1].batch_root)
    capsys.readouterr()
    plain = ledger.settlement()
    assert ledger.settlement(*ledger.told(2)) == plain
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["witnessed"]
    assert (told["reached"], told["block"]) == (True, heads[0].block_number)
    assert ledger.settlement("--witnessed", str(ledger.witnesses[0].out), "--quorum", "2", *ledger.names) == 1
    assert main(["chain", "verify", *ledger.told(2)]) == 0
    assert "2 or more vouch for this chain" in capsys.readouterr().out
    # One witness has another story of the head: whoever asks hears of it, however many agree.
    other = signed(
        replace(heads[0], block_hash=bytes(32), batch_root=bytes(32)),
        SigningKey(KEYS[1]),
        address_of_key(KEYS[1]),
        5,
    )
    (tmp_path / "other").write_bytes(other.line())
    assert main(["chain", "verify", "--json", *ledger.told(1, str(tmp_path / "other"))]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verified"]
    assert {one["kind"] for one in found["witnessed"]["findings"]} == {"fork", "other-root", "rewritten"}
    with pytest.raises(SystemExit):
        main(["chain", "verify", "--witnessed", str(tmp_path / "other")])
