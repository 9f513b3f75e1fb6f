"""What batches do when all is well, and what their events tell."""

from __future__ import annotations

import pytest

from ledger_service.chain.decode import operation_from
from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.permits import FLAG_CONTRACT, FLAG_CUSTODIAL
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance, Applied
from tests.contracts.parties import (
    DAY,
    DEPLOYER,
    EPOCH_ENDS,
    FEE_BPS,
    GUARDIAN,
    HOUSE,
    OPERATOR,
    POINT_VALUES,
    Member,
)
from tests.contracts.refusals import refused
from tests.contracts.signers import ContractAccount

EVENTS = {
    keccak256(text.encode()): kind
    for text, kind in (
        ("OperationIssued(uint256,bytes16,address,uint256)", Kind.ISSUE),
        ("OperationRedeemed(uint256,bytes16,address,uint256,bytes32,uint256[])", Kind.REDEEM),
        ("OperationRestored(uint256,bytes16,address,bytes32,uint256)", Kind.RESTORE),
        ("OperationClawedBack(uint256,bytes16,address,bytes32,uint256[])", Kind.CLAWBACK),
        ("OperationExpired(uint256,bytes16,address,uint256)", Kind.EXPIRE),
        ("OperationGifted(uint256,bytes16,address,address,uint256,bytes32,uint256[])", Kind.GIFT),
        ("OperationSignerChanged(uint256,bytes16,address,address,uint40)", Kind.SIGNER),
        ("OperationExtended(uint256,bytes16,address,uint256,uint256)", Kind.EXTEND),
        ("OperationConverted(uint256,bytes16,address,uint256,uint256,bytes32,uint256[])", Kind.CONVERT),
    )
}


def owed(points: int, programme: int) -> int:
    value = points * POINT_VALUES[programme - 1]
    return value - value * FEE_BPS // 10_000


def told(applied: Applied):  # type: ignore[no-untyped-def]
    """The operations as the logs tell them, by index."""
    found = [
        operation_from(EVENTS[log.topics[0]], log.data)
        for log in applied.receipt.logs
        if log.topics[0] in EVENTS
    ]
    return sorted(found, key=lambda o: o.position)


def test_points_issued_by_one_merchant_are_spent_at_another(alliance: Alliance, ann: Member) -> None:
    a, b, _ = alliance.merchants
    applied = alliance.apply(
        alliance.issue(ann, Leg(1, 1, 5, 1_000)), alliance.redeem(ann, b, [Leg(1, 1, 5, 300)])
    )
    assert alliance.balance(ann.account, 1, 5) == 700
    assert (alliance.net(b), alliance.net(a)) == (owed(300, 1), -owed(300, 1))
    assert alliance.ask(HOUSE, "rootOf", applied.number)[0] == root_of(applied.leaves)
    for leaf in applied.leaves:
        assert verify(leaf, alliance.placed[leaf].proof, root_of(applied.leaves))


def test_a_batch_of_every_kind_is_told_by_its_events(alliance: Alliance, ann: Member, bob: Member) -> None:
    a, b, c = alliance.merchants
    earned = alliance.issue(ann, Leg(1, 1, 5, 1_000), reason=2)
    spent = alliance.redeem(ann, b, [Leg(1, 1, 5, 100), Leg(1, 1, 1, 5), Leg(2, 1, 5, 7)])
    first = alliance.apply(
        earned, alliance.issue(ann, Leg(1, 1, 1, 50)), alliance.issue(ann, Leg(2, 1, 5, 50)), spent
    )
    alliance.evm.now = EPOCH_ENDS[0]
    carl = Member.numbered(60)
    applied = alliance.apply(
        alliance.enrol(carl, FLAG_CUSTODIAL),
        alliance.redeem(ann, c, [Leg(2, 1, 5, 3)], flags=1),
        alliance.restore(spent, 0, 40), alliance.restore(spent, 1, 5, epoch=3), alliance.restore(spent, 2, 7),
        alliance.gift(ann, bob.account, [Leg(1, 1, 5, 11), Leg(1, 1, 3, 5)]),
        alliance.claw_back(earned, [Leg(1, 1, 5, 20), Leg(1, 1, 1, 1)]),
        alliance.expire(ann, Leg(1, 1, 1, 44)), alliance.issue(carl, Leg(3, 1, 6, 9)),
        alliance.redeem(carl, a, [Leg(3, 1, 6, 9)]),
    )  # fmt: skip
    for batch in (first, applied):
        facts = told(batch)
        assert [o.leaf for o in facts] == list(batch.leaves)
        assert [(o.batch, o.position, o.op_id) for o in facts] == [
            (batch.number, i, o.op_id) for i, o in enumerate(batch.operations)
        ]
        assert alliance.ask(HOUSE, "rootOf", batch.number)[0] == root_of(batch.leaves)
    marks = [int.from_bytes(o.data[:32], "big") & 1 for o in told(applied) if o.kind is Kind.REDEEM]
    assert sorted(marks) == [0, 1]
    assert alliance.balance(ann.account, 1, 5) == 1_000 - 100 + 40 - 11 - 20
    assert alliance.balance(bob.account, 1, 3) == 5
    assert alliance.token(1, "counters", 1) == (50, 1, 44, 5, 0)
    assert sum(alliance.net(m) for m in alliance.merchants) == 0


