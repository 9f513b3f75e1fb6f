"""One test per cause for which the ClearingHouse refuses a permit or its signer."""

from __future__ import annotations

import pytest

from ledger_service.kernel.permits import FLAG_CUSTODIAL, FLAG_REVOKE
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, Batch
from tests.contracts.parties import DAY, HOUSE, PER_DAY, PER_PERMIT, T0, Member
from tests.contracts.refusals import refused

LEG = Leg(1, 1, 5, 100)


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
