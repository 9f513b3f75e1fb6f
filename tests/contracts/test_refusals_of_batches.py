"""One test per cause for which the ClearingHouse refuses a batch or one operation of it."""

from __future__ import annotations

import pytest

from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, Batch
from tests.contracts.parties import CAP, DAY, EPOCH_ENDS, GUARDIAN, HOUSE, OPERATOR, REGISTRY, Member, gln_of
from tests.contracts.refusals import refused

LEG = Leg(1, 1, 5, 100)


def test_a_batch_number_that_is_not_greater_is_refused(alliance: Alliance, ann: Member) -> None:
    with refused("BatchNumberUsed", alliance.last_batch, alliance.last_batch):
        alliance.apply(alliance.issue(ann, LEG), falsify=lambda b: setattr(b, "number", b.number - 1))


def test_an_empty_batch_is_refused(alliance: Alliance) -> None:
    with refused("BatchEmpty", alliance.last_batch + 1):
        alliance.apply()


def test_a_batch_beyond_the_greatest_size_is_refused(alliance: Alliance, ann: Member) -> None:
    def swell(batch: Batch) -> None:
        batch.slices[0][7] = [[bytes(16), bytes(20), 0, 0]] * 2048

    with refused("BatchTooLarge", 2049, 2048):
        alliance.apply(alliance.issue(ann, LEG), falsify=swell)


def test_a_clearing_house_that_is_not_in_force_refuses_batches(alliance: Alliance, ann: Member) -> None:
    in_force, alliance.house = alliance.house, alliance.new_house(alliance.house)
    with refused("ClearingHouseNotInForce", in_force):
        alliance.apply(alliance.issue(ann, LEG))


def test_batches_are_refused_while_paused(alliance: Alliance, ann: Member) -> None:
    alliance.transact(GUARDIAN, HOUSE, "pause")
    with refused("ClearingHousePaused", alliance.evm.now + 2 * DAY):
        alliance.apply(alliance.issue(ann, LEG))


@pytest.mark.parametrize("table", [[(2, 1), (1, 1)], [(1, 1), (1, 1)]])
def test_a_table_whose_rows_do_not_rise_is_refused(
    alliance: Alliance, ann: Member, table: list[tuple[int, int]]
) -> None:
    with refused("TableNotRising", 1):
        alliance.apply(alliance.issue(ann, LEG), falsify=lambda b: setattr(b, "table", table))


@pytest.mark.parametrize("order", [(0, 0), (1, 0)])
def test_slices_that_do_not_rise_are_refused_so_that_one_signature_counts_once(
    alliance: Alliance, ann: Member, order: tuple[int, int]
) -> None:
    def relay(batch: Batch) -> None:
        batch.slices = [batch.slices[at] for at in order]

    with refused("SliceNotRising", 1):
        alliance.apply(alliance.issue(ann, LEG), alliance.issue(ann, Leg(2, 1, 5, 1)), falsify=relay)
    assert alliance.balance(ann.account, 1, 5) == 0


def test_a_slice_of_an_unknown_merchant_is_refused(alliance: Alliance, ann: Member) -> None:
    with refused("SliceMerchantUnknown", gln_of(99)):
        alliance.apply(alliance.issue(ann, LEG, merchant=gln_of(99)))


def test_a_slice_that_another_merchant_signed_is_refused(
    alliance: Alliance, ann: Member, bob: Member
) -> None:
    def swap(batch: Batch) -> None:
        batch.slices[0][1], batch.slices[1][1] = batch.slices[1][1], batch.slices[0][1]

    with refused("SliceSignatureInvalid", alliance.merchants[0].gln):
        alliance.apply(alliance.issue(ann, LEG), alliance.issue(bob, Leg(2, 1, 5, 1)), falsify=swap)


def test_an_operation_that_its_merchant_did_not_sign_is_refused(alliance: Alliance, ann: Member) -> None:
    def more(batch: Batch) -> None:
        batch.slices[0][2][0][1] += 1

    with refused("SliceSignatureInvalid"):
        alliance.apply(alliance.issue(ann, LEG), falsify=more)


def test_a_slice_signature_counts_for_one_batch_number_only(alliance: Alliance, ann: Member) -> None:
    with refused("SliceSignatureInvalid"):
        alliance.apply(alliance.issue(ann, LEG), falsify=lambda b: setattr(b, "number", b.number + 1))


