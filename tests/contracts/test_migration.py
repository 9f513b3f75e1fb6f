"""The drill: a new ClearingHouse takes over, and every balance, counter, net and proof is as it was."""

from __future__ import annotations

from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Issue, Redeem
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.parties import HOUSE, OPERATOR, Member
from tests.contracts.refusals import refused

MEMBERS = [Member.numbered(n) for n in range(1, 9)]


def state_root(alliance: Alliance) -> bytes:
    """One Merkle root over all balances, counters, nets, batch roots and signers."""
    words = [alliance.balance(m.account, p, e) for m in MEMBERS for p in (1, 2, 3) for e in range(1, 13)]
    words += [n for p in (1, 2, 3) for e in range(13) for n in alliance.token(p, "counters", e)]
    words += [alliance.net(m, period) % 2**256 for m in alliance.merchants for period in (1, 2)]
    words += [alliance.ask(HOUSE, "lastBatch")[0], alliance.ask(HOUSE, "currentPeriod")[0]]
    leaves = [keccak256(w.to_bytes(32, "big")) for w in words]
    leaves += [alliance.ask(HOUSE, "rootOf", n)[0] for n in range(1, alliance.last_batch + 1)]
    for member in MEMBERS:
        record = alliance.ask(HOUSE, "signerOf", member.account, member.signer)[0]
        leaves.append(keccak256(b"".join(n.to_bytes(32, "big") for n in record)))
    return root_of(leaves)


def test_a_new_clearing_house_continues_with_equal_roots(alliance: Alliance, ann: Member) -> None:
    b = alliance.merchants[1]
    carl = Member.numbered(60)
    earned, spent = alliance.issue(ann, Leg(1, 1, 5, 500)), alliance.redeem(ann, b, [Leg(1, 1, 5, 100)])
    alliance.apply(
        earned, spent, alliance.enrol(carl, FLAG_CUSTODIAL), alliance.issue(carl, Leg(1, 1, 5, 10_000)),
        alliance.redeem(carl, b, [Leg(1, 1, 5, 4_000)]),
    )  # fmt: skip
    alliance.transact(OPERATOR, HOUSE, "closePeriod", 1)
    alliance.apply(alliance.restore(spent, 0, 30), alliance.claw_back(earned, [Leg(1, 1, 5, 50)]))
    late = alliance.redeem(ann, b, [Leg(1, 1, 5, 1)])

    old, before = alliance.house, state_root(alliance)
    alliance.house = alliance.new_house(old)
    alliance.as_admin("setClearingHouse", alliance.house)
    assert state_root(alliance) == before

    new, alliance.house = alliance.house, old
    with refused("ClearingHouseNotInForce", new):
        alliance.apply(late)
    alliance.house = new
    with refused("SignerNotActive", 0, ann.account):
        alliance.apply(late)
    with refused("BatchNumberUsed", alliance.last_batch, alliance.last_batch):
        alliance.apply(
            alliance.issue(ann, Leg(1, 1, 5, 1)), falsify=lambda x: setattr(x, "number", x.number - 1)
        )
    with refused("OriginalExceeded", 0, 101, 100):
        alliance.apply(alliance.restore(spent, 0, 71))
    with refused("OriginalExceeded", 0, 501, 500):
        alliance.apply(alliance.claw_back(earned, [Leg(1, 1, 5, 451)]))
    with refused("SignerKnown", 0, ann.account):
        alliance.apply(alliance.enrol(ann))
    go_on(alliance, ann, spent, earned)


def go_on(alliance: Alliance, ann: Member, spent: Redeem, earned: Issue) -> None:
    """The new house works on from the state of the old one."""
    a, b, c = alliance.merchants
    number = alliance.last_batch + 1
    alliance.apply(
        alliance.restore(spent, 0, 70), alliance.claw_back(earned, [Leg(1, 1, 5, 100)]),
        alliance.redeem(ann, c, [Leg(1, 1, 5, 10)], accepted_at=alliance.evm.now),
    )  # fmt: skip
    assert alliance.ask(HOUSE, "lastBatch")[0] == number
    assert alliance.net(b, 1) + alliance.net(a, 1) == 0
    assert sum(alliance.net(m, 2) for m in (a, b, c)) == 0
    assert alliance.balance(ann.account, 1, 5) == 500 - 100 + 100 - 50 - 100 - 10
