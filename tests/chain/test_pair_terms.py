"""Terms of a pair from the operator's asking to the lines of a period, recomputed by a stranger."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.api.ports import TermsOfPair
from ledger_service.bootstrap.chain_events import note_pair_terms
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.governance import QueuedGovernance
from ledger_service.chain.admin import Admin
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.models import chain_net, chain_terms
from ledger_service.chain.period_lines import period_lines
from ledger_service.cli import settle, verify
from ledger_service.custody.requests import SignPairTerms
from ledger_service.db.writer import Writer
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.events import PairTermsGone
from ledger_service.kernel.operations import Redeem
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_text, sign_digest
from ledger_service.points.pairs.models import pair_terms
from ledger_service.settlement.netting import Obligation, nets_of
from tests.chain.founded import RotatingKeys
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_rotation import steps_of
from tests.chain.world import DAY, MERCHANTS, Member, World, merchant_key

PAIR = (
    "PairTermsProposal(uint32 programme,uint64 acceptor,uint16 previous,uint40 effectiveFrom,"
    "uint64 pointValueMicros,uint16 feeBps)"
)


class Signing(RotatingKeys):
    """Custody that also signs terms of pairs; those of a ``wrong`` merchant are another's word."""

    registry: Domain | None = None

    def sign_pair_terms(self, terms: list[SignPairTerms]) -> list[bytes]:
        return [self._pair(one) for one in terms]

    def _pair(self, t: SignPairTerms) -> bytes:
        assert self.registry is not None
        struct = struct_hash(
            PAIR, t.programme, t.acceptor, t.previous, t.effective_from, t.point_value_micros, t.fee_bps
        )
        whose = "stranger" if t.merchant in self.wrong else "admin"
        return sign_digest(merchant_key(t.merchant, whose), self.registry.digest(struct))


class Clock:
    def __init__(self, world: World) -> None:
        self.world = world

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.now(), UTC)


@pytest.fixture
def agreeing(rotating: World) -> World:
    """A founded alliance in replay, whose custody signs terms of pairs."""
    assert rotating.deployment is not None
    keys = Signing(rotating.keys.domain)
    keys.registry = Domain(rotating.node.chain_id, rotating.deployment.contracts.registry)
    rotating.keys = keys
    return rotating


def agree(world: World, previous: int, days: int, value: int, fee: int) -> tuple[int, list[BaseException]]:
    """Merchant 1 and its acceptor 2 publish terms as a serving process and the bridge do it together."""
    told: list[BaseException] = []
    versions: list[int] = []
    writer = Writer(world.database, Clock(world))  # type: ignore[arg-type]  # of the test
    asked = TermsOfPair(MERCHANTS[0], 1, MERCHANTS[1], previous, world.now() + days * DAY, value, fee)

    def ask() -> None:
        try:
            governance = QueuedGovernance(writer, world.database, world.keys, Clock(world))  # type: ignore[arg-type]
            versions.append(governance.publish_pair_terms(asked))
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
    return (versions[0] if versions else 0), told


def redeem(world: World, who: Member, version: int, points: int) -> Redeem:
    plain = world.redeem(who, MERCHANTS[1], (1, points))
    return replace(plain, legs=(Leg(1, version, 1, points),))