def test_account_zero_is_refused(alliance: Alliance, ann: Member) -> None:
    with refused("AccountInvalid", 1, bytes(20)):
        alliance.apply(alliance.issue(ann, LEG), alliance.issue(ann, LEG, account=bytes(20)))
    with refused("AccountInvalid", 0):
        alliance.apply(alliance.enrol(ann, signer=bytes(20)))


def test_a_gift_to_oneself_is_refused(rich: Alliance, ann: Member) -> None:
    with refused("AccountInvalid", 0, ann.account):
        rich.apply(rich.gift(ann, ann.account, [LEG]))


def test_an_acceptance_more_than_two_minutes_ahead_is_refused(alliance: Alliance, ann: Member) -> None:
    with refused("AcceptedInFuture", 0, alliance.evm.now + 121):
        alliance.apply(alliance.issue(ann, LEG, accepted_at=alliance.evm.now + 121))
    alliance.apply(alliance.issue(ann, LEG, accepted_at=alliance.evm.now + 120))


def test_an_acceptance_older_than_seven_days_is_void(rich: Alliance, ann: Member) -> None:
    late = rich.redeem(ann, rich.merchants[1], [LEG])
    rich.evm.now += 7 * DAY + 1
    with refused("AcceptedTooLongAgo", 0, late.accepted_at):
        rich.apply(late)
    rich.evm.now -= 1
    rich.apply(late)


def test_a_suspended_merchant_neither_issues_nor_accepts(rich: Alliance, ann: Member) -> None:
    a = rich.merchants[0]
    before = rich.issue(ann, LEG)
    rich.evm.now += 60
    rich.transact(OPERATOR, REGISTRY, "suspendMerchant", a.gln, rich.evm.now)
    with refused("MerchantSuspendedAt", 0, a.gln, rich.evm.now):
        rich.apply(rich.issue(ann, LEG))
    with refused("MerchantSuspendedAt", 0, a.gln, rich.evm.now):
        rich.apply(rich.redeem(ann, a, [Leg(2, 1, 5, 1)]))
    rich.apply(before, rich.redeem(ann, rich.merchants[1], [LEG]))


def test_an_issue_for_no_known_reason_is_refused(alliance: Alliance, ann: Member) -> None:
    with refused("ReasonUnknown", 0, 4):
        alliance.apply(alliance.issue(ann, LEG, reason=4))


def test_unknown_flags_are_refused(rich: Alliance, ann: Member) -> None:
    with refused("FlagsUnknown", 0, 4):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG], flags=4))
    with refused("FlagsUnknown", 0, 8):
        rich.apply(rich.enrol(Member.numbered(99), 8))


@pytest.mark.parametrize("count", [0, 9])
def test_none_or_more_than_eight_legs_are_refused(rich: Alliance, ann: Member, count: int) -> None:
    with refused("LegCountInvalid", 0, count):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG] * count))


def test_a_leg_of_no_points_is_refused(rich: Alliance, ann: Member) -> None:
    with refused("AmountZero", 1):
        rich.apply(rich.issue(ann, LEG), rich.redeem(ann, rich.merchants[1], [LEG, Leg(1, 1, 5, 0)]))


@pytest.mark.parametrize("bits", [1, 1 << 16, 1 << 79])
def test_an_issue_outside_the_table_is_refused(alliance: Alliance, ann: Member, bits: int) -> None:
    def falsify(batch: Batch) -> None:
        batch.slices[0][2][0][0] ^= bits

    with refused("LegOutsideTable", 0):
        alliance.apply(alliance.issue(ann, LEG), falsify=falsify)


@pytest.mark.parametrize("bits", [1 << 96, 1 << 112, 1 << 144, 1 << 248, 1 << 255])
def test_a_leg_outside_the_table_is_refused(rich: Alliance, ann: Member, bits: int) -> None:
    def falsify(batch: Batch) -> None:
        batch.slices[0][5][0][7][0] ^= bits

    with refused("LegOutsideTable", 0):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG]), falsify=falsify)


def test_a_leg_moved_to_another_row_of_the_table_is_refused(rich: Alliance, ann: Member) -> None:
    """A leg names only its row: that the relayer did not move it is what the acceptor's signature says."""

    def falsify(batch: Batch) -> None:
        batch.slices[0][5][0][7][0] ^= 1 << 96

    with refused("SliceSignatureInvalid", rich.merchants[2].gln):
        rich.apply(
            rich.redeem(ann, rich.merchants[2], [LEG, Leg(2, 1, 5, 1)], max_value_micros=10**9),
            falsify=falsify,
        )


