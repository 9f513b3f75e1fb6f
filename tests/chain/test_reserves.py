"""Reserves from the custodian's figure to the contract's refusal: mirrored, obeyed, taken back, read anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.chain_events import reread_limits
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.reserves.clerk import carry_out
from ledger_service.chain.reserves.coverage import Reserve, reserves
from ledger_service.chain.reserves.office import ReserveOffice
from ledger_service.chain.reserves.told import TABLES
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.events import LimitsChanged
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.reserve_wishes import (
    BringFigure,
    Cure,
    DeclareDefault,
    NameCustodian,
    Refresh,
    Require,
    Wish,
    kind_of,
    payload_of,
    wish_of,
)
from ledger_service.kernel.reserve_words import NAME, Figure, custodian_struct_hash
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.points.models import points_change
from ledger_service.points.reserves import IssuanceLimit, limits_in_force
from tests.chain.test_bridge import assert_clean, drain, states
from tests.chain.test_fresh_index import against_fresh_index
from tests.chain.test_rotation import steps_of
from tests.chain.world import DAY, MERCHANTS, World, merchant_key

BANK = keccak256(b"a bank")
GROCER = MERCHANTS[0]
VALUE, HOUR, BOUNDLESS = 10_000, 3_600, 2**63 - 1


class Reserved:
    """Merchant 1, with 1,000 points out, all of which a bank must cover from now on."""

    def __init__(self, world: World) -> None:
        assert world.deployment is not None
        self.world, self.desk = world, world.deployment.reserve_desk
        self.office, self.sequence = ReserveOffice(steps_of(world), self.desk), 0
        self.bridge = world.bridge(handlers=(reread_limits,))
        self.wish(NameCustodian(GROCER, self.bank, b""))
        self.wish(NameCustodian(GROCER, self.bank, b"\1" * 65))  # named already, so no word is looked at
        self.wish(Require(GROCER, 10_000, world.now() + 9 * DAY))
        world.enqueue(world.signer(world.members[0]), world.issue(world.members[0], 1, 1_000))
        drain(self.bridge, world.database)
        world.advance(10 * DAY - world.now() % HOUR)

    @property
    def bank(self) -> bytes:
        return address_of_key(BANK)

    def wish(self, wish: Wish) -> None:
        """As the bridge that leads carries it out; custody signs for the merchant."""
        carry_out(self.office, wish_of(kind_of(wish), payload_of(wish)), self.custody, self.world.now())

    def custody(self, merchant: int, custodian: bytes, nonce: int) -> bytes:
        return self.signed(merchant_key(merchant, "admin"), custodian_struct_hash(merchant, custodian, nonce))

    def signed(self, key: bytes, struct: bytes) -> bytes:
        return sign_digest(key, Domain(self.world.node.chain_id, self.desk, NAME).digest(struct))

    def figure(self, points: int) -> None:
        """The bank holds the value of so many points."""
        self.sequence += 1
        told = Figure(GROCER, points * VALUE, self.world.now(), self.sequence)
        by = self.signed(BANK, told.struct_hash())
        self.wish(BringFigure(GROCER, told.reserve_micros, told.as_of, told.sequence, by))
        self.read()

    def read(self) -> None:
        while self.bridge.indexer.step().blocks:
            pass

    def issue(self, points: int, at: int) -> Issue:
        made = replace(self.world.issue(self.world.members[0], 1, points), accepted_at=at)
        self.world.enqueue(made)
        return made

    def limits(self) -> dict[int, IssuanceLimit]:
        with self.world.database.read() as conn:
            return limits_in_force(conn)

    def version(self) -> int:
        with self.world.database.read() as conn:
            return int(conn.execute(select(points_change.c.version)).scalar_one())

    def coverage(self) -> Reserve:
        with self.world.database.snapshot() as conn:
            (one,) = reserves(conn, self.world.now())
        return one


@pytest.fixture
def reserved(rotating: World) -> Reserved:
    return Reserved(rotating)


def test_what_was_accepted_in_time_is_mined_and_what_goes_beyond_is_set_aside(
    reserved: Reserved, tmp_path: Path
) -> None:
    world, begun = reserved.world, reserved.world.now()
    reserved.figure(1_500)
    life = reserved.office.figure_life()
    assert reserved.limits() == {1: IssuanceLimit(1_500, BOUNDLESS, begun + HOUR, begun + life)}
    world.advance(2 * HOUR)
    accepted = world.now()
    reserved.figure(1_100)
    limit = reserved.limits()[1]
    assert [limit.at(accepted + HOUR - 1), limit.at(accepted + HOUR), limit.at(accepted + life)] == [
        1_500, 1_100, 0,
    ]  # fmt: skip
    world.advance(2 * HOUR)
    # Each as a checkout may accept it by the mirror: within what was allowed at that second.
    sound = reserved.issue(500, accepted)
    drain(reserved.bridge, world.database)
    assert states(world.database)[sound.op_id] == "final"
    assert_clean(world)
    assert against_fresh_index(world, tmp_path / "fresh.db") == []
    told, at_desk = reserved.coverage(), reserved.office.coverage(GROCER)
    assert (told.outstanding_micros, told.counted_micros(world.now()), told.bps(world.now())) == (
        at_desk.outstanding_micros, at_desk.reserve_micros, at_desk.bps,
    )  # fmt: skip
    assert told.is_short(world.now())
    beyond = reserved.issue(1, accepted + HOUR)
    drain(reserved.bridge, world.database)
    assert states(world.database)[beyond.op_id] == "set_aside"


def test_a_reorganisation_takes_a_limit_back_and_the_checkout_reads_anew(reserved: Reserved) -> None:
    world = reserved.world
    reserved.figure(1_500)
    kept, before = reserved.limits(), reserved.bridge.indexer.cursor()
    assert before is not None
    reserved.figure(1_200)
    lost, version = reserved.limits(), reserved.version()
    assert lost[1].most == 1_200
    world.told.clear()
    reserved.bridge.indexer.rewind(before.number)
    assert (reserved.limits(), reserved.coverage().figure_micros) == (kept, 1_500 * VALUE)
    assert world.told == [LimitsChanged()]
    assert reserved.version() > version
    reserved.read()
    assert reserved.limits() == lost
    reserved.bridge.indexer.rewind(0)
    with world.database.read() as conn:
        assert [conn.execute(select(table)).all() for table in TABLES] == [[], []]


def test_a_default_is_mirrored_with_its_instant_and_its_cure(reserved: Reserved) -> None:
    world, begun = reserved.world, reserved.world.now()
    reserved.figure(1_500)
    reserved.wish(DeclareDefault(GROCER, begun + 2 * HOUR, bytes(32)))
    reserved.read()
    assert reserved.limits()[1].until == begun + 2 * HOUR
    told = reserved.coverage()
    assert [told.in_default(begun + 2 * HOUR - 1), told.in_default(begun + 2 * HOUR)] == [False, True]
    world.advance(3 * HOUR)
    reserved.wish(Cure(GROCER, begun + 2 * HOUR, bytes(32)))
    reserved.wish(Refresh(GROCER))
    reserved.read()
    assert reserved.limits()[1].at(world.now()) == 1_500
    assert not reserved.coverage().in_default(world.now())


def test_what_was_done_before_is_no_answer_to_another_figure_nor_to_a_default_after_a_cure(
    reserved: Reserved,
) -> None:
    world, begins = reserved.world, reserved.world.now() + 2 * HOUR
    reserved.figure(1_500)
    other = Figure(GROCER, 9_000 * VALUE, world.now(), reserved.sequence)
    for key, why in ((BANK, "ReserveFigureOld"), (keccak256(b"another"), "ReserveSignatureInvalid")):
        by = reserved.signed(key, other.struct_hash())
        with pytest.raises(AdminRefused, match=why):
            reserved.wish(BringFigure(GROCER, other.reserve_micros, other.as_of, other.sequence, by))
    for _ in range(2):
        world.advance(60)
        reserved.wish(DeclareDefault(GROCER, begins, bytes(32)))
        assert reserved.office.account(GROCER).default_from == begins
        reserved.wish(Cure(GROCER, begins, bytes(32)))
        assert reserved.office.account(GROCER).default_from == 0
