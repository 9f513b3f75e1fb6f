"""Terms of a pair: both sign, with notice; at that acceptor they alone count, and nowhere else."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, sign_registry
from tests.contracts.parties import DAY, FEE_BPS, POINT_VALUES, REGISTRY, STRANGER, Member
from tests.contracts.refusals import refused
from tests.contracts.test_registry import publish

PAIR = (
    "PairTermsProposal(uint32 programme,uint64 acceptor,uint16 previous,uint40 effectiveFrom,"
    "uint64 pointValueMicros,uint16 feeBps)"
)
GENERAL = Leg(1, 1, 5, 100)
AGREED = Leg(1, 2, 5, 100)


def agree(alliance: Alliance, acceptor: int = 2, **changes: Any) -> int:
    """Issuer 1 and merchant ``acceptor`` publish terms; the instant they are in force from.

    ``changes`` are of value, fee, notice and the two keys that sign.
    """
    gln, issuer = alliance.merchants[acceptor - 1].gln, alliance.merchants[0]
    start = alliance.evm.now + changes.get("notice", 8 * DAY)
    value, fee = changes.get("value", 8_000), changes.get("fee", 40)
    terms = (gln, start, value, fee)
    previous = alliance.ask(REGISTRY, "lastVersion", 1, gln)[0]
    by = changes.get("keys", (issuer.admin, alliance.merchants[acceptor - 1].admin))
    signatures = [
        sign_registry(alliance, key, PAIR, 1, gln, previous, start, value, fee) for key in by
    ]
    alliance.transact(STRANGER, REGISTRY, "publishPairTerms", 1, terms, *signatures)
    return start


def owed(points: int, value: int, fee: int) -> int:
    return points * value - points * value * fee // 10_000


def test_both_merchants_sign_the_terms_of_their_pair(alliance: Alliance) -> None:
    issuer, acceptor, third = alliance.merchants
    for keys, unwilling in (
        ((third.admin, acceptor.admin), issuer), ((issuer.admin, issuer.admin), acceptor),
        ((issuer.admin, acceptor.operations), acceptor),
    ):  # fmt: skip
        with refused("RegistrySignatureInvalid", unwilling.gln):
            agree(alliance, keys=keys)
    start = agree(alliance)
    assert alliance.ask(REGISTRY, "terms", 1, 2)[0] == (start, 8_000, 40, 0, 0)
    assert alliance.ask(REGISTRY, "acceptorOf", 1, 2)[0] == acceptor.gln
    assert alliance.ask(REGISTRY, "acceptorOf", 1, 1)[0] == 0
    assert alliance.ask(REGISTRY, "currentTerms", 1)[1] == 1


def test_a_signature_of_a_pair_counts_once(alliance: Alliance) -> None:
    issuer, acceptor, _ = alliance.merchants
    start = alliance.evm.now + 20 * DAY
    words = (1, acceptor.gln, 0, start, 8_000, 40)
    signatures = [sign_registry(alliance, m.admin, PAIR, *words) for m in (issuer, acceptor)]
    call = ("publishPairTerms", 1, (acceptor.gln, start, 8_000, 40), *signatures)
    alliance.transact(STRANGER, REGISTRY, *call)
    with refused("RegistrySignatureInvalid", issuer.gln):
        alliance.transact(STRANGER, REGISTRY, *call)


def test_terms_of_a_pair_have_notice_and_follow_one_another(alliance: Alliance) -> None:
    with refused("RegistryNoticeTooShort", 1):
        agree(alliance, notice=8 * DAY - 1)
    agree(alliance, notice=30 * DAY)
    with refused("RegistryNoticeTooShort", 1):
        agree(alliance, notice=30 * DAY)
    agree(alliance, acceptor=3, notice=8 * DAY)
    agree(alliance, notice=31 * DAY)
    publish(alliance, 1, point_value=9_000)
    last = [alliance.ask(REGISTRY, "lastVersion", 1, g)[0] for g in (0, *(m.gln for m in alliance.merchants))]
    assert last == [5, 0, 4, 3]


def test_a_pair_is_two_merchants_and_its_fee_a_share(alliance: Alliance) -> None:
    gln = alliance.merchants[1].gln
    with refused("RegistryPairInvalid", 1, alliance.merchants[0].gln):
        agree(alliance, acceptor=1)
    with refused("RegistryPairInvalid", 1, gln, 8_000, 10_001):
        agree(alliance, fee=10_001)
    with refused("RegistryPairUnknown", 1, gln):
        agree(alliance, value=0, fee=0)
    with refused("RegistryMerchantUnknown", 9):
        alliance.transact(STRANGER, REGISTRY, "publishPairTerms", 1, (9, 2**39, 1, 1), b"", b"")
    with refused("RegistryProgrammeUnknown", 9):
        alliance.transact(STRANGER, REGISTRY, "publishPairTerms", 9, (gln, 2**39, 1, 1), b"", b"")
    for version in (0, 2):
        with refused("RegistryTermsUnknown", 1, version):
            alliance.ask(REGISTRY, "acceptorOf", 1, version)
    agree(alliance)
    with refused("RegistryPairInvalid", 1, gln, 0, 1):
        agree(alliance, value=0, fee=1, notice=9 * DAY)


def test_the_terms_of_a_pair_count_at_that_acceptor_alone(rich: Alliance, ann: Member) -> None:
    issuer, pair, other = rich.merchants
    start = agree(rich)
    with refused("TermsNotInForce", 0, 1, 2, rich.evm.now):
        rich.apply(rich.redeem(ann, pair, [AGREED]))
    rich.apply(rich.redeem(ann, pair, [GENERAL]))
    rich.evm.now = start
    with refused("TermsOfAnotherPair", 0, 1, 1, pair.gln):
        rich.apply(rich.redeem(ann, pair, [GENERAL]))
    for elsewhere in (other, issuer):
        with refused("TermsOfAnotherPair", 0, 1, 2, elsewhere.gln):
            rich.apply(rich.redeem(ann, elsewhere, [AGREED]))
    with refused("TermsOfAnotherPair", 0, 1, 2, 0):
        rich.apply(rich.issue(ann, AGREED))
    with refused("TermsOfAnotherPair", 0, 1, 2, 0):
        rich.apply(rich.gift(ann, Member.numbered(2).account, [AGREED]))
    late = {"accepted_at": start - 1, "valid_until": start}
    rich.apply(
        rich.issue(ann, GENERAL), rich.redeem(ann, pair, [AGREED]), rich.redeem(ann, pair, [GENERAL], **late),
        rich.redeem(ann, other, [GENERAL]), rich.redeem(ann, issuer, [GENERAL]), rich.redeem(ann, pair, [AGREED]),
        rich.gift(ann, Member.numbered(2).account, [GENERAL]),
    )  # fmt: skip
    general = owed(100, POINT_VALUES[0], FEE_BPS)
    assert rich.net(pair) == 2 * general + 2 * owed(100, 8_000, 40)
    assert rich.net(other) == general
    assert sum(rich.net(m) for m in rich.merchants) == 0


def test_a_restore_cites_what_the_redemption_did_when_the_pair_has_ended(rich: Alliance, ann: Member) -> None:
    pair = rich.merchants[1]
    start = agree(rich)
    end = agree(rich, value=0, fee=0, notice=15 * DAY)
    rich.evm.now = start
    sold = rich.redeem(ann, pair, [AGREED])
    rich.apply(sold)
    rich.evm.now = end
    with refused("TermsNotInForce", 0, 1, 2, end):
        rich.apply(rich.redeem(ann, pair, [AGREED]))
    with refused("RegistryTermsUnknown", 1, 3):
        rich.apply(rich.redeem(ann, pair, [Leg(1, 3, 5, 100)]))
    with refused("OriginalLegMismatch", 0):
        rich.apply(rich.restore(sold, 0, 40, leg=Leg(1, 1, 5, 40)))
    before = rich.net(pair)
    rich.apply(rich.redeem(ann, pair, [GENERAL]), rich.restore(sold, 0, 40))
    rich.apply(rich.restore(sold, 0, 60))
    assert rich.net(pair) == before + owed(100, POINT_VALUES[0], FEE_BPS) - owed(100, 8_000, 40)


def test_general_terms_go_on_beside_those_of_pairs(rich: Alliance, ann: Member) -> None:
    _, pair, other = rich.merchants
    agree(rich)
    start = publish(rich, 1, point_value=20_000)
    rich.evm.now = start
    assert rich.ask(REGISTRY, "currentTerms", 1)[1] == 3
    with refused("TermsNotInForce", 0, 1, 1, start):
        rich.apply(rich.redeem(ann, other, [GENERAL]))
    new = Leg(1, 3, 5, 100)
    rich.apply(rich.issue(ann, new), rich.redeem(ann, other, [new]), rich.redeem(ann, pair, [AGREED]))
    assert rich.net(other) == owed(100, 20_000, FEE_BPS)
    assert rich.net(pair) == owed(100, 8_000, 40)


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_terms_answers_as_a_plain_list_does(alliance: Alliance, seed: int) -> None:
    """The registry's chains against the list of all versions, at every instant where something changes."""
    chance, now = random.Random(seed), alliance.evm.now
    known: dict[int, list[tuple[int, int, int]]] = {0: [(0, 1, 10_000)], 2: [], 3: []}
    version = 1
    for _ in range(14):
        acceptor = chance.choice([0, 2, 2, 3])
        chain = known[acceptor]
        ended = not chain or chain[-1][2] == 0
        value = 0 if acceptor and not ended and chance.random() < 0.4 else chance.randint(1, 10**6)
        first = max(8 * DAY, chain[-1][0] - now + 1 if chain else 0)
        notice = first + chance.choice([0, 1, chance.randint(2, 10 * DAY)])
        if acceptor == 0:
            start = publish(alliance, 1, point_value=value, notice=notice)
        else:
            start = agree(alliance, acceptor, value=value, fee=0, notice=notice)
        version += 1
        chain.append((start, version, value))
    moments = {at + d for chain in known.values() for at, _, _ in chain for d in (-1, 0, 1)} - {-1, 0, 1}
    for at in sorted(moments):
        general = max(one for one in known[0] if one[0] <= at)
        for acceptor in (2, 3):
            found = [one for one in known[acceptor] if one[0] <= at]
            own = found[-1][1] if found and found[-1][2] else 0
            gln = alliance.merchants[acceptor - 1].gln
            told = alliance.ask(REGISTRY, "pairTermsAt", 1, gln, at)
            later = [one[0] for one in known[acceptor] if one[0] > at]
            assert told == (own, found[-1][0] if found else 0, later[0] if later else 2**40 - 1)
            for candidate in range(1, version + 1):
                in_force = candidate == (own or general[1])
                times = alliance.ask(REGISTRY, "timesAt", 1, candidate, gln, at)[0]
                assert (times != 0) == in_force, (at, acceptor, candidate)
