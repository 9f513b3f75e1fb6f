"""Batches of a contract beside the ClearingHouse, by hostile hands: numbers, signatures, times, pause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.couponing import Codes, Couponing
from tests.contracts.parties import COUPONS, DAY, GUARDIAN, OPERATOR, REGISTRY, Merchant
from tests.contracts.refusals import refused


@pytest.fixture
def coupons(alliance: Alliance) -> Couponing:
    made = Couponing(alliance)
    made.applied(made.type(open=1))
    return made


def test_a_batch_never_runs_twice(coupons: Couponing) -> None:
    used = coupons.consume_open("1")
    coupons.applied(used)
    coupons.applied(coupons.reverse(used))
    slices = coupons.slices(coupons.number, [coupons.consume_open("2")])
    coupons.applied(coupons.consume_open("3"))
    for number in (coupons.number, coupons.number - 1, 0):
        with refused("BatchNumberUsed", number, coupons.number):
            coupons.send(number, slices)
    with refused("SliceSignatureInvalid", coupons.rival.gln):
        coupons.send(coupons.number + 1, slices)
    assert not coupons.is_consumed(coupons.consume_open("2").coupon)


def test_a_slice_is_its_merchants_own_word(coupons: Couponing) -> None:
    used = coupons.consume_open("1")

    def by_another(slices: list[list[Any]]) -> None:
        other = replace(used, merchant=coupons.owner.gln)
        slices[0][1] = coupons.slices(coupons.number, [other])[0][1]

    def other_words(slices: list[list[Any]]) -> None:
        slices[0][2][0][0] = coupons.consume_open("2").words()

    def cut(slices: list[list[Any]]) -> None:
        slices[0][1] = slices[0][1][:64]

    for falsify in (by_another, other_words, cut):
        with refused("SliceSignatureInvalid", coupons.rival.gln):
            coupons.apply(used, falsify=falsify)
    unknown = replace(used, merchant=Merchant.numbered(9).gln)
    with refused("SliceMerchantUnknown", unknown.merchant):
        coupons.apply(unknown)


def test_slices_rise_and_none_is_there_twice(coupons: Couponing) -> None:
    one, two = coupons.consume_open("1", coupons.owner), coupons.consume_open("2")
    with refused("SliceNotRising", 1):
        coupons.apply(one, two, falsify=lambda slices: slices.reverse())
    with refused("SliceNotRising", 1):
        coupons.apply(one, falsify=lambda slices: slices.append(slices[0]))


def test_a_batch_has_some_operations_and_not_too_many(coupons: Couponing) -> None:
    with refused("BatchEmpty", 7):
        coupons.send(7, [])
    with refused("BatchTooLarge", 2049, 2048):
        coupons.send(7, [[coupons.rival.gln, b"", [[b"", []]] * 2049]])


def test_an_operation_is_whole_words_and_its_own_merchants(coupons: Couponing) -> None:
    used = coupons.consume_open("1")
    bad = (
        used.words()[:96], used.words() + b"\0", replace(used, merchant=coupons.owner.gln).words(),
        replace(used, accepted_at=2**40).words(), used.words()[:63] + b"\1" + used.words()[64:],
    )  # fmt: skip
    for words in bad:
        slices = coupons.slices(coupons.number + 1, [used])
        leaf = keccak256(words)
        slices[0][1] = coupons.signature(coupons.number + 1, used.merchant, [leaf])
        slices[0][2][0][0] = words
        with refused("OperationMalformed", 0):
            coupons.send(coupons.number + 1, slices)


class Odd:
    """An operation of a kind that the contract does not have, or with words too many."""

    def __init__(self, like: Any, words: bytes) -> None:
        self.op_id, self.merchant, self._words = like.op_id, like.merchant, words

    def words(self) -> bytes:
        return self._words

    def witness(self, original: object) -> tuple[bytes, ...]:
        return ()


def test_an_operation_of_an_unknown_kind_is_refused_alone(coupons: Couponing) -> None:
    used, two, three = (coupons.consume_open(serial) for serial in "123")
    strange: Any = Odd(two, bytes(31) + b"\x09" + two.words()[32:])
    longer: Any = Odd(three, three.words() + bytes(32))
    assert coupons.apply(used, strange, longer) == [None, *["OperationKindUnknown"] * 2]
    coupons.refused("OperationKindUnknown", strange)


def test_times_are_bounded_on_both_sides(coupons: Couponing) -> None:
    soon = replace(coupons.consume_open("1"), accepted_at=coupons.now + 120)
    with refused("AcceptedInFuture", 0, coupons.now + 121):
        coupons.apply(replace(soon, accepted_at=coupons.now + 121))
    coupons.applied(soon)
    late, just = coupons.consume_open("2"), coupons.consume_open("3")
    coupons.alliance.evm.now += 7 * DAY + 1
    coupons.refused("OperationTooLate", late)
    coupons.applied(replace(just, accepted_at=coupons.now - 7 * DAY))


def test_what_a_suspended_merchant_accepts_is_refused_and_what_it_accepted_before_is_not(
    coupons: Couponing,
) -> None:
    before = coupons.consume_open("1")
    coupons.alliance.evm.now += 10
    since = coupons.now
    coupons.alliance.transact(OPERATOR, REGISTRY, "suspendMerchant", coupons.rival.gln, since)
    coupons.refused("OperationMerchantSuspended", coupons.consume_open("2"))
    coupons.applied(before, coupons.consume_open("3", coupons.owner))


def test_a_pause_stops_batches_ends_by_itself_and_cools_down(coupons: Couponing) -> None:
    alliance = coupons.alliance
    with refused("BatchesPauseNotActive", 0):
        alliance.transact(GUARDIAN, COUPONS, "unpause")
    alliance.transact(GUARDIAN, COUPONS, "pause")
    until = alliance.evm.now + 2 * DAY
    with refused("BatchesArePaused", until):
        coupons.apply(coupons.consume_open("1"))
    with refused("BatchesPauseCoolingDown", until + 7 * DAY):
        alliance.transact(GUARDIAN, COUPONS, "pause")
    alliance.transact(GUARDIAN, COUPONS, "unpause")
    coupons.applied(coupons.consume_open("1"))
    alliance.evm.now = until + 7 * DAY
    alliance.transact(GUARDIAN, COUPONS, "pause")
    alliance.evm.now += 2 * DAY
    coupons.applied(coupons.consume_open("2"))
    assert alliance.ask(COUPONS, "pausedUntil")[0] == alliance.evm.now
    assert alliance.ask(COUPONS, "pauseAllowedFrom")[0] == alliance.evm.now + 7 * DAY


def test_rivals_lists_do_not_mix(coupons: Couponing) -> None:
    """A consumption under another type's root is refused; the rest of its slice is not."""
    gcn = 9506000987651
    mine = Codes(4, gcn=gcn)
    coupons.applied(coupons.type(coupons.rival, gcn=gcn), coupons.root(mine, coupons.rival))
    coupons.alliance.evm.now += 5
    stolen = replace(coupons.consume(mine, 1), coupon=coupons.consume_open("0001").coupon)
    assert coupons.apply(stolen, coupons.consume(mine, 2)) == ["CouponNotIssued", None]
