"""One test per cause for which the ClearingHouse refuses a batch or one operation of it."""

from __future__ import annotations

import pytest

from ledger_service.kernel.permits import FLAG_CUSTODIAL, FLAG_REVOKE
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import (
    CAP,
    DAY,
    EPOCH_ENDS,
    GUARDIAN,
    HOUSE,
    OPERATOR,
    PER_DAY,
    PER_PERMIT,
    REGISTRY,
    T0,
    Alliance,
    Batch,
    Member,
    gln_of,
)  # fmt: skip
from tests.contracts.refusals import refused

LEG = Leg(1, 1, 5, 100)


@pytest.fixture
def rich(alliance: Alliance, ann: Member) -> Alliance:
    """Ann holds 10,000 points of programme 1 and 2 in the epochs 1, 5 and 12."""
    alliance.apply(*(alliance.issue(ann, Leg(p, 1, e, 10_000)) for p in (1, 2) for e in (1, 5, 12)))
    return alliance


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
        batch.slices[0][2][0][4] += 1

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
    with refused("ReasonUnknown", 0, 3):
        alliance.apply(alliance.issue(ann, LEG, reason=3))


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


@pytest.mark.parametrize("bits", [1 << 248, 1 << 96, 1 << 112, 1 << 144, 1 << 247])
def test_a_leg_that_is_not_of_its_table_row_is_refused(alliance: Alliance, ann: Member, bits: int) -> None:
    def falsify(batch: Batch) -> None:
        batch.slices[0][2][0][4] ^= bits

    with refused("LegOutsideTable", 0):
        alliance.apply(alliance.issue(ann, LEG), falsify=falsify)


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


def test_a_permit_is_not_accepted_after_its_time(rich: Alliance, ann: Member) -> None:
    with refused("PermitExpired", 0, rich.evm.now - 1, rich.evm.now):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG], valid_until=rich.evm.now - 1))
    with refused("PermitExpired", 0, rich.evm.now - 1, rich.evm.now):
        rich.apply(rich.gift(ann, Member.numbered(2).account, [LEG], valid_until=rich.evm.now - 1))
    with refused("PermitExpired", 0, rich.evm.now - 1, rich.evm.now):
        new = rich.enrol(Member(ann.account, bytes(31) + b"\x07"), valid_until=rich.evm.now - 1)
        rich.apply(rich.grant(ann.key, new))


_HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def high_s(signature: bytes) -> bytes:
    twin = _ORDER - int.from_bytes(signature[32:64], "big")
    assert twin > _HALF
    return signature[:32] + twin.to_bytes(32, "big") + bytes([55 - signature[64]])


@pytest.mark.parametrize("spoil", [high_s, lambda s: s[:64], lambda s: s[:64] + b"\x1d", lambda s: bytes(65)])
def test_an_improper_signature_is_refused(rich: Alliance, ann: Member, spoil) -> None:  # type: ignore[no-untyped-def]
    spend = rich.redeem(ann, rich.merchants[1], [LEG])

    def falsify(batch: Batch) -> None:
        batch.slices[0][5][0][8] = spoil(spend.signature)

    with refused("SignatureInvalid", 0, ann.account, spend.permit_digest):
        rich.apply(spend, falsify=falsify)


def test_a_key_that_is_not_the_accounts_is_refused(rich: Alliance, ann: Member, bob: Member) -> None:
    with refused("SignerNotActive", 0, ann.account, bob.signer, rich.evm.now):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG], signing_key=bob.key))


@pytest.mark.parametrize("field", [2, 3, 4])
def test_an_altered_permit_is_refused(rich: Alliance, ann: Member, field: int) -> None:
    def falsify(batch: Batch) -> None:
        batch.slices[0][5][0][field] += 1

    with refused("SignerNotActive", 0, ann.account):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG]), falsify=falsify)


def test_a_signer_counts_from_its_activation_to_its_revocation(rich: Alliance, ann: Member) -> None:
    phone = Member(ann.account, bytes(31) + b"\x05")
    rich.apply(rich.enrol(phone))
    with refused("SignerNotActive", 0, ann.account, phone.signer):
        rich.apply(rich.redeem(phone, rich.merchants[1], [LEG]))
    rich.evm.now += DAY
    before = rich.redeem(phone, rich.merchants[1], [LEG])
    rich.apply(rich.redeem(phone, rich.merchants[1], [LEG]))
    rich.evm.now += 10
    rich.apply(rich.enrol(phone, FLAG_REVOKE))
    with refused("SignerNotActive", 0, ann.account, phone.signer, rich.evm.now):
        rich.apply(rich.redeem(phone, rich.merchants[1], [LEG]))
    rich.apply(before)