@pytest.mark.parametrize("split", [[100], [1] * 100, [33, 33, 34], [99, 1]])
def test_any_split_of_a_refund_reverses_the_same_obligation(
    alliance: Alliance, ann: Member, split: list[int]
) -> None:
    b, c = alliance.merchants[1], alliance.merchants[2]
    spent = alliance.redeem(ann, b, [Leg(3, 1, 5, 100), Leg(1, 1, 5, 3)])
    alliance.apply(alliance.issue(ann, Leg(3, 1, 5, 100)), alliance.issue(ann, Leg(1, 1, 5, 3)), spent)
    assert alliance.net(c) == -owed(100, 3)
    for number, part in enumerate(split):
        alliance.apply(alliance.restore(spent, 0, part))
        left = 100 - sum(split[: number + 1])
        assert alliance.net(c) == -owed(left, 3)
    assert alliance.net(b) == owed(3, 1)
    assert alliance.balance(ann.account, 3, 5) == 100


def test_a_merchant_owes_itself_nothing(alliance: Alliance, ann: Member) -> None:
    alliance.apply(
        alliance.issue(ann, Leg(1, 1, 5, 9)), alliance.redeem(ann, alliance.merchants[0], [Leg(1, 1, 5, 9)])
    )
    assert [alliance.net(m) for m in alliance.merchants] == [0, 0, 0]


def test_credits_come_first_so_that_order_in_a_batch_does_not_matter(alliance: Alliance, ann: Member) -> None:
    b = alliance.merchants[1]
    alliance.apply(
        alliance.redeem(ann, b, [Leg(1, 1, 5, 10)]), alliance.issue(ann, Leg(1, 1, 5, 10)),
    )  # fmt: skip
    assert alliance.balance(ann.account, 1, 5) == 0


def test_a_device_vouched_for_counts_at_once_and_an_unvouched_one_after_a_day(
    alliance: Alliance, ann: Member
) -> None:
    phone, pad = (Member(ann.account, bytes(31) + bytes([n])) for n in (5, 6))
    vouched = alliance.grant(ann.key, alliance.enrol(phone, valid_until=alliance.evm.now + 60))
    alliance.apply(vouched, alliance.enrol(pad))
    assert alliance.ask(HOUSE, "signerOf", ann.account, phone.signer)[0] == (alliance.evm.now, 0, 0)
    assert alliance.ask(HOUSE, "signerOf", ann.account, pad.signer)[0] == (alliance.evm.now + DAY, 0, 0)
    assert alliance.ask(HOUSE, "accountUse", ann.account)[0][0] == 3


def test_a_custodian_does_not_shorten_the_delay(alliance: Alliance) -> None:
    carl = Member.numbered(60)
    phone = Member(carl.account, bytes(31) + b"\x05")
    alliance.apply(alliance.enrol(carl, FLAG_CUSTODIAL))
    alliance.apply(alliance.grant(carl.key, alliance.enrol(phone, valid_until=alliance.evm.now)))
    assert alliance.ask(HOUSE, "signerOf", carl.account, phone.signer)[0][0] == alliance.evm.now + DAY