def test_a_pair_s_terms_are_published_mirrored_cited_and_recomputed_by_a_stranger(
    agreeing: World, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    world, ann = agreeing, agreeing.members[0]
    bridge = world.bridge(handlers=(note_pair_terms,))
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1_000))
    assert agree(world, 0, 9, 7_000, 2_500) == (2, [])
    assert agree(world, 2, 12, 0, 0) == (3, [])
    assert agree(world, 0, 9, 7_000, 2_500) == (2, [])  # asked again after a lost answer
    drain(bridge, world.database)
    with world.database.read() as conn:
        rows = conn.execute(select(pair_terms.c.version, pair_terms.c.acceptor, pair_terms.c.fee_bps)).all()
    assert [tuple(row) for row in rows] == [(2, MERCHANTS[1], 2_500), (3, MERCHANTS[1], 0)]
    world.enqueue(redeem(world, ann, 1, 100))
    drain(bridge, world.database)
    world.advance(10 * DAY)
    sold = redeem(world, ann, 2, 101)
    world.enqueue(sold)
    drain(bridge, world.database)
    world.advance(4 * DAY)
    world.enqueue(redeem(world, ann, 1, 50), world.restore(sold, 0, 33))
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    with world.database.snapshot() as conn:
        lines = list(period_lines(conn, 1))
        nets = {row.merchant: row.net_micros for row in conn.execute(select(chain_net))}
    told = [(line.terms_version, line.points, line.value_micros, line.fee_micros) for line in lines]
    assert told[:2] == [(1, 100, 1_000_000, 15_000), (2, 101, 707_000, 176_750)]
    assert (2, -33, -231_000, -57_750) in told[2:]
    assert (1, 50, 500_000, 7_500) in told[2:]
    assert nets == nets_of(Obligation(one.debtor, one.creditor, one.owed_micros) for one in lines)
    stranger_agrees(world, network, tmp_path, monkeypatch)
    assert capsys.readouterr().out.endswith("statement = chain, line by line\nrecomputed = contract\n")


def stranger_agrees(world: World, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the chain and the statement alone finds the same."""
    assert world.deployment is not None
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(world.database.url))
    paper, at = tmp_path / "lines.csv", world.deployment.contracts
    assert settle.main(["lines", "--period", "1", "--into", str(paper)]) == 0
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    asked = ["settlement", "--rpc", network.url, "--registry", address_text(at.registry), "--period", "1",
             "--clearing-house", address_text(at.clearing_house), "--statement", str(paper)]  # fmt: skip
    assert verify.main(asked) == 0


def test_what_the_contract_refuses_of_a_pair_is_set_aside(agreeing: World) -> None:
    world, ann = agreeing, agreeing.members[0]
    bridge = world.bridge(handlers=(note_pair_terms,))
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1_000))
    assert agree(world, 0, 9, 7_000, 0)[0] == 2
    drain(bridge, world.database)
    world.advance(10 * DAY)
    world.enqueue(redeem(world, ann, 1, 100))
    drain(bridge, world.database)
    assert sorted(states(world.database).values()) == ["final", "final", "set_aside"]


def test_terms_that_one_of_the_two_has_not_signed_are_refused(agreeing: World) -> None:
    for unwilling in MERCHANTS:
        agreeing.keys.wrong = {unwilling}
        version, told = agree(agreeing, 0, 9, 7_000, 0)
        assert version == 0
        assert [type(error) for error in told] == [AdminRefused]
        assert "RegistrySignatureInvalid" in told[0].reason
    agreeing.keys.wrong = set()
    version, told = agree(agreeing, 0, 7, 7_000, 0)
    assert "RegistryNoticeTooShort" in told[0].reason
    assert agree(agreeing, 0, 9, 7_000, 0)[0] == 2


def test_a_reorganisation_takes_the_terms_out_of_both_mirrors(agreeing: World) -> None:
    world = agreeing
    bridge = world.bridge(handlers=(note_pair_terms,))
    drain(bridge, world.database)
    before = bridge.indexer.cursor()
    agree(world, 0, 9, 7_000, 0)
    while bridge.indexer.step().blocks:
        pass
    assert before is not None
    bridge.indexer.rewind(before.number)
    with world.database.read() as conn:
        assert conn.execute(select(pair_terms)).all() == []
        assert conn.execute(select(chain_terms).where(chain_terms.c.acceptor != 0)).all() == []
    assert PairTermsGone(1, 2) in world.told
    while bridge.indexer.step().blocks:
        pass
    with world.database.read() as conn:
        assert len(conn.execute(select(pair_terms)).all()) == 1
