"""What a reserve lets its merchant issue: figures of a custodian, limits by acceptance time, default and cure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.operations import Issue
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from tests.contracts.alliance import Alliance
from tests.contracts.evm import CHAIN_ID
from tests.contracts.parties import (
    CAP, DAY, FIGURE_LIFE, NEVER, OPERATOR, POINT_VALUES, REGISTRY, RESERVE, STRANGER, T0, Member, Merchant,
)  # fmt: skip
from tests.contracts.refusals import refused
from tests.contracts.test_conversions import offer

CUSTODIAN = keccak256(b"a bank's key")
CUSTODIAN_TYPE = "Custodian(uint64 merchant,address custodian,uint32 nonce)"
FIGURE_TYPE = "ReserveFigure(uint64 merchant,uint128 reserveMicros,uint40 asOf,uint32 sequence)"
HOUR, WHOLE, ALL = 3_600, 10_000, 2**64 - 1
VALUE = POINT_VALUES[0]
EVIDENCE = keccak256(b"what was found")


class Reserve:
    """Merchant 1 with a custodian, and half of its 30,000 outstanding points to be covered from now on."""

    def __init__(self, alliance: Alliance, member: Member) -> None:
        self.alliance, self.merchant, self.member = alliance, alliance.merchants[0], member
        self.sequence = 0
        self.name(self.merchant)
        self.require(5_000, alliance.evm.now + 8 * DAY)
        alliance.evm.now = (alliance.evm.now + 8 * DAY) // HOUR * HOUR + HOUR

    def sign(self, key: bytes, type_: str, *members: int | bytes) -> bytes:
        domain = Domain(CHAIN_ID, self.alliance.reserve_desk, "Alliance Reserves")
        return sign_digest(key, domain.digest(struct_hash(type_, *members)))

    def name(self, by: Merchant, nonce: int = 0) -> None:
        custodian = address_of_key(CUSTODIAN)
        word = self.sign(by.admin, CUSTODIAN_TYPE, self.merchant.gln, custodian, nonce)
        self.alliance.transact(OPERATOR, RESERVE, "nameCustodian", self.merchant.gln, custodian, word)

    def require(self, bps: int, since: int) -> None:
        self.alliance.transact(OPERATOR, RESERVE, "setRequirement", self.merchant.gln, bps, since)

    def bring(self, points: int, as_of: int | None = None, key: bytes = CUSTODIAN) -> None:
        """A figure that covers so many points in whole."""
        figure = (
            self.merchant.gln, points * VALUE, self.now if as_of is None else as_of, self.sequence + 1,
        )  # fmt: skip
        self.alliance.transact(STRANGER, RESERVE, "bring", figure, self.sign(key, FIGURE_TYPE, *figure))
        self.sequence += 1

    def refresh(self) -> None:
        self.alliance.transact(STRANGER, RESERVE, "refresh", self.merchant.gln)

    def default(self, since: int) -> None:
        self.alliance.transact(OPERATOR, RESERVE, "declareDefault", self.merchant.gln, since, EVIDENCE)

    def cure(self) -> None:
        self.alliance.transact(OPERATOR, RESERVE, "cure", self.merchant.gln, EVIDENCE)

    @property
    def now(self) -> int:
        return self.alliance.evm.now

    @property
    def limit(self) -> tuple[int, ...]:
        return tuple(self.alliance.ask(REGISTRY, "issuanceLimit", 1)[0])

    def issue(self, points: int, at: int | None = None) -> None:
        made = self.alliance.issue(self.member, Leg(1, 1, 5, points))
        assert isinstance(made, Issue)
        self.alliance.apply(replace(made, accepted_at=self.now if at is None else at))


@pytest.fixture
def reserve(rich: Alliance, ann: Member) -> Reserve:
    return Reserve(rich, ann)


def test_without_a_requirement_nothing_is_limited(reserve: Reserve) -> None:
    other = reserve.alliance.merchants[1]
    reserve.alliance.transact(STRANGER, RESERVE, "refresh", other.gln)
    assert tuple(reserve.alliance.ask(REGISTRY, "issuanceLimit", 2)[0]) == (0, 0, 0, 0)
    reserve.issue(1_000_000)


def test_what_goes_beyond_the_reserve_is_refused_in_the_same_transaction(reserve: Reserve) -> None:
    reserve.bring(20_000)
    told = (40_000, ALL, reserve.now + HOUR, reserve.now + FIGURE_LIFE)
    assert reserve.limit == told
    reserve.alliance.evm.now += HOUR
    reserve.issue(10_000)
    with refused("IssuanceCapExceeded", 0, 1, 40_001, 40_000):
        reserve.issue(1)
    shop = reserve.alliance.merchants[2]
    reserve.alliance.apply(reserve.alliance.redeem(reserve.member, shop, [Leg(1, 1, 5, 500)]))
    with refused("IssuanceCapExceeded", 0, 1, 40_001, 40_000):
        reserve.issue(1)
    reserve.refresh()
    reserve.issue(500)
    with refused("IssuanceCapExceeded", 0, 1, 40_501, 40_500):
        reserve.issue(1)


def test_what_a_conversion_brings_counts_by_acceptance_time_too(reserve: Reserve) -> None:
    alliance, ann = reserve.alliance, reserve.member
    alliance.evm.now = offer(alliance, 2, 1)
    # Two points of programme 2 are worth one of programme 1, less two percent.
    legs = (Leg(2, 1, 5, 2_000),), Leg(1, 1, 5, 980)
    reserve.bring(15_490)
    alliance.evm.now += HOUR
    accepted = alliance.convert(ann, *legs)
    reserve.bring(15_489)
    alliance.evm.now += 2 * HOUR
    assert reserve.limit[:2] == (30_978, 30_980)
    with refused("IssuanceCapExceeded", 0, 1, 30_980, 30_978):
        alliance.converted(alliance.convert(ann, *legs))
    alliance.converted(accepted)
    assert alliance.balance(ann.account, 1, 5) == 10_980


def test_what_was_accepted_under_an_older_figure_is_mined_under_later_ones(reserve: Reserve) -> None:
    reserve.bring(20_000)
    reserve.alliance.evm.now += 2 * HOUR
    accepted = reserve.now
    reserve.bring(19_000)
    assert reserve.limit[:3] == (38_000, 40_000, accepted + HOUR)
    reserve.issue(8_500)
    reserve.alliance.evm.now += 2 * HOUR
    reserve.bring(18_000)
    with refused("IssuanceCapExceeded", 0, 1, 38_501, 38_500):
        reserve.issue(1, accepted + HOUR)
    reserve.issue(1, accepted + HOUR - 1)
    reserve.alliance.evm.now += 6 * DAY
    reserve.issue(1_499, accepted + HOUR - 1)
    with refused("IssuanceCapExceeded", 0, 1, 40_001, 40_000):
        reserve.issue(1, accepted + HOUR - 1)


def test_more_counts_at_once_for_what_waits_too(reserve: Reserve) -> None:
    reserve.bring(15_000)
    reserve.alliance.evm.now += 2 * HOUR
    accepted = reserve.now
    with refused("IssuanceCapExceeded", 0, 1, 30_001, 30_000):
        reserve.issue(1)
    reserve.alliance.evm.now += HOUR
    reserve.bring(16_000)
    reserve.issue(2_000)
    reserve.bring(17_000)
    reserve.issue(2_000, accepted)
    with refused("IssuanceCapExceeded", 0, 1, 34_001, 34_000):
        reserve.issue(1, accepted)


def test_a_loss_that_is_made_good_in_time_does_not_come(reserve: Reserve) -> None:
    reserve.bring(20_000)
    reserve.alliance.evm.now += 2 * HOUR
    reserve.bring(16_000)
    reserve.bring(15_000)
    assert reserve.limit[0] == 30_000
    reserve.bring(21_000)
    assert reserve.limit[0] == 42_000
    reserve.alliance.evm.now += 2 * HOUR
    reserve.issue(12_000)


def test_losses_of_the_same_hour_are_one_step_and_none_counts_before_an_hour(reserve: Reserve) -> None:
    reserve.bring(20_000)
    reserve.alliance.evm.now += 2 * HOUR + 1
    begun = reserve.now - 1
    for lost in range(1, 4):
        reserve.bring(20_000 - lost)
        assert reserve.limit[:3] == (40_000 - 2 * lost, 40_000, begun + 2 * HOUR)
        reserve.alliance.evm.now += 1_000
    reserve.alliance.evm.now = begun + HOUR + 1
    reserve.bring(19_000)
    assert reserve.limit[:3] == (38_000, 39_994, begun + 3 * HOUR)


def test_a_stale_figure_counts_as_zero_from_its_instant_on(reserve: Reserve) -> None:
    dated = reserve.now
    reserve.bring(20_000)
    stale = dated + FIGURE_LIFE
    reserve.alliance.evm.now = stale + HOUR
    with refused("IssuanceCapExceeded", 0, 1, 30_001, 0):
        reserve.issue(1, stale)
    reserve.issue(1, stale - 1)
    shop = reserve.alliance.merchants[2]
    reserve.alliance.apply(reserve.alliance.redeem(reserve.member, shop, [Leg(1, 1, 5, 500)]))
    assert reserve.alliance.ask(RESERVE, "coverage", reserve.merchant.gln)[0] == (
        0, 29_501 * VALUE, 0, 5_000,
    )  # fmt: skip
    reserve.bring(16_000)
    reserve.issue(1)
    with refused("IssuanceCapExceeded", 0, 1, 40_001, 32_500):
        reserve.issue(9_999)


def test_in_default_nothing_is_issued_and_redemptions_go_on_until_it_is_cured(reserve: Reserve) -> None:
    reserve.bring(20_000)
    with refused("ReserveNoticeTooShort", reserve.merchant.gln, reserve.now + HOUR - 1, reserve.now + HOUR):
        reserve.default(reserve.now + HOUR - 1)
    since = reserve.now + 2 * HOUR
    reserve.default(since)
    with refused("ReserveInDefault", reserve.merchant.gln, since):
        reserve.default(since)
    reserve.alliance.evm.now = since + HOUR
    reserve.issue(5, since - 1)
    with refused("IssuanceCapExceeded", 0, 1, 30_006, 0):
        reserve.issue(1, since)
    shop = reserve.alliance.merchants[2]
    reserve.alliance.apply(reserve.alliance.redeem(reserve.member, shop, [Leg(1, 1, 5, 500)]))
    reserve.bring(40_000)
    with refused("IssuanceCapExceeded", 0, 1, 30_006, 0):
        reserve.issue(1)
    reserve.cure()
    reserve.issue(1)
    with refused("ReserveNotInDefault", reserve.merchant.gln):
        reserve.cure()


def test_a_default_needs_no_requirement(reserve: Reserve) -> None:
    reserve.require(0, reserve.now)
    reserve.default(reserve.now + HOUR)
    reserve.alliance.evm.now += HOUR
    with refused("IssuanceCapExceeded", 0, 1, 30_001, 0):
        reserve.issue(1)
    reserve.cure()
    reserve.issue(1_000_000)


def test_figures_only_go_forward_and_are_their_custodians(reserve: Reserve) -> None:
    gln = reserve.merchant.gln
    with refused("ReserveSignatureInvalid", gln):
        reserve.bring(20_000, key=reserve.merchant.admin)
    with refused("ReserveFigureAhead", gln, reserve.now + 1, reserve.now):
        reserve.bring(20_000, reserve.now + 1)
    reserve.bring(20_000)
    with refused("ReserveFigureOld", gln, 2, reserve.now - 1, 1, reserve.now):
        reserve.bring(20_000, reserve.now - 1)
    reserve.sequence = 0
    with refused("ReserveFigureOld", gln, 1, reserve.now, 1, reserve.now):
        reserve.bring(30_000)
    with refused("ReserveMerchantUnknown", 5):
        reserve.alliance.transact(STRANGER, RESERVE, "refresh", 5)


def test_a_custodian_is_named_with_the_merchants_word_once(reserve: Reserve) -> None:
    gln, rival = reserve.merchant.gln, reserve.alliance.merchants[1]
    with refused("ReserveSignatureInvalid", gln):
        reserve.name(rival, 1)
    with refused("ReserveSignatureInvalid", gln):
        reserve.name(reserve.merchant)
    reserve.name(reserve.merchant, 1)


def test_a_higher_requirement_takes_longer_than_the_mining_window(reserve: Reserve) -> None:
    with refused("ReserveNoticeTooShort", reserve.merchant.gln, reserve.now, reserve.now + 8 * DAY):
        reserve.require(5_001, reserve.now)
    reserve.bring(20_000)
    reserve.require(4_000, reserve.now)
    reserve.refresh()
    assert reserve.limit[0] == 50_000
    reserve.require(0, reserve.now)
    reserve.refresh()
    assert reserve.limit[0] == ALL
    reserve.alliance.evm.now += FIGURE_LIFE
    reserve.issue(100_000)


def test_programmes_of_one_merchant_share_its_reserve(reserve: Reserve) -> None:
    terms = (T0 - DAY, 2 * VALUE, 0, CAP, 4)
    reserve.alliance.transact(
        OPERATOR, REGISTRY, "createProgramme", reserve.merchant.gln, "More", "M", (NEVER,), terms
    )
    reserve.bring(20_000)
    assert reserve.limit[0] == 35_000
    assert reserve.alliance.ask(REGISTRY, "issuanceLimit", 4)[0][0] == 2_500
    assert reserve.alliance.ask(REGISTRY, "programmesOf", reserve.merchant.gln)[0] == (1, 4)
