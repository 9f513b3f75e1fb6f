"""Conversions and ends of programmes on a chain: order, mirrors, lines recomputed by a stranger, refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.api.ports import ConversionOfProgrammes, EndOfProgramme
from ledger_service.bootstrap.chain_events import note_conversions
from ledger_service.bootstrap.clerking import GovernanceClerk
from ledger_service.bootstrap.governance import QueuedGovernance
from ledger_service.chain.admin import Admin
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.models import chain_net
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.plan import Situation, plan_batch
from ledger_service.chain.settings import Contracts
from ledger_service.cli import settle, verify
from ledger_service.custody.requests import AgreedByBoth, SignConversion
from ledger_service.db.writer import Writer
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.events import ConversionGone, EndGone
from ledger_service.kernel.operations import Convert, Kind
from ledger_service.kernel.permits import ConversionPermit
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_text, sign_digest
from ledger_service.points.conversion.models import conversion_terms, programme_end
from ledger_service.settlement.netting import Obligation, nets_of
from tests.chain import samples as s
from tests.chain.founded import RotatingKeys
from tests.chain.networks import Network
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_moves import where
from tests.chain.test_pair_terms import Clock
from tests.chain.test_plan import WIDE, queued, taken
from tests.chain.test_rotation import steps_of
from tests.chain.world import DAY, MERCHANTS, Member, World, merchant_key

CONVERSION = (
    "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"
)
WIND_DOWN = (
    "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
)
SPREAD = 200


class Signing(RotatingKeys):
    """Custody that also signs conversion terms and ends; those of a ``wrong`` merchant are another's word."""

    registry: Domain | None = None

    def sign_by_both(self, proposals: list[AgreedByBoth]) -> list[bytes]:
        return [self._signed(one) for one in proposals]

    def _signed(self, one: AgreedByBoth) -> bytes:
        assert self.registry is not None
        kind = CONVERSION if isinstance(one, SignConversion) else WIND_DOWN
        whose = "stranger" if one.merchant in self.wrong else "admin"
        digest = self.registry.digest(struct_hash(kind, *astuple(one)[1:]))
        return sign_digest(merchant_key(one.merchant, whose), digest)


@pytest.fixture
def agreeing(rotating: World) -> World:
    """A founded alliance in replay, whose custody signs for two issuers."""
    assert rotating.deployment is not None
    keys = Signing(rotating.keys.domain)
    keys.registry = Domain(rotating.node.chain_id, rotating.deployment.contracts.registry)
    rotating.keys = keys
    return rotating


def act(world: World, what: Callable[[QueuedGovernance], None]) -> list[BaseException]:
    """A serving process and the bridge do an act of governance together; what it was refused with."""
    told: list[BaseException] = []
    writer = Writer(world.database, Clock(world))  # type: ignore[arg-type]  # of the test

    def ask() -> None:
        try:
            what(QueuedGovernance(writer, world.database, world.keys, Clock(world)))  # type: ignore[arg-type]
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
    return told


def contracts_of(world: World) -> Contracts:
    assert world.deployment is not None
    return world.deployment.contracts


def offer(world: World, number: int = 1, spread: int = SPREAD, days: int = 9) -> list[BaseException]:
    """Points of programme 1 (10,000 micros) convert into programme 2 (20,000)."""
    terms = ConversionOfProgrammes(*MERCHANTS, 1, 2, number, world.now() + days * DAY, spread)
    return act(world, lambda governance: governance.publish_conversion(terms))


def announce(world: World, issues: int = 9, ends: int = 31) -> list[BaseException]:
    now = world.now()
    end = EndOfProgramme(*MERCHANTS, 1, now + issues * DAY, now + ends * DAY, 2, SPREAD)
    return act(world, lambda governance: governance.announce_end(end))


def convert(world: World, who: Member, *sources: tuple[int, int], **changes: object) -> Convert:
    """The member's points of these epochs of programme 1 become points of programme 2 in epoch 3."""
    assert world.keys.domain is not None
    legs = tuple(Leg(1, 1, epoch, amount) for epoch, amount in sources)
    points = sum(leg.amount for leg in legs)
    received = points * 10_000 * (10_000 - SPREAD) // (10_000 * 20_000)
    permit = ConversionPermit(who.account, 1, points, 2, received, world.nonce(who), world.now() + 60)
    digest = world.keys.domain.digest(permit.struct_hash())
    made = Convert(
        world.op_id(), MERCHANTS[1], who.account, permit.nonce, received, permit.valid_until, world.now(), 1,
        SPREAD, digest, (*legs, Leg(2, 1, 3, received)), sign_digest(who.key, digest),
    )  # fmt: skip
    for leg in legs:
        world.book.balances[who.account, 1, leg.epoch] -= leg.amount
    world.book.balances[who.account, 2, 3] += received
    return replace(made, **changes)  # type: ignore[arg-type]  # fields that the test names


def test_conversions_share_their_batches_with_conversions_alone_and_keep_their_order() -> None:
    queue = queued(s.convert(1), s.convert(2), s.issue(3, account=s.OTHER), s.extend(4, account=s.OTHER))
    plan = plan_batch(queue, Situation(), WIDE)
    assert taken(plan) == [1, 2]
    assert plan.rows == set()
    waiting = queued(s.issue(1), s.convert(2), s.redeem(3, (Leg(2, 1, 5, 7),)), s.issue(4, account=s.OTHER))
    assert taken(plan_batch(waiting, Situation(), WIDE)) == [1, 4]


