"""Conversions between programmes: what one does, and one test per cause for which it is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ledger_service.chain.effects import owed_micros_floor
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Convert, Kind
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import sign_digest
from tests.contracts.alliance import Alliance, sign_registry
from tests.contracts.parties import (
    CAP,
    DAY,
    EPOCH_ENDS,
    GUARDIAN,
    HOUSE,
    MOVER,
    OPERATOR,
    PER_PERMIT,
    POINT_VALUES,
    REGISTRY,
    RELAYER,
    STRANGER,
    Member,
)
from tests.contracts.refusals import refused
from tests.contracts.test_flow import told
from tests.contracts.test_pairs import agree
from tests.contracts.test_registry import TERMS, publish

CONVERSION = (
    "ConversionProposal(uint32 programme,uint32 target,uint32 number,uint40 effectiveFrom,uint16 spreadBps)"
)
SPREAD = 200
# A thousand points of programme 1 (10,000 micros) at two percent are 1,960 of programme 2 (5,000 micros).
SOURCE, INTO = (Leg(1, 1, 12, 1_000),), Leg(2, 1, 8, 1_960)


def offer(alliance: Alliance, source: int = 1, target: int = 2, **changes: Any) -> int:
    """Two issuers publish conversion terms; the instant they are in force from.

    ``changes`` are of spread, notice and the two keys that sign.
    """
    start = alliance.evm.now + changes.get("notice", 8 * DAY)
    spread = changes.get("spread", SPREAD)
    number = len(alliance.ask(REGISTRY, "conversions", source, target)[0]) + 1
    by = changes.get("keys", [alliance.merchants[p - 1].admin for p in (source, target)])
    signatures = [
        sign_registry(alliance, key, CONVERSION, source, target, number, start, spread) for key in by
    ]
    alliance.transact(
        STRANGER, REGISTRY, "publishConversion", source, target, (start, spread), *signatures
    )
    return start


@pytest.fixture
def offering(rich: Alliance) -> Alliance:
    """Ann holds 10,000 points of programmes 1 and 2 in epochs 1, 5 and 12; 1 converts into 2."""
    rich.evm.now = offer(rich)
    return rich


def owed(sources: Sequence[Leg], spread: int = SPREAD) -> int:
    return sum(owed_micros_floor(leg.amount, (0, POINT_VALUES[leg.programme - 1], spread)) for leg in sources)


def test_a_conversion_burns_the_one_issues_the_other_and_is_owed(offering: Alliance, ann: Member) -> None:
    issuer, receiver, other = offering.merchants
    sources = (Leg(1, 1, 5, 333), Leg(1, 1, 12, 667))
    applied = offering.converted(offering.convert(ann, sources, INTO))
    assert [offering.balance(ann.account, 1, e) for e in (1, 5, 12)] == [10_000, 9_667, 9_333]
    assert [offering.balance(ann.account, 2, e) for e in (1, 5, 8, 12)] == [10_000, 10_000, 1_960, 10_000]
    assert offering.token(1, "counters", 0) == (30_000, 0, 0, 1_000, 0)
    assert offering.token(2, "counters", 0) == (31_960, 0, 0, 0, 0)
    assert offering.token(2, "counters", 8) == (1_960, 0, 0, 0, 0)
    assert offering.net(receiver) == owed(sources) == -offering.net(issuer)
    assert offering.net(other) == 0
    assert offering.ask(HOUSE, "rootOf", applied.number)[0] == root_of(applied.leaves)


def test_conversions_are_told_by_their_events(offering: Alliance, ann: Member) -> None:
    applied = offering.converted(*(offering.convert(ann, SOURCE, INTO) for _ in range(2)))
    facts = told(applied)
    assert [o.leaf for o in facts] == list(applied.leaves)
    assert [(o.batch, o.position, o.kind) for o in facts] == [
        (applied.number, i, Kind.CONVERT) for i in range(2)
    ]
    assert (facts[0].legs, facts[0].spread_bps) == ((*SOURCE, INTO), SPREAD)


def test_one_may_convert_what_another_of_the_batch_brought(offering: Alliance, ann: Member) -> None:
    offering.evm.now = offer(offering, 2, 3)
    further = Leg(3, 1, 12, 1_960 * 5_000 * 98 // (100 * 333))
    offering.converted(
        offering.convert(ann, SOURCE, INTO), offering.convert(ann, (INTO,), further)
    )
    assert offering.balance(ann.account, 2, 8) == 0
    assert offering.balance(ann.account, 3, 12) == further.amount
    assert sum(offering.net(m) for m in offering.merchants) == 0


def test_a_merchant_owes_itself_nothing(offering: Alliance, ann: Member) -> None:
    first = offering.merchants[0]
    terms = (offering.evm.now, 10_000, 0, CAP, 4)
    created = ("createProgramme", first.gln, "More", "M", EPOCH_ENDS, terms)
    offering.transact(OPERATOR, REGISTRY, *created)
    offering.merchants.append(first)
    offering.evm.now = offer(offering, 1, 4)
    offering.merchants.pop()
    into = Leg(4, 1, 12, 980)
    offering.merchants.append(first)
    operation = offering.convert(ann, SOURCE, into)
    offering.merchants.pop()
    offering.converted(operation)
    assert [offering.net(m) for m in offering.merchants] == [0, 0, 0]


def test_a_permit_is_for_exactly_what_it_names_and_once(offering: Alliance, ann: Member, bob: Member) -> None:
    willed = offering.convert(ann, SOURCE, INTO)
    less = replace(willed, legs=(Leg(1, 1, 12, 500), replace(INTO, amount=980)))
    for other in (less, replace(willed, least_points=0), replace(willed, valid_until=willed.valid_until + 1),
                  replace(willed, nonce=willed.nonce + 1)):  # fmt: skip
        with refused("SignerNotActive", 0, ann.account):
            offering.converted(other)
    with refused("SignerNotActive", 0, ann.account):
        offering.converted(offering.convert(ann, SOURCE, INTO, signing_key=bob.key))
    offering.converted(willed)
    with refused("NonceUsed", 0, ann.account, willed.nonce):
        offering.converted(offering.convert(ann, SOURCE, INTO, nonce=willed.nonce))
    with refused("NonceUsed", 0, ann.account, willed.nonce):
        gift = offering.gift(ann, bob.account, [Leg(1, 1, 12, 1)], nonce=willed.nonce)
        offering.apply(gift)


def test_the_permit_s_time_and_least_are_kept(offering: Alliance, ann: Member) -> None:
    now = offering.evm.now
    with refused("PermitExpired", 0, now - 1, now):
        offering.converted(offering.convert(ann, SOURCE, INTO, valid_until=now - 1))
    with refused("ConversionBelowLeast", 0, 1_960, 1_961):
        offering.converted(offering.convert(ann, SOURCE, INTO, least_points=1_961))
    offering.converted(offering.convert(ann, SOURCE, INTO, least_points=1_960))


def test_a_custodian_converts_within_its_limits(offering: Alliance) -> None:
    member = Member.numbered(77)
    offering.apply(offering.enrol(member, FLAG_CUSTODIAL), offering.issue(member, Leg(1, 1, 12, 20_000)))
    most = PER_PERMIT // POINT_VALUES[0]
    for points in (most + 1, most):
        into = Leg(2, 1, 8, points * 10_000 * 98 // (100 * 5_000))
        operation = offering.convert(member, (Leg(1, 1, 12, points),), into)
        if points > most:
            with refused("CustodialPermitLimit", 0, member.account, points * 10_000, PER_PERMIT):
                offering.converted(operation)
        else:
            assert told(offering.converted(operation))[0].data[31] == 1
    with refused("CustodialDayLimit", 0, member.account):
        offering.converted(offering.convert(member, (Leg(1, 1, 12, most),), replace(INTO, amount=9_800)))


def test_only_what_the_terms_give_is_issued(offering: Alliance, ann: Member) -> None:
    for amount in (1_959, 1_961, 2_000):
        with refused("ConversionAmountWrong", 0, amount, 1_960):
            offering.converted(offering.convert(ann, SOURCE, replace(INTO, amount=amount)))
    with refused("AmountZero", 0):
        offering.converted(offering.convert(ann, SOURCE, replace(INTO, amount=0)))
    with refused("AmountZero", 0):
        offering.converted(offering.convert(ann, (Leg(1, 1, 12, 0),), INTO))


def test_terms_are_needed_and_in_force(offering: Alliance, ann: Member) -> None:
    now = offering.evm.now
    with refused("ConversionNotInForce", 0, 2, 1, 1, now):
        offering.converted(offering.convert(ann, (Leg(2, 1, 12, 1_000),), Leg(1, 1, 12, 490)))
    for terms in (2, 2**32 - 1):
        with refused("ConversionNotInForce", 0, 1, 2, terms, now):
            offering.converted(offering.convert(ann, SOURCE, INTO, terms=terms))
    early = {"accepted_at": now - 1, "valid_until": now}
    with refused("ConversionNotInForce", 0, 1, 2, 1, now - 1):
        offering.converted(offering.convert(ann, SOURCE, INTO, **early))
    second = offer(offering, spread=10_000)
    offering.evm.now = second
    for terms in (1, 2):
        with refused("ConversionNotInForce", 0, 1, 2, terms, second):
            offering.converted(offering.convert(ann, SOURCE, INTO, terms=terms))
    offering.converted(
        offering.convert(ann, SOURCE, INTO, accepted_at=second - 1, valid_until=second)
    )


def test_the_point_values_are_those_in_force_for_everybody(offering: Alliance, ann: Member) -> None:
    offering.evm.now = publish(offering, 2, point_value=10_000)
    with refused("TermsNotInForce", 0, 2, 1, offering.evm.now):
        offering.converted(offering.convert(ann, SOURCE, INTO))
    offering.converted(offering.convert(ann, SOURCE, Leg(2, 2, 8, 980)))
    offering.evm.now = agree(offering, value=9_000)
    with refused("TermsNotInForce", 0, 1, 2):
        offering.converted(offering.convert(ann, (Leg(1, 2, 12, 1_000),), Leg(2, 2, 8, 882)))


def test_neither_merchant_is_suspended(offering: Alliance, ann: Member) -> None:
    issuer, receiver, _ = offering.merchants
    operation = offering.convert(ann, SOURCE, INTO)
    for merchant in (issuer, receiver):
        since = offering.evm.now
        mark = offering.fork_mark()
        offering.transact(OPERATOR, REGISTRY, "suspendMerchant", merchant.gln, since)
        with refused("MerchantSuspendedAt", 0, merchant.gln, since, since):
            offering.converted(operation)
        offering.back_to(mark)


def test_the_cap_of_the_target_holds(offering: Alliance, ann: Member) -> None:
    start, second = offering.evm.now + 8 * DAY, offering.merchants[1]
    terms = (start, 5_000, 0, 31_959, 4)
    by = sign_registry(offering, second.admin, TERMS, 2, 2, *terms)
    offering.transact(STRANGER, REGISTRY, "publishTerms", 2, terms, by)
    offering.evm.now = start
    late = Leg(2, 2, 8, 1_960)
    with refused("IssuanceCapExceeded", 0, 2, 31_960, 31_959):
        offering.converted(offering.convert(ann, SOURCE, late))
    offering.converted(offering.convert(ann, (Leg(1, 1, 12, 999),), replace(late, amount=1_958)))


def test_epochs_are_open_and_the_balance_covers_it(offering: Alliance, ann: Member) -> None:
    with refused("AlliancePointsInsufficientBalance", 0, ann.account, 12, 10_000, 10_001):
        into = replace(INTO, amount=10_001 * 98 // 50)
        offering.converted(offering.convert(ann, (Leg(1, 1, 12, 10_001),), into))
    for legs, unknown in (((Leg(1, 1, 13, 1_000),), 1), (SOURCE, 2)):
        into = INTO if unknown == 1 else replace(INTO, epoch=0)
        with refused("EpochUnknown", 0, unknown):
            offering.converted(offering.convert(ann, legs, into))
    offering.evm.now = EPOCH_ENDS[0]
    with refused("EpochEnded", 0, 1, 1):
        offering.converted(offering.convert(ann, (Leg(1, 1, 1, 1_000),), INTO))
    with refused("EpochEnded", 0, 2, 1):
        offering.converted(offering.convert(ann, SOURCE, replace(INTO, epoch=1)))


def test_legs_are_of_one_programme_and_then_another(offering: Alliance, ann: Member) -> None:
    for legs in ((Leg(1, 1, 12, 500), Leg(1, 2, 12, 500)), (Leg(1, 1, 12, 500), Leg(2, 1, 12, 500))):
        with refused("ConversionLegInvalid", 0, legs[1].word()):
            offering.converted(offering.convert(ann, legs, INTO))
    with refused("ConversionLegInvalid", 0):
        offering.converted(offering.convert(ann, SOURCE, Leg(1, 1, 8, 980)))
    with refused("LegCountInvalid", 0, 10):
        offering.converted(offering.convert(ann, tuple(Leg(1, 1, 12, 100) for _ in range(9)), INTO))
    with refused("LegCountInvalid", 0, 1):
        offering.converted(replace(offering.convert(ann, SOURCE, INTO), legs=(INTO,)))


def test_the_slice_is_the_target_issuer_s_word(offering: Alliance, ann: Member) -> None:
    issuer, receiver, _ = offering.merchants
    operation = offering.convert(ann, SOURCE, INTO)
    with refused("IssuerMismatch", 0, issuer.gln, receiver.gln):
        offering.converted(replace(operation, merchant=issuer.gln))
    def another(slices: list[Any]) -> None:
        slices[0][1] = sign_digest(issuer.operations, bytes(32))

    with refused("SliceSignatureInvalid", receiver.gln):
        offering.converted(operation, falsify=another)
    with refused("SliceMerchantUnknown", 5):
        offering.converted(replace(operation, merchant=5))
    with refused("SliceNotRising", 1):
        offering.converted(operation, falsify=lambda slices: slices.append(slices[0]))


def test_a_conversion_keeps_the_times_and_numbers_of_every_batch(offering: Alliance, ann: Member) -> None:
    now = offering.evm.now
    with refused("AcceptedInFuture", 0, now + 121, now):
        offering.converted(offering.convert(ann, SOURCE, INTO, accepted_at=now + 121))
    with refused("AcceptedTooLongAgo", 0):
        offering.converted(offering.convert(ann, SOURCE, INTO, accepted_at=now - 7 * DAY - 1))
    with refused("BatchEmpty"):
        offering.converted()
    offering.transact(GUARDIAN, HOUSE, "pause")
    with refused("ClearingHousePaused"):
        offering.converted(offering.convert(ann, SOURCE, INTO))
    data = HOUSE.call_data("convertPoints", offering.last_batch + 1, [])
    for caller in (STRANGER, OPERATOR):
        with refused("AccessManagedUnauthorized"):
            offering.evm.send(caller, offering.house, data)
    mover = offering.ask(HOUSE, "accountMover")[0]
    with refused("ClearingHouseNotInForce"):
        offering.evm.send(RELAYER, mover, MOVER.call_data("convertPoints", 1, []))