def test_a_known_signer_cannot_be_added_again(alliance: Alliance, ann: Member) -> None:
    with refused("SignerKnown", 0, ann.account, ann.signer):
        alliance.apply(alliance.enrol(ann))
    alliance.apply(alliance.enrol(ann, FLAG_REVOKE))
    with refused("SignerKnown", 0, ann.account, ann.signer):
        alliance.apply(alliance.enrol(ann))


def test_a_signer_that_is_unknown_or_revoked_cannot_be_revoked(
    alliance: Alliance, ann: Member, bob: Member
) -> None:
    with refused("SignerUnknown", 0, ann.account, bob.signer):
        alliance.apply(alliance.enrol(ann, FLAG_REVOKE, signer=bob.signer))
    alliance.apply(alliance.enrol(ann, FLAG_REVOKE))
    with refused("SignerUnknown", 0, ann.account, ann.signer):
        alliance.apply(alliance.enrol(ann, FLAG_REVOKE))


def test_a_nonce_is_used_once(rich: Alliance, ann: Member) -> None:
    b = rich.merchants[1]
    rich.apply(rich.redeem(ann, b, [LEG], nonce=7))
    with refused("NonceUsed", 0, ann.account, 7):
        rich.apply(rich.redeem(ann, b, [LEG], nonce=7))
    with refused("NonceUsed", 1, ann.account, 8):
        rich.apply(rich.redeem(ann, b, [LEG], nonce=8), rich.redeem(ann, b, [LEG], nonce=8, flags=1))
    with refused("NonceUsed", 0, ann.account, 7):
        rich.apply(rich.gift(ann, Member.numbered(2).account, [LEG], nonce=7))
    rich.apply(rich.redeem(ann, b, [LEG], nonce=7 + (1 << 32)))


def test_a_permit_is_not_spent_beyond_its_value(rich: Alliance, ann: Member) -> None:
    with refused("PermitValueExceeded", 0, 1_000_000, 999_999):
        rich.apply(rich.redeem(ann, rich.merchants[1], [LEG], max_value_micros=999_999))


def test_captures_of_a_series_stay_within_one_permit_and_one_acceptor(rich: Alliance, ann: Member) -> None:
    _, b, c = rich.merchants
    permit = {"nonce": 3, "max_value_micros": 2_500_000, "flags": 1}
    rich.apply(*(rich.redeem(ann, b, [LEG], **permit) for _ in range(2)))
    with refused("PermitValueExceeded", 0, 3_000_000, 2_500_000):
        rich.apply(rich.redeem(ann, b, [LEG], **permit))
    with refused("SeriesAcceptorMismatch", 0, c.gln, b.gln):
        rich.apply(rich.redeem(ann, c, [Leg(1, 1, 5, 1)], **permit))
    last = rich.redeem(ann, b, [Leg(1, 1, 5, 50)], **permit)
    rich.apply(last)
    assert rich.ask(HOUSE, "seriesOf", last.permit_digest) == (b.gln, 2_500_000)


def test_a_custodial_signer_stays_within_its_limits(alliance: Alliance) -> None:
    carl = Member.numbered(50)
    b = alliance.merchants[1]
    alliance.evm.now = T0 // DAY * DAY + DAY
    alliance.apply(alliance.enrol(carl, FLAG_CUSTODIAL), alliance.issue(carl, Leg(1, 1, 5, 100_000)))
    most = PER_PERMIT // 10_000
    with refused("CustodialPermitLimit", 0, carl.account, PER_PERMIT + 10_000, PER_PERMIT):
        alliance.apply(alliance.redeem(carl, b, [Leg(1, 1, 5, most + 1)]))
    with refused("CustodialPermitLimit", 0, carl.account, PER_PERMIT + 10_000, PER_PERMIT):
        alliance.apply(alliance.gift(carl, Member.numbered(2).account, [Leg(1, 1, 5, most + 1)]))
    alliance.apply(alliance.redeem(carl, b, [Leg(1, 1, 5, most)]))
    with refused("CustodialDayLimit", 0, carl.account, 2 * PER_PERMIT, PER_DAY):
        alliance.apply(alliance.redeem(carl, b, [Leg(1, 1, 5, most)]))
    early = alliance.redeem(carl, b, [Leg(1, 1, 5, 3_000)])
    alliance.evm.now += DAY
    alliance.apply(alliance.redeem(carl, b, [Leg(1, 1, 5, most)]), early)
    with refused("CustodialDayLimit", 0, carl.account, PER_DAY + 10_000, PER_DAY):
        alliance.apply(alliance.redeem(carl, b, [Leg(1, 1, 5, 1)], accepted_at=early.accepted_at))