def test_a_backdated_signer_still_waits_from_now(alliance: Alliance, ann: Member) -> None:
    pad = Member(ann.account, bytes(31) + b"\x06")
    alliance.apply(alliance.enrol(pad, accepted_at=alliance.evm.now - 6 * DAY))
    assert alliance.ask(HOUSE, "signerOf", ann.account, pad.signer)[0][0] == alliance.evm.now + DAY


def test_a_contract_signs_by_erc_1271(alliance: Alliance) -> None:
    safe = ContractAccount.deployed(alliance)
    member = safe.member
    alliance.apply(
        alliance.enrol(member, FLAG_CONTRACT, signer=safe.address), alliance.issue(member, Leg(1, 1, 5, 100))
    )
    spend = safe.redeem(alliance, [Leg(1, 1, 5, 60)])
    with refused("SignatureInvalid", 0, member.account):
        alliance.apply(spend)
    safe.approve(alliance, spend.permit_digest)
    alliance.apply(spend)
    assert alliance.balance(member.account, 1, 5) == 40
    gift = safe.gift(alliance, Member.numbered(2).account, [Leg(1, 1, 5, 1)])
    safe.approve(alliance, gift.permit_digest)
    alliance.apply(gift)


@pytest.mark.parametrize("mood", [1, 2])
def test_a_bad_contract_signer_fails_alone(alliance: Alliance, mood: int) -> None:
    safe = ContractAccount.deployed(alliance)
    alliance.apply(
        alliance.enrol(safe.member, FLAG_CONTRACT, signer=safe.address),
        alliance.issue(safe.member, Leg(1, 1, 5, 100)),
    )
    spend = safe.redeem(alliance, [Leg(1, 1, 5, 60)])
    safe.set_mood(alliance, mood)
    with refused("SignatureInvalid", 0, safe.member.account):
        alliance.apply(spend)


def test_a_contract_signer_cannot_pass_as_a_key_nor_a_key_as_a_contract(
    alliance: Alliance, ann: Member
) -> None:
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 100)))
    spend = alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, 5, 1)], flags=2)
    with refused("SignerNotActive", 0, ann.account):
        alliance.apply(spend)
    with refused("SignatureInvalid", 0, ann.account):
        alliance.apply(
            alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, 5, 1)], flags=2, signature=bytes(19))
        )


def test_a_pause_ends_by_itself_and_cools_down(alliance: Alliance, ann: Member) -> None:
    start = alliance.evm.now
    with refused("PauseNotActive", 0):
        alliance.transact(GUARDIAN, HOUSE, "unpause")
    alliance.transact(GUARDIAN, HOUSE, "pause")
    with refused("PauseCoolingDown", start + 9 * DAY):
        alliance.transact(GUARDIAN, HOUSE, "pause")
    alliance.evm.now = start + 2 * DAY
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 1)))
    alliance.evm.now = start + 9 * DAY
    alliance.transact(GUARDIAN, HOUSE, "pause")
    alliance.transact(GUARDIAN, HOUSE, "unpause")
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 1)))


def test_a_period_is_closed_once(alliance: Alliance, ann: Member) -> None:
    a, b, _ = alliance.merchants
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 10)), alliance.redeem(ann, b, [Leg(1, 1, 5, 1)]))
    alliance.transact(OPERATOR, HOUSE, "closePeriod", 1)
    with refused("PeriodNotOpen", 1, 2):
        alliance.transact(OPERATOR, HOUSE, "closePeriod", 1)
    alliance.apply(alliance.redeem(ann, b, [Leg(1, 1, 5, 2)]))
    assert (alliance.net(b, 1), alliance.net(b, 2)) == (owed(1, 1), owed(2, 1))
    assert alliance.net(a, 2) == -owed(2, 1)


def test_the_domain_is_told_as_erc_5267_says(alliance: Alliance) -> None:
    fields, name, version, chain, contract, _, extensions = alliance.ask(HOUSE, "eip712Domain")
    assert (fields, name, version, contract, extensions) == (
        b"\x0f",
        "Alliance Ledger",
        "1",
        alliance.house,
        (),
    )
    assert chain == alliance.domain.chain_id
    assert DEPLOYER
