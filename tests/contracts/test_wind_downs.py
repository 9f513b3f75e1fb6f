"""A programme ends: announced once with notice; issues, acceptance and conversion keep the published times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, sign_registry
from tests.contracts.parties import DAY, EPOCH_ENDS, OPERATOR, REGISTRY, STRANGER, Member
from tests.contracts.refusals import refused
from tests.contracts.test_conversions import INTO, SOURCE, SPREAD, offer, owed
from tests.contracts.test_flow import told
from tests.contracts.test_pairs import agree
from tests.contracts.test_registry import publish

WIND_DOWN = (
    "WindDownProposal(uint32 programme,uint40 issuesUntil,uint40 endsAt,uint32 target,uint16 spreadBps)"
)


def announce(alliance: Alliance, source: int = 1, target: int = 2, **changes: Any) -> tuple[int, int]:
    """Issuer and target's issuer announce an end; until when is issued, and when it is.

    ``changes`` are of issues and end (days from now), spread and the two keys that sign.
    """
    until = alliance.evm.now + int(changes.get("issues", 10) * DAY)
    end = alliance.evm.now + int(changes.get("end", 40) * DAY)
    spread = changes.get("spread", SPREAD)
    by = changes.get("keys", [alliance.merchants[p - 1].admin for p in (source, target)])
    signatures = [
        sign_registry(alliance, key, WIND_DOWN, source, until, end, target, spread) for key in by
    ]
    words = (until, end, target, spread)
    alliance.transact(STRANGER, REGISTRY, "announceWindDown", source, words, *signatures)
    return until, end


def test_an_end_is_announced_by_both_with_notice_and_once(alliance: Alliance) -> None:
    first, second, third = alliance.merchants
    for keys, unwilling in (((third.admin, second.admin), first), ((first.admin, first.admin), second)):
        with refused("RegistrySignatureInvalid", unwilling.gln):
            announce(alliance, keys=keys)
    for changes in ({"end": 29.9}, {"issues": 7.9}):
        with refused("RegistryNoticeTooShort", 1):
            announce(alliance, **changes)
    for changes in ({"issues": 41}, {"spread": 10_000}, {"target": 1}):
        with refused("RegistryWindDownInvalid", 1):
            announce(alliance, **changes)
    until, end = announce(alliance)
    assert alliance.ask(REGISTRY, "windDown", 1)[0] == (until, end, 2, SPREAD)
    assert alliance.ask(REGISTRY, "windDown", 2)[0] == (0, 0, 0, 0)
    with refused("RegistryProgrammeEnds", 1, end):
        announce(alliance)
    with refused("RegistryProgrammeEnds", 1, end):
        publish(alliance, 1, point_value=1)


def test_who_takes_over_the_rest_ends_no_sooner_and_never_in_a_circle(alliance: Alliance) -> None:
    announce(alliance)
    with refused("RegistryWindDownInvalid", 2, 1):
        announce(alliance, 2, 1)
    with refused("RegistryNoticeTooShort", 2):
        announce(alliance, 2, 3, issues=69, end=200)
    announce(alliance, 2, 3, issues=70, end=200)


def test_issues_end_first_then_acceptance(rich: Alliance, ann: Member, bob: Member) -> None:
    until, end = announce(rich)
    leg, other = Leg(1, 1, 12, 10), rich.merchants[1]
    rich.evm.now = until
    with refused("TermsNotInForce", 0, 1, 1):
        rich.apply(rich.issue(ann, leg))
    last = replace(leg, terms_version=2)
    with refused("IssuanceCapExceeded", 0, 1):
        rich.apply(rich.issue(ann, last))
    sold = rich.redeem(ann, other, [last])
    rich.apply(sold, rich.gift(ann, bob.account, [last]))
    rich.evm.now = end
    for operation in (rich.redeem(ann, other, [last]), rich.gift(ann, bob.account, [last])):
        with refused("TermsNotInForce", 0, 1, 2):
            rich.apply(operation)
    late = {"accepted_at": end - 1, "valid_until": end}
    rich.apply(rich.redeem(ann, other, [last], **late), rich.restore(sold, 0, 5))


def test_terms_of_pairs_end_with_the_programme(rich: Alliance, ann: Member) -> None:
    agree(rich)
    _, end = announce(rich)
    rich.evm.now = end - 1
    own, pair = Leg(1, 2, 12, 10), rich.merchants[1]
    rich.apply(rich.redeem(ann, pair, [own]))
    rich.evm.now = end
    with refused("TermsNotInForce", 0, 1, 2):
        rich.apply(rich.redeem(ann, pair, [own]))


def test_the_rest_converts_without_a_permit_once_the_end_has_come(rich: Alliance, ann: Member) -> None:
    _, end = announce(rich)
    rest = (Leg(1, 2, 5, 400), Leg(1, 2, 12, 600))
    rich.evm.now = end - 1
    with refused("WindDownNotDue", 0, 1, end):
        rich.converted(rich.wound_down(ann, rest, INTO))
    with refused("WindDownNotDue", 0, 1, end):
        rich.converted(rich.wound_down(ann, rest, INTO, accepted_at=end))
    rich.evm.now = end
    applied = rich.converted(rich.wound_down(ann, rest, INTO))
    assert rich.balance(ann.account, 2, 8) == 1_960
    assert rich.net(rich.merchants[1]) == owed(rest) == -rich.net(rich.merchants[0])
    fact = told(applied)[0]
    assert fact.leaf == applied.leaves[0]
    assert int.from_bytes(fact.data[:32], "big") >> 48 & 255 == 1
    with refused("AlliancePointsInsufficientBalance", 0):
        rich.converted(rich.wound_down(ann, (Leg(1, 2, 5, 9_601),), replace(INTO, amount=18_817)))


def test_without_a_permit_nothing_but_the_published_end_converts(rich: Alliance, ann: Member) -> None:
    with refused("ConversionNotInForce", 0, 1, 2, 0):
        rich.converted(rich.wound_down(ann, SOURCE, INTO))
    _, end = announce(rich)
    rich.evm.now = end
    rest = (Leg(1, 2, 12, 1_000),)
    with refused("ConversionNotInForce", 0, 1, 3, 0):
        rich.converted(rich.wound_down(ann, rest, Leg(3, 1, 12, 29_429)))
    with refused("TermsNotInForce", 0, 1, 1, end - 1):
        rich.converted(rich.wound_down(ann, SOURCE, INTO))
    with refused("ConversionAmountWrong", 0, 1_959, 1_960):
        rich.converted(rich.wound_down(ann, rest, replace(INTO, amount=1_959)))
    for extra in ({"nonce": 1}, {"least_points": 1}, {"valid_until": 1}, {"signature": b"x"}):
        with refused("SignatureInvalid", 0, ann.account):
            rich.converted(rich.wound_down(ann, rest, INTO, **extra))


def test_the_leaving_merchant_may_be_suspended_the_target_s_issuer_not(rich: Alliance, ann: Member) -> None:
    _, end = announce(rich)
    rich.evm.now = end
    first, second, _ = rich.merchants
    rich.transact(OPERATOR, REGISTRY, "suspendMerchant", first.gln, end)
    operation = rich.wound_down(ann, (Leg(1, 2, 12, 1_000),), INTO)
    rich.converted(operation)
    rich.transact(OPERATOR, REGISTRY, "suspendMerchant", second.gln, end)
    with refused("MerchantSuspendedAt", 0, second.gln):
        rich.converted(rich.wound_down(ann, (Leg(1, 2, 12, 1_000),), INTO))


def test_points_that_were_live_at_the_end_convert_even_when_their_epoch_has_ended_since(
    rich: Alliance, ann: Member
) -> None:
    _, end = announce(rich, issues=10, end=31)
    assert EPOCH_ENDS[0] < end < EPOCH_ENDS[1]
    rich.apply(rich.issue(ann, Leg(1, 1, 2, 1_000)))
    rich.evm.now = EPOCH_ENDS[1] + 1
    rich.converted(rich.wound_down(ann, (Leg(1, 2, 2, 1_000),), INTO))
    with refused("EpochEnded", 0, 1, 1):
        rich.converted(rich.wound_down(ann, (Leg(1, 2, 1, 1_000),), INTO))


def test_members_convert_by_their_own_will_until_the_end(rich: Alliance, ann: Member) -> None:
    start = offer(rich, spread=100)
    until, end = announce(rich)
    rich.evm.now = start
    rich.converted(rich.convert(ann, SOURCE, replace(INTO, amount=1_980), spread_bps=100))
    rich.evm.now = end
    assert until < end
    with refused("TermsNotInForce", 0, 1, 2):
        leg = (Leg(1, 2, 12, 1_000),)
        rich.converted(rich.convert(ann, leg, replace(INTO, amount=1_980), spread_bps=100))


@pytest.mark.parametrize("programme", [1, 9])
def test_an_end_needs_two_programmes_that_are(alliance: Alliance, programme: int) -> None:
    with refused("RegistryProgrammeUnknown", 9):
        words = (2**39, 2**39, 9 if programme == 1 else 1, 0)
        alliance.transact(STRANGER, REGISTRY, "announceWindDown", programme, words, b"", b"")
