"""A programme that settles at issue, then by a reserve: published, mirrored, recomputed by a stranger."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.api.ports import BasisOfProgramme
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.governance import QueuedGovernance
from ledger_service.chain.admin import Admin
from ledger_service.chain.basis.flows import pool_flows
from ledger_service.chain.basis.models import chain_basis
from ledger_service.chain.models import chain_net
from ledger_service.cli import settle, verify
from ledger_service.custody.requests import SignBasis
from ledger_service.db.writer import Writer
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.pools import BasisKind
from ledger_service.kernel.secp256k1 import address_text, sign_digest
from ledger_service.settlement.pool import PoolLine, pool_lines
from tests.chain.founded import RotatingKeys
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain
from tests.chain.test_pair_terms import Clock
from tests.chain.test_period_papers import as_kept, data_of, kept_of
from tests.chain.test_rotation import steps_of
from tests.chain.world import DAY, MERCHANTS, World, merchant_key

BASIS = (
    "BasisProposal(uint32 programme,uint32 number,uint40 effectiveFrom,uint8 kind,uint16 reserveBps,"
    "uint64 pool)"
)


class Signing(RotatingKeys):
    """Custody that also signs bases."""

    registry: Domain | None = None

    def sign_bases(self, bases: list[SignBasis]) -> list[bytes]:
        assert self.registry is not None
        return [
            sign_digest(merchant_key(b.merchant, "admin"), self.registry.digest(struct_hash(
                BASIS, b.programme, b.number, b.effective_from, b.kind, b.reserve_bps, b.pool
            )))
            for b in bases
        ]  # fmt: skip


@pytest.fixture
def pooling(rotating: World) -> World:
    assert rotating.deployment is not None
    keys = Signing(rotating.keys.domain)
    keys.registry = Domain(rotating.node.chain_id, rotating.deployment.contracts.registry)
    rotating.keys = keys
    return rotating


def publish(world: World, number: int, days: int, kind: BasisKind, share: int = 0) -> None:
    """The first merchant's programme has its next basis with the second one's pool."""
    told: list[BaseException] = []
    writer = Writer(world.database, Clock(world))  # type: ignore[arg-type]  # of the test
    basis = BasisOfProgramme(
        MERCHANTS[0], 1, number, world.now() + days * DAY, kind.value, share, MERCHANTS[1]
    )

    def ask() -> None:
        try:
            clock = Clock(world)
            QueuedGovernance(writer, world.database, world.keys, clock).publish_basis(basis)  # type: ignore[arg-type]
        except BaseException as error:
            told.append(error)

    assert world.deployment is not None
    clerk = GovernanceClerk(steps_of(world).desk, Admin(steps_of(world), world.deployment.contracts))
    caller = threading.Thread(target=ask)
    caller.start()
    while caller.is_alive():
        clerk.run()
        caller.join(0.01)
    writer.close()
    assert told == []


def close(world: World, period: int) -> None:
    assert world.deployment is not None
    drain(world.bridge(), world.database)
    Admin(steps_of(world), world.deployment.contracts).close_period(period, world.now())
    drain(world.bridge(), world.database)


def four_periods(world: World) -> None:
    """At redemption, at issue, by a reserve of 80 percent; a point is 10,000 micros, the fee 1.5 percent."""
    ann = world.members[0]
    world.enqueue(world.signer(ann), world.issue(ann, 1, 200))
    publish(world, 1, 9, BasisKind.ISSUE)
    publish(world, 2, 20, BasisKind.RESERVE, 8_000)
    world.enqueue(world.redeem(ann, MERCHANTS[1], (1, 50)))
    close(world, 1)
    world.advance(10 * DAY)
    earned = world.issue(ann, 1, 100)
    world.enqueue(earned, world.redeem(ann, MERCHANTS[0], (1, 10)))
    spent = world.redeem(ann, MERCHANTS[1], (1, 40))
    world.enqueue(spent)
    drain(world.bridge(), world.database)
    world.enqueue(world.restore(spent, 0, 15), world.clawback(earned, 30))
    close(world, 2)
    world.advance(11 * DAY)
    world.enqueue(world.issue(ann, 1, 40), world.redeem(ann, MERCHANTS[1], (1, 25)))
    close(world, 3)


def kept_in_papers(world: World, lines: list[list[PoolLine]]) -> None:
    """The bridge adds them up period by period, the command all at once: both have the same."""
    kept_of(world)
    for period, pools in enumerate(lines, 1):
        assert as_kept(world, period)[0] == data_of(world, period)
        assert data_of(world, period).pools == pools


def test_what_issuer_and_pool_owe_follows_from_the_chain_alone(
    pooling: World, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    world = pooling
    four_periods(world)
    assert_clean(world)
    with world.database.snapshot() as conn:
        rows = conn.execute(select(chain_basis.c.number, chain_basis.c.kind, chain_basis.c.reserve_bps)).all()
        flows, lines = pool_flows(conn, 4), pool_lines(pool_flows(conn, 4))
        nets = list(conn.execute(select(chain_net.c.net_micros)).scalars())
    assert [tuple(row) for row in rows] == [(1, 1, 0), (2, 2, 8_000)]
    assert flows[0] == []  # at redemption: nothing beside the contract's nets
    (second,), (third,) = lines[1], lines[2]
    # 100 issued, 30 clawed back; 10 at the issuer and 40 less 15 at the other, each without its fee.
    spent = (10 + 40 - 15) * 10_000 * 985 // 1_000
    assert (second.paid_in_micros, second.paid_out_micros) == (700_000, spent)
    assert second.held_micros == 700_000 - spent
    assert second.flow.outstanding == 200 - 50 + 100 - 10 - 40 + 15 - 30
    assert third.flow.outstanding == 185 + 40 - 25
    assert third.held_micros == 200 * 10_000 * 8_000 // 10_000
    assert third.owed_micros == third.held_micros - second.held_micros
    assert sum(nets) == 0
    kept_in_papers(world, lines[:3])
    assert world.deployment is not None
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(world.database.url))
    assert settle.main(["pool", "--period", "2", "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)["pools"]
    assert settle.main(["pool", "--period", "1"]) == 0
    assert "no programme has a pool in period 1" in capsys.readouterr().out
    at = world.deployment.contracts
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    asked = ["settlement", "--rpc", network.url, "--registry", address_text(at.registry), "--period", "2",
             "--clearing-house", address_text(at.clearing_house)]  # fmt: skip
    assert verify.main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"] == ours
    assert verify.main(asked) == 0
    said = f"programme 1 at issue: {MERCHANTS[0]} owes pool {MERCHANTS[1]} 355,250 micros"
    assert said in capsys.readouterr().out
