"""The token: what it shows, what this profile restricts, and that only the ClearingHouse moves points."""

from __future__ import annotations

import pytest

from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.parties import EPOCH_ENDS, POINTS, RELAYER, STRANGER, Member
from tests.contracts.refusals import refused

TRANSFER = keccak256(b"Transfer(address,address,uint256)")
BATCH_FUNCTIONS = ("issueBatch", "restoreBatch", "redeemBatch", "clawBackBatch", "expireBatch", "giftBatch")


def send(alliance: Alliance, sender: bytes, function: str, *arguments: object) -> None:
    alliance.evm.send(sender, alliance.tokens[0], POINTS.call_data(function, *arguments))


@pytest.mark.parametrize("function", BATCH_FUNCTIONS)
def test_only_the_clearing_house_moves_points(alliance: Alliance, function: str) -> None:
    for sender in (STRANGER, RELAYER, alliance.merchants[0].addresses()[1]):
        with refused("AlliancePointsUnauthorized", sender):
            send(alliance, sender, function, [])


def test_points_do_not_trade(alliance: Alliance, ann: Member, bob: Member) -> None:
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 100)))
    cases = (
        ("transfer", (bob.account, 100)), ("transferFrom", (ann.account, bob.account, 0)),
        ("approve", (bob.account, 1)), ("transferAtEpoch", (5, bob.account, 100)),
        ("transferFromAtEpoch", (5, ann.account, bob.account, 0)),
        ("permit", (ann.account, bob.account, 1, 2**40, 27, bytes(32), bytes(32))),
    )  # fmt: skip
    for function, arguments in cases:
        with refused("AlliancePointsRestricted", POINTS.selector(function)):
            send(alliance, ann.account, function, *arguments)


def test_a_transfer_fails_first_for_what_any_token_would_refuse(
    alliance: Alliance, ann: Member, bob: Member
) -> None:
    alliance.apply(alliance.issue(ann, Leg(1, 1, 5, 100)))
    with refused("ERC20InvalidReceiver", bytes(20)):
        send(alliance, ann.account, "transfer", bytes(20), 1)
    with refused("ERC20InsufficientBalance", ann.account, 100, 101):
        send(alliance, ann.account, "transfer", bob.account, 101)
    with refused("ERC20InsufficientBalance", ann.account, 0, 1):
        send(alliance, ann.account, "transferAtEpoch", 6, bob.account, 1)
    with refused("ERC20InsufficientAllowance", bob.account, 0, 1):
        send(alliance, bob.account, "transferFrom", ann.account, bob.account, 1)
    with refused("ERC20InsufficientAllowance", bob.account, 0, 1):
        send(alliance, bob.account, "transferFromAtEpoch", 5, ann.account, bob.account, 1)
    with refused("ERC20InvalidSpender", bytes(20)):
        send(alliance, ann.account, "approve", bytes(20), 1)


def test_the_read_side_excludes_ended_epochs(alliance: Alliance, ann: Member) -> None:
    alliance.apply(alliance.issue(ann, Leg(1, 1, 1, 10)), alliance.issue(ann, Leg(1, 1, 12, 200)))
    ask = alliance.token
    assert (ask(1, "balanceOf", ann.account), ask(1, "liveSupply"), ask(1, "totalSupply")) == (210, 210, 210)
    alliance.evm.now = EPOCH_ENDS[0]
    assert (ask(1, "balanceOf", ann.account), ask(1, "liveSupply"), ask(1, "totalSupply")) == (200, 200, 210)
    assert ask(1, "balanceOfAtEpoch", 1, ann.account) == 0
    assert ask(1, "balanceAtEpochRaw", ann.account, 1) == 10
    assert (ask(1, "isEpochExpired", 1), ask(1, "isEpochExpired", 2), ask(1, "isEpochExpired", 99)) == (
        1,
        0,
        1,
    )
    assert (ask(1, "currentEpoch"), ask(1, "epochType"), ask(1, "validityDuration")) == (2, 1, 4)
    assert ask(1, "epochLength") == EPOCH_ENDS[1] - EPOCH_ENDS[0]
    alliance.apply(alliance.expire(ann, Leg(1, 1, 1, 10)))
    assert (ask(1, "totalSupply"), ask(1, "outstanding", 1), ask(1, "issuedTotal")) == (200, 0, 210)
    assert ask(1, "counters", 1) == (10, 0, 10, 0, 0)
    alliance.evm.now = EPOCH_ENDS[-1]
    assert (ask(1, "epochLength"), ask(1, "balanceOf", ann.account)) == (0, 0)


def test_names_and_interfaces(alliance: Alliance) -> None:
    ask = alliance.token
    assert (ask(2, "name"), ask(2, "symbol"), ask(2, "decimals")) == ("Points 2", "P2", 0)
    assert (ask(2, "programme"), ask(2, "registry")) == (2, alliance.registry)
    assert ask(2, "allowance", STRANGER, STRANGER) == 0
    erc20, erc7818 = bytes.fromhex("36372b07"), bytes.fromhex("83b5e1c0")
    assert ask(1, "supportsInterface", bytes.fromhex("01ffc9a7"))
    assert not any(ask(1, "supportsInterface", i) for i in (erc20, erc7818, b"\xff" * 4))


def test_one_transfer_event_per_operation_and_token(alliance: Alliance, ann: Member) -> None:
    issued = alliance.apply(*(alliance.issue(ann, Leg(1, 1, e, 50)) for e in (5, 6, 8)))
    spent = alliance.apply(
        alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, 5, 50), Leg(1, 1, 6, 20), Leg(1, 1, 8, 1)]),
        alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, 8, 2)]),
    )

    def amounts(logs) -> list[int]:  # type: ignore[no-untyped-def]
        return [int.from_bytes(log.data, "big") for log in logs if log.topics[0] == TRANSFER]

    assert amounts(issued.receipt.logs) == [50, 50, 50]
    assert amounts(spent.receipt.logs) == [71, 2]
    assert alliance.token(1, "counters", 8)[3] == 3


def test_more_epochs_in_a_batch_than_the_tally_holds_are_counted_too(alliance: Alliance, ann: Member) -> None:
    alliance.apply(*(alliance.issue(ann, Leg(1, 1, e, 10 * e)) for e in (*range(1, 13), 9, 10, 3)))
    alliance.apply(
        alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, e, 1) for e in range(1, 9)]),
        alliance.redeem(ann, alliance.merchants[1], [Leg(1, 1, e, 1) for e in range(9, 13)]),
    )
    for epoch in range(1, 13):
        twice = 2 if epoch in (9, 10, 3) else 1
        assert alliance.token(1, "counters", epoch) == (10 * epoch * twice, 0, 0, 1, 0)
    assert alliance.token(1, "counters", 0) == (sum(range(1, 13)) * 10 + 220, 0, 0, 12, 0)