def test_a_conversion_is_mirrored_settled_and_recomputed_by_a_stranger(
    agreeing: World, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    world, ann = agreeing, agreeing.members[0]
    bridge = world.bridge(handlers=(note_conversions,))
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1_000), world.issue(ann, 1, 500, epoch=2))
    assert offer(world) == offer(world) == []  # asked again after a lost answer
    drain(bridge, world.database)
    with world.database.read() as conn:
        rows = [tuple(row) for row in conn.execute(select(conversion_terms))]
    assert rows == [(1, 2, 1, world.now() + 9 * DAY, SPREAD)]
    world.advance(10 * DAY)
    world.enqueue(convert(world, ann, (1, 333), (2, 100)))
    world.enqueue(world.redeem(ann, MERCHANTS[0], (2, 12), epoch=3), convert(world, ann, (1, 200)))
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []
    with world.database.snapshot() as conn:
        lines = list(period_lines(conn, 1))
        nets = {row.merchant: row.net_micros for row in conn.execute(select(chain_net))}
    first, second = MERCHANTS
    told = [(x.kind, x.programme, x.points, x.debtor, x.creditor, x.owed_micros) for x in lines]
    assert told == [
        (Kind.CONVERT, 1, 333, first, second, 3_330_000 - 66_600),
        (Kind.CONVERT, 1, 100, first, second, 1_000_000 - 20_000),
        (Kind.REDEEM, 2, 12, second, first, 240_000 - 3_600),
        (Kind.CONVERT, 1, 200, first, second, 2_000_000 - 40_000),
    ]
    assert nets == nets_of(Obligation(one.debtor, one.creditor, one.owed_micros) for one in lines)
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", str(world.database.url))
    paper, at = tmp_path / "lines.csv", contracts_of(world)
    assert settle.main(["lines", "--period", "1", "--into", str(paper)]) == 0
    assert paper.read_text().count(",convert,") == 3
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    asked = ["settlement", "--rpc", network.url, "--registry", address_text(at.registry), "--period", "1",
             "--clearing-house", address_text(at.clearing_house), "--statement", str(paper)]  # fmt: skip
    assert verify.main(asked) == 0
    assert capsys.readouterr().out.endswith("statement = chain, line by line\nrecomputed = contract\n")


def test_a_conversion_that_the_contract_refuses_is_set_aside_and_the_others_go_on(agreeing: World) -> None:
    world, (ann, bob) = agreeing, agreeing.members[:2]
    bridge = world.bridge()
    world.enqueue(*(each for who in (ann, bob) for each in (world.signer(who), world.issue(who, 1, 1_000))))
    assert offer(world) == []
    drain(bridge, world.database)
    early, good = convert(world, ann, (1, 100)), convert(world, bob, (1, 100))
    world.enqueue(early)
    world.advance(10 * DAY)
    refused = convert(world, ann, (1, 100), terms=2)
    world.enqueue(refused, replace(good, accepted_at=world.now(), valid_until=world.now()))
    for _ in range(60):
        bridge.step()
    found = states(world.database)
    assert found.pop(early.op_id) == found.pop(refused.op_id) == found.pop(good.op_id) == "set_aside"
    assert set(found.values()) == {"final"}
    world.enqueue(convert(world, bob, (1, 100)))
    drain(bridge, world.database)
    assert len(where(world, Kind.CONVERT)) == 1


def test_terms_that_one_issuer_has_not_signed_are_refused(agreeing: World) -> None:
    for unwilling in MERCHANTS:
        agreeing.keys.wrong = {unwilling}
        for told in (offer(agreeing), announce(agreeing)):
            assert [type(error) for error in told] == [AdminRefused]
            assert "RegistrySignatureInvalid" in str(told[0].reason)  # type: ignore[attr-defined]
    agreeing.keys.wrong = set()
    assert "RegistryNoticeTooShort" in str(announce(agreeing, ends=29)[0].reason)  # type: ignore[attr-defined]


def test_an_end_is_mirrored_with_its_last_terms_and_the_rest_converts(
    agreeing: World, tmp_path: Path
) -> None:
    world, ann = agreeing, agreeing.members[0]
    bridge = world.bridge(handlers=(note_conversions,))
    world.enqueue(world.signer(ann), world.issue(ann, 1, 1_000, epoch=3))
    assert announce(world) == []
    until = world.now() + 9 * DAY
    drain(bridge, world.database)
    with world.database.read() as conn:
        ends = [tuple(row)[:-1] for row in conn.execute(select(programme_end))]
    assert ends == [(1, 2, until, until + 22 * DAY, SPREAD, 2, 10_000, 150, 2)]
    world.advance(32 * DAY)
    empty = {"nonce": 0, "least_points": 0, "valid_until": 0, "terms": 0, "permit_digest": bytes(32)}
    rest = convert(world, ann, (3, 1_000))
    legs = (replace(rest.legs[0], terms_version=2), rest.legs[1])
    world.enqueue(replace(rest, **empty, signature=b"", legs=legs))  # type: ignore[arg-type]
    drain(bridge, world.database)
    assert set(states(world.database).values()) == {"final"}
    assert_clean(world)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []


def test_a_reorganisation_takes_terms_and_end_out_of_both_mirrors(agreeing: World) -> None:
    world = agreeing
    bridge = world.bridge(handlers=(note_conversions,))
    drain(bridge, world.database)
    before = bridge.indexer.cursor()
    assert before is not None
    assert offer(world) == announce(world) == []
    while bridge.indexer.step().blocks:
        pass
    bridge.indexer.rewind(before.number)
    with world.database.read() as conn:
        for table in (conversion_terms, programme_end):
            assert conn.execute(select(table)).all() == []
    assert {ConversionGone(1, 2, 1), EndGone(1)} <= set(world.told)
    while bridge.indexer.step().blocks:
        pass
    with world.database.read() as conn:
        for table in (conversion_terms, programme_end):
            assert len(conn.execute(select(table)).all()) == 1
