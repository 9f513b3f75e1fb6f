"""Coupons on chain: once across rivals (INV-6), roots before codes, windows, caps, gifts and reversals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.beside import leaf_of, refused_outcome
from ledger_service.kernel.coupon_operations import (
    NOBODY,
    TransferRule,
    code_leaf,
    commitment_of,
    coupon_id,
    serial_word,
)
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.couponing import GCN, OTHER_GCN, Codes, Couponing
from tests.contracts.evm import Receipt
from tests.contracts.parties import COUPONS, DAY, STRANGER, Member
from tests.contracts.refusals import refused

MINING_WINDOW = 7 * DAY


@pytest.fixture
def coupons(alliance: Alliance) -> Couponing:
    return Couponing(alliance)


@pytest.fixture
def codes(coupons: Couponing) -> Codes:
    """A list of ten codes that the owner has anchored."""
    made = Codes(10)
    coupons.applied(coupons.type(), coupons.root(made))
    coupons.alliance.evm.now += 60
    return made


def logs_of(receipt: Receipt, signature: str) -> list[Any]:
    return [log for log in receipt.logs if log.topics[0] == keccak256(signature.encode())]


def test_a_code_is_consumed_once_across_rivals_and_the_batch_goes_on(
    coupons: Couponing, codes: Codes
) -> None:
    first, second = coupons.consume(codes, 4), coupons.consume(codes, 4, coupons.alliance.merchants[2])
    other = coupons.consume(codes, 5, coupons.owner)
    assert coupons.apply(first, second, other) == [None, "CouponConsumed", None]
    event = logs_of(coupons.receipt, "OnConsumption(address,uint256,uint256,bytes)")[1]
    assert event.topics[1:] == (bytes(32), codes.ids[4].to_bytes(32, "big"))
    told = first.op_id + first.merchant.to_bytes(8, "big") + first.accepted_at.to_bytes(5, "big")
    assert told in event.data
    assert [coupons.is_consumed(codes.ids[at]) for at in (3, 4, 5)] == [False, True, True]
    coupons.refused("CouponConsumed", coupons.consume(codes, 4), coupons.consume(codes, 5))
    word = coupons.alliance.ask(COUPONS, "consumedWord", GCN, serial_word("000004") >> 8)[0]
    assert word == 0b110000


def test_a_consumption_is_reversed_once_by_its_acceptor_and_the_coupon_is_free_again(
    coupons: Couponing, codes: Codes
) -> None:
    used = coupons.consume(codes, 7)
    coupons.applied(used, coupons.consume(codes, 8), coupons.consume(codes, 9))
    stranger = replace(coupons.reverse(used), merchant=coupons.owner.gln)
    coupons.refused("CouponConsumptionNotProven", stranger)
    back = coupons.reverse(used)
    coupons.applied(back)
    log = logs_of(coupons.receipt, "ConsumptionReversed(uint256,uint64,bytes16,bytes32)")[0]
    assert log.topics[1:] == (codes.ids[7].to_bytes(32, "big"), used.merchant.to_bytes(32, "big"))
    assert not coupons.is_consumed(codes.ids[7])
    assert coupons.alliance.ask(COUPONS, "isReversed", leaf_of(used))[0]
    again = coupons.consume(codes, 7, coupons.owner)
    coupons.applied(again)
    coupons.refused("CouponReversed", coupons.reverse(used))
    coupons.applied(coupons.reverse(again))


def test_what_was_refused_or_never_applied_cannot_be_reversed(coupons: Couponing, codes: Codes) -> None:
    coupons.applied(coupons.consume(codes, 1))
    beaten = coupons.consume(codes, 1, coupons.owner)
    coupons.refused("CouponConsumed", beaten)
    coupons.refused("CouponConsumptionNotProven", coupons.reverse(beaten))
    never = coupons.consume(codes, 2)
    coupons.refused("CouponConsumptionNotProven", coupons.reverse(never))

    def lie(slices: list[list[Any]]) -> None:
        # The refused leaf with its reason as if that were a sibling.
        proof = slices[0][2][0][1]
        slices[0][2][0][1] = [*proof[:6], coupons.outcomes[coupons.placed[leaf_of(beaten)][0]][0]]

    assert coupons.apply(coupons.reverse(beaten), falsify=lie) == ["CouponConsumptionNotProven"]
    assert coupons.is_consumed(codes.ids[1])


def test_nobody_uses_up_codes_that_it_never_saw(coupons: Couponing, codes: Codes) -> None:
    guessed = replace(coupons.consume(codes, 3), opening=keccak256(b"guess"))
    elsewhere = replace(coupons.consume(codes, 3), coupon=codes.ids[2])
    cut = replace(coupons.consume(codes, 3), proof=())
    coupons.refused("CouponNotProven", guessed, elsewhere, cut)
    other = Codes(10, "another list", first=10)
    coupons.refused("CouponNotIssued", replace(coupons.consume(other, 0)))
    beyond = replace(coupons.consume(codes, 3), coupon=coupon_id(GCN, "000010"))
    shorter = replace(coupons.consume(codes, 3), coupon=coupon_id(GCN, "3"))
    coupons.refused("CouponNotIssued", beyond, shorter)
    coupons.refused("CouponTypeUnknown", replace(coupons.consume(codes, 3), coupon=3))
    coupons.refused("CouponTypeUnknown", replace(coupons.consume(codes, 3), coupon=GCN << 64 | 1 << 56 | 10))


def test_the_window_is_judged_at_the_acceptance_and_to_the_second(coupons: Couponing) -> None:
    codes, start = Codes(4), coupons.now + 100
    end = start + 3 * DAY
    coupons.applied(coupons.type(opens_at=start, closes_at=end), coupons.root(codes))
    coupons.alliance.evm.now = end + DAY
    instants = (start - 1, start, end - 1, end)
    used = [replace(coupons.consume(codes, at), accepted_at=instants[at]) for at in range(4)]
    coupons.refused("CouponNotInWindow", used[0], used[3])
    coupons.applied(used[1], used[2])


def test_a_code_that_was_accepted_before_its_root_was_anchored_is_refused(coupons: Couponing) -> None:
    codes = Codes(2)
    early = coupons.consume(codes, 0)
    coupons.applied(coupons.type())
    coupons.alliance.evm.now += 1
    coupons.applied(coupons.root(codes))
    coupons.refused("CouponNotIssued", early)
    coupons.applied(coupons.consume(codes, 1))


def test_the_cap_of_the_type_holds_for_roots_to_the_one(coupons: Couponing) -> None:
    coupons.applied(coupons.type(cap=9), coupons.root(Codes(6)))
    coupons.refused("CouponCapExceeded", coupons.root(Codes(4, "four", first=6)))
    coupons.applied(coupons.root(Codes(3, "three", first=6)))
    assert coupons.alliance.ask(COUPONS, "couponType", GCN)[0][7] == 9
    coupons.applied(coupons.type(version=2, cap=10), coupons.root(Codes(1, "last", first=9)))


def test_an_open_type_consumes_serials_without_proof_up_to_its_cap(coupons: Couponing) -> None:
    coupons.applied(coupons.type(cap=2, open=1))
    first, second = coupons.consume_open("01"), coupons.consume_open("1")
    coupons.applied(first, second)
    coupons.refused("CouponConsumed", coupons.consume_open("01"))
    coupons.refused("CouponCapExceeded", coupons.consume_open("02"))
    coupons.applied(coupons.reverse(first), coupons.consume_open("02"))
    coupons.refused("CouponNotIssued", replace(coupons.consume_open("03"), opening=bytes(31) + b"\1"))
    coupons.refused("CouponRootInvalid", coupons.root(Codes(1)))


def test_a_list_of_codes_counts_once(coupons: Couponing, codes: Codes) -> None:
    coupons.refused("CouponRootKnown", coupons.root(codes))
    coupons.refused("CouponSerialsTaken", coupons.root(Codes(3, "overlaps", first=9)))
    coupons.refused("CouponTypeNotYours", coupons.root(Codes(3, "rival", first=20), coupons.rival))
    coupons.refused("CouponTypeUnknown", coupons.root(Codes(3, gcn=OTHER_GCN)))
    empty, endless = replace(coupons.root(Codes(3, first=20)), count=0), Codes(3, "endless", first=20)
    nine = replace(coupons.root(endless), first=serial_word("999999"), count=2)
    no_root = replace(coupons.root(endless), root=bytes(32))
    coupons.refused("CouponRootInvalid", empty, nine, no_root, replace(coupons.root(endless), count=2**63))
    told = coupons.alliance.ask(COUPONS, "rootOfCodes", GCN, codes.root)[0]
    assert told == (serial_word("000000"), 10, coupons.now - 60)


def test_a_type_is_its_owners_and_only_widens(coupons: Couponing) -> None:
    coupons.refused("CouponTypeUnknown", coupons.type(gcn=GCN + 1), coupons.type(gcn=2**70))
    sound = coupons.type(version=1)
    wrong: tuple[dict[str, Any], ...] = ({"cap": 0}, {"cap": 2**64}, {"closes_at": sound.opens_at}, {"rule": 3}, {"open": 2})
    coupons.refused("CouponTypeInvalid", *(replace(coupons.type(), **change) for change in wrong))
    coupons.refused("CouponTypeVersionNotNext", coupons.type(version=2))
    coupons.applied(sound)
    coupons.refused("CouponTypeNotYours", coupons.type(coupons.rival, version=2))
    coupons.refused("CouponTypeVersionNotNext", coupons.type(version=1), coupons.type(version=3))
    narrower: tuple[dict[str, Any], ...] = (
        {"cap": 999}, {"opens_at": sound.opens_at + 1}, {"closes_at": sound.closes_at - 1},
        {"rule": TransferRule.NONE}, {"open": 1},
    )  # fmt: skip
    second = replace(coupons.type(version=2), opens_at=sound.opens_at, closes_at=sound.closes_at)
    tries = (replace(second, op_id=coupons.op_id(), **change) for change in narrower)
    coupons.refused("CouponTypeInvalid", *tries)
    coupons.applied(replace(second, cap=2_000, terms_hash=keccak256(b"second")))
    told = coupons.alliance.ask(COUPONS, "couponType", GCN)[0]
    assert told[0] == coupons.owner.gln
    assert (told[3], told[6], told[9]) == (2, 2_000, keccak256(b"second"))


def test_who_was_given_a_coupon_is_the_only_one_who_may_use_it(coupons: Couponing, codes: Codes) -> None:
    ann, ben, cy = (Member.numbered(n).account for n in (1, 2, 3))
    coupon = codes.ids[0]
    coupons.applied(coupons.give(coupon, ann, ben))
    assert (coupons.balance(ann, coupon), coupons.balance(ben, coupon)) == (0, 1)
    assert len(logs_of(coupons.receipt, "TransferSingle(address,address,address,uint256,uint256)")) == 2
    coupons.refused("CouponTransferRefused", coupons.give(coupon, ben, cy))
    used = coupons.consume(codes, 0)
    coupons.refused("CouponHolderMismatch", used, replace(used, op_id=coupons.op_id(), account=ann))
    by_ben = replace(used, op_id=coupons.op_id(), account=ben)
    coupons.applied(by_ben)
    assert coupons.balance(ben, coupon) == 0
    coupons.refused("CouponConsumed", coupons.give(coupon, ben, cy))
    coupons.applied(coupons.reverse(by_ben))
    assert coupons.balance(ben, coupon) == 1
    assert coupons.alliance.ask(COUPONS, "isGiven", coupon)[0]


def test_the_rule_of_the_type_says_how_often_a_coupon_is_given(coupons: Couponing) -> None:
    ann, ben, cy = (Member.numbered(n).account for n in (1, 2, 3))
    coupons.applied(coupons.type(rule=TransferRule.NONE, open=1))
    coupon = coupon_id(GCN, "12")
    coupons.refused("CouponTransferRefused", coupons.give(coupon, ann, ben))
    coupons.applied(coupons.type(version=2, rule=TransferRule.ALLIANCE, open=1))
    coupons.applied(coupons.give(coupon, ann, ben), coupons.give(coupon, ben, cy))
    coupons.refused("CouponHolderMismatch", coupons.give(coupon, ann, ben))
    coupons.refused("CouponTransferRefused", coupons.give(coupon, cy, NOBODY), coupons.give(coupon, cy, cy))
    rival = replace(coupons.give(coupon, cy, ann), merchant=coupons.rival.gln)
    coupons.refused("CouponTypeNotYours", rival)
    coupons.refused("CouponNotIssued", coupons.give(GCN << 64 | 13 << 56, ann, ben))


def test_a_refused_use_leaves_the_coupon_with_its_holder(coupons: Couponing) -> None:
    ann, ben = (Member.numbered(n).account for n in (1, 2))
    coupons.applied(coupons.type(rule=TransferRule.ALLIANCE, cap=1, open=1))
    other, used = coupons.consume_open("1"), coupons.consume_open("2")
    coupons.applied(coupons.give(used.coupon, ann, ben), other)
    coupons.refused("CouponCapExceeded", replace(used, account=ben))
    assert coupons.balance(ben, used.coupon) == 1
    coupons.applied(coupons.reverse(other), replace(used, op_id=coupons.op_id(), account=ben))
    assert coupons.balance(ben, used.coupon) == 0


def test_a_wallet_reads_the_coupon_by_the_standards(coupons: Couponing, codes: Codes) -> None:
    ask, coupon = coupons.alliance.ask, codes.ids[0]
    ann, ben = Member.numbered(1).account, Member.numbered(2).account
    for interface in ("01ffc9a7", "d9b67a26", "dd691946"):
        assert ask(COUPONS, "supportsInterface", bytes.fromhex(interface))[0]
    assert ask(COUPONS, "isConsumableBy", ann, coupon, 1)[0]
    assert not ask(COUPONS, "isConsumableBy", ann, coupon, 2)[0]
    assert not ask(COUPONS, "isConsumableBy", ann, coupon_id(GCN, "000010"), 1)[0]
    coupons.applied(coupons.give(coupon, ann, ben))
    assert not ask(COUPONS, "isConsumableBy", ann, coupon, 1)[0]
    assert ask(COUPONS, "isConsumableBy", ben, coupon, 1)[0]
    coupons.alliance.evm.now += 60 * DAY
    assert not ask(COUPONS, "isConsumableBy", ben, coupon, 1)[0]


def test_transfers_and_consumption_by_hand_are_restricted(coupons: Couponing, codes: Codes) -> None:
    ann = Member.numbered(1).account
    one = (ann, STRANGER, codes.ids[0], 1, b"")
    many = (ann, STRANGER, [codes.ids[0]], [1], b"")
    for function, arguments in (
        ("safeTransferFrom", one), ("safeBatchTransferFrom", many), ("setApprovalForAll", (STRANGER, True)),
        ("consume", (ann, codes.ids[0], 1, b"")),
    ):  # fmt: skip
        with refused("CouponsRestricted", COUPONS.selector(function)):
            coupons.alliance.transact(ann, COUPONS, function, *arguments)


def test_leaves_and_outcomes_are_those_of_the_contract(coupons: Couponing, codes: Codes) -> None:
    """``apply`` holds roots against an encoder of its own; here the kernel's words are held against it."""
    commitments = [commitment_of(opening) for opening in codes.openings]
    assert [code_leaf(i, c) for i, c in zip(codes.ids, commitments, strict=True)] == codes.leaves
    used, beaten = coupons.consume(codes, 0, coupons.owner), coupons.consume(codes, 0)
    coupons.apply(used, beaten)
    reason = keccak256(b"CouponConsumed()")[:4]
    expected = [leaf_of(used), refused_outcome(leaf_of(beaten), reason, 1)]
    assert coupons.outcomes[coupons.number] == expected