def test_a_refund_needs_the_proof_of_its_redemption(rich: Alliance, ann: Member) -> None:
    b = rich.merchants[1]
    spent = rich.redeem(ann, b, [LEG])
    rich.apply(spent, rich.redeem(ann, b, [Leg(2, 1, 5, 1)]))

    def more(batch: Batch) -> None:
        batch.slices[0][3][0][4][6][0] += 1

    def other_batch(batch: Batch) -> None:
        batch.slices[0][3][0][3] += 1

    for falsify in (more, other_batch):
        with refused("OriginalNotProven", 0):
            rich.apply(rich.restore(spent, 0, 1), falsify=falsify)
    with refused("OriginalNotProven", 0):
        rich.apply(rich.restore(spent, 0, 1, account=Member.numbered(2).account))


def test_a_clawback_needs_the_proof_of_its_issue(rich: Alliance, ann: Member) -> None:
    earned = rich.issue(ann, LEG)
    rich.apply(earned)
    with refused("OriginalNotProven", 0):
        rich.apply(rich.claw_back(earned, [LEG], account=Member.numbered(2).account))
    with refused("OriginalNotProven", 0):
        rich.apply(rich.claw_back(earned, [LEG], merchant=rich.merchants[1].gln))


def test_a_refund_of_a_leg_that_was_not_is_refused(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [LEG])
    rich.apply(spent)
    with refused("OriginalLegUnknown", 0, 1, 1):
        rich.apply(rich.restore(spent, 1, 1))


def test_a_reversal_in_another_programme_is_refused(rich: Alliance, ann: Member) -> None:
    spent, earned = rich.redeem(ann, rich.merchants[1], [LEG]), rich.issue(ann, LEG)
    rich.apply(spent, earned)
    with refused("OriginalLegMismatch", 0, LEG.word()):
        rich.apply(rich.restore(spent, 0, 1, leg=Leg(2, 1, 5, 1)))
    with refused("OriginalLegMismatch", 0, LEG.word()):
        rich.apply(rich.claw_back(earned, [Leg(2, 1, 5, 1)]))


def test_reversals_never_exceed_their_original(rich: Alliance, ann: Member) -> None:
    spent, earned = rich.redeem(ann, rich.merchants[1], [LEG]), rich.issue(ann, LEG)
    rich.apply(spent, earned)
    rich.apply(rich.restore(spent, 0, 60), rich.claw_back(earned, [Leg(1, 1, 1, 60)]))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.restore(spent, 0, 41))
    with refused("OriginalExceeded", 1, 101, 100):
        rich.apply(rich.restore(spent, 0, 1), rich.restore(spent, 0, 40))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.claw_back(earned, [Leg(1, 1, 1, 20), Leg(1, 1, 5, 21)]))
    rich.apply(rich.restore(spent, 0, 40), rich.claw_back(earned, [Leg(1, 1, 1, 20), Leg(1, 1, 5, 20)]))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.restore(spent, 0, 1))


def test_a_refund_at_another_merchant_is_refused(rich: Alliance, ann: Member) -> None:
    _, b, c = rich.merchants
    spent = rich.redeem(ann, b, [LEG])
    rich.apply(spent)
    with refused("OriginalMerchantMismatch", 0, c.gln, b.gln):
        rich.apply(rich.restore(spent, 0, 1, merchant=c.gln))


def test_a_debit_beyond_the_balance_names_its_operation(rich: Alliance, ann: Member) -> None:
    b = rich.merchants[1]
    with refused("AlliancePointsInsufficientBalance", 1, ann.account, 5, 9_900, 9_901):
        rich.apply(rich.redeem(ann, b, [LEG]), rich.redeem(ann, b, [Leg(1, 1, 5, 9_901)]))