def test_terms_that_are_not_in_force_at_acceptance_are_refused(alliance: Alliance, ann: Member) -> None:
    from tests.contracts.test_registry import publish

    start = publish(alliance, 1, point_value=20_000)
    with refused("TermsNotInForce", 0, 1, 2, alliance.evm.now):
        alliance.apply(alliance.issue(ann, Leg(1, 2, 5, 1)))
    alliance.evm.now = start
    with refused("TermsNotInForce", 0, 1, 1, start):
        alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 1)))
    alliance.apply(alliance.issue(ann, Leg(1, 2, 5, 1)), alliance.issue(ann, LEG, accepted_at=start - 1))


@pytest.mark.parametrize("epoch", [0, 13, 65_536 + 5])
def test_an_epoch_that_the_calendar_lacks_is_refused(rich: Alliance, ann: Member, epoch: int) -> None:
    first = rich.issue(ann, LEG)
    rich.apply(first)
    with refused("EpochUnknown", 0, 1, epoch):
        rich.apply(rich.issue(ann, Leg(1, 1, epoch, 1)))
    with refused("EpochUnknown", 0, 1, epoch):
        rich.apply(rich.claw_back(first, [Leg(1, 1, epoch, 1)]))


def test_points_of_an_ended_epoch_are_neither_issued_nor_redeemed(rich: Alliance, ann: Member) -> None:
    rich.evm.now = EPOCH_ENDS[0]
    with refused("EpochEnded", 0, 1, 1, EPOCH_ENDS[0]):
        rich.apply(rich.issue(ann, Leg(1, 1, 1, 1)))
    with refused("EpochEnded", 0, 1, 1, EPOCH_ENDS[0]):
        rich.apply(rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 1, 1)]))
    rich.apply(rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 1, 1)], accepted_at=EPOCH_ENDS[0] - 1))


def test_points_never_expire_before_their_epoch_ends(rich: Alliance, ann: Member) -> None:
    rich.evm.now = EPOCH_ENDS[0] - 60
    with refused("EpochNotEnded", 0, 1, 1, EPOCH_ENDS[0]):
        rich.apply(rich.expire(ann, Leg(1, 1, 1, 10_000)))
    with refused("EpochNotEnded", 0, 1, 1, EPOCH_ENDS[0]):
        rich.apply(rich.expire(ann, Leg(1, 1, 1, 10_000), accepted_at=EPOCH_ENDS[0]))


def test_points_return_to_their_own_epoch_while_it_is_open(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [LEG])
    rich.apply(spent)
    with refused("EpochNotEnded", 0, 1, 5):
        rich.apply(rich.restore(spent, 0, 10, epoch=12))


def test_restored_points_of_an_ended_epoch_need_thirty_days(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [LEG])
    rich.apply(spent)
    rich.evm.now = EPOCH_ENDS[4]
    with refused("EpochEnded", 0, 1, 5):
        rich.apply(rich.restore(spent, 0, 10))
    rich.evm.now += 1
    with refused("EpochTooShort", 0, 1, 6, EPOCH_ENDS[5]):
        rich.apply(rich.restore(spent, 0, 10, epoch=6))
    rich.apply(rich.restore(spent, 0, 10, epoch=7))
    assert rich.balance(ann.account, 1, 7) == 10


def test_points_of_another_issuer_are_refused_where_only_the_issuer_may_act(
    rich: Alliance, ann: Member
) -> None:
    a, b, _ = rich.merchants
    with refused("IssuerMismatch", 0, b.gln, a.gln):
        rich.apply(rich.issue(ann, LEG, merchant=b.gln))
    with refused("IssuerMismatch", 0, b.gln, a.gln):
        rich.apply(rich.gift(ann, Member.numbered(2).account, [LEG], merchant=b.gln))
    rich.evm.now = EPOCH_ENDS[0]
    with refused("IssuerMismatch", 0, b.gln, a.gln):
        rich.apply(rich.expire(ann, Leg(1, 1, 1, 1), merchant=b.gln))


def test_issuance_beyond_the_cap_is_refused(rich: Alliance, ann: Member) -> None:
    left = CAP - 30_000
    with refused("IssuanceCapExceeded", 1, 1, CAP + 1, CAP):
        rich.apply(rich.issue(ann, Leg(1, 1, 5, left)), rich.issue(ann, Leg(1, 1, 5, 1)))
    rich.apply(rich.issue(ann, Leg(1, 1, 5, left)))
