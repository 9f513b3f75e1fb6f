"""Rules that views and refusals show: what the token is, what it claims, and what it never does."""

from __future__ import annotations

from eth_abi.abi import encode

from ledger_service.chain.standard.simulated import Seen, Step
from ledger_service.chain.standard.subject import (
    ANN,
    BOB,
    NOBODY,
    POINTS,
    STRANGER,
    NotApplicable,
    Subject,
    must_be,
    must_fail,
    value_of,
)
from ledger_service.kernel.secp256k1 import keccak256

_CLONE = (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))  # EIP-1167
_ERC165 = bytes.fromhex("01ffc9a7")
# ERC-20, ERC-20 metadata, ERC-2612, ERC-721, ERC-1155, ERC-5679 for ERC-20, and the one that ERC-165 forbids.
_NOT_CLAIMED = ("36372b07", "a219a025", "9d8ff7da", "80ac58cd", "d9b67a26", "d0017968", "ffffffff")
_OF_EPOCHS = (
    "balanceOfAtEpoch", "currentEpoch", "epochLength", "epochType", "validityDuration", "isEpochExpired",
    "transferAtEpoch", "transferFromAtEpoch",
)  # fmt: skip
_FOREIGN = (
    "mint(address,uint256)", "mint(uint256)", "burn(uint256)", "burn(address,uint256)",
    "burnFrom(address,uint256)", "forceTransfer(address,address,uint256)", "pause()",
    "increaseAllowance(address,uint256)", "decreaseAllowance(address,uint256)", "upgradeTo(address)",
    "upgradeToAndCall(address,bytes)", "transferOwnership(address)", "setClearingHouse(address)",
)  # fmt: skip


def _interface_id(*functions: str) -> bytes:
    made = 0
    for function in functions:
        made ^= int.from_bytes(POINTS.selector(function), "big")
    return made.to_bytes(4, "big")


OWN_INTERFACE = _interface_id(
    "initialize", "issueBatch", "restoreBatch", "redeemBatch", "clawBackBatch", "expireBatch", "giftBatch",
    "balanceAtEpochRaw", "counters", "issuedTotal", "outstanding", "liveSupply", "registry", "programme",
)  # fmt: skip


def is_the_clone(on: Subject) -> None:
    """The code is a clone of the registry's implementation, and the registry lists it."""
    implementation = bytes.fromhex(on.of_registry("pointsImplementation")[2:])
    must_be("the code", on.node.code_at(on.token), _CLONE[0] + implementation + _CLONE[1])
    must_be("the registry's token", on.of_registry("programme", on.programme)[0], "0x" + on.token.hex())
    named = value_of("registry", on.run(on.step("registry"))[0])
    must_be("registry()", named, "0x" + on.registry.hex())


def claims(on: Subject) -> None:
    """ERC-165 and the own interface are claimed, and nothing of which a part is restricted."""
    ids = {_ERC165: True, OWN_INTERFACE: True, _interface_id(*_OF_EPOCHS): False}
    ids |= {bytes.fromhex(text): False for text in _NOT_CLAIMED}
    seen = on.run(*(on.step("supportsInterface", i) for i in ids))
    for (number, wanted), answer in zip(ids.items(), seen, strict=True):
        must_be(f"supportsInterface(0x{number.hex()})", value_of("supportsInterface", answer), wanted)


def whole_points(on: Subject) -> None:
    """Points are whole."""
    must_be("decimals", value_of("decimals", on.run(on.step("decimals"))[0]), 0)


def named_in_text(on: Subject) -> None:
    """Name and symbol are Unicode text that somebody can read."""
    for function, seen in zip(("name", "symbol"), on.run(on.step("name"), on.step("symbol")), strict=True):
        text = value_of(function, seen)
        must_be(f"{function} is printable text", bool(text) and text.isprintable(), True)


def initialised_once(on: Subject) -> None:
    """Nobody initialises the token again."""
    for sender in (STRANGER, on.house, on.registry):
        ask = on.step("initialize", "0x" + STRANGER.hex(), 1, "x", "x", sender=sender)
        must_fail("initialize", on.run(ask)[0], "InvalidInitialization")


def no_transfer(on: Subject) -> None:
    """`transfer` fails as any token's would, else because points do not trade."""
    _no_transfer_by(on, "transfer", ())


def no_transfer_at_epoch(on: Subject) -> None:
    """`transferAtEpoch` fails like `transfer`."""
    _no_transfer_by(on, "transferAtEpoch", (max(1, on.current),))


def _no_transfer_by(on: Subject, function: str, before: tuple[int, ...]) -> None:
    nowhere, poor, nothing = on.run(
        on.step(function, *before, NOBODY, 1), on.step(function, *before, BOB, 1),
        on.step(function, *before, BOB, 0),
    )  # fmt: skip
    must_fail(f"{function} to zero", nowhere, "ERC20InvalidReceiver", ["address"], NOBODY)
    kinds = ["address", "uint256", "uint256"]
    must_fail(f"{function} of too much", poor, "ERC20InsufficientBalance", kinds, STRANGER, 0, 1)
    _restricted(f"{function} of 0", nothing, function)


def _restricted(what: str, seen: Seen, function: str) -> None:
    must_fail(what, seen, "AlliancePointsRestricted", ["bytes4"], POINTS.selector(function))


def no_transfer_from(on: Subject) -> None:
    """Nothing can be approved, so nothing is taken from another."""
    for function, before in (("transferFrom", ()), ("transferFromAtEpoch", (max(1, on.current),))):
        some, none = (on.step(function, *before, ANN, BOB, amount) for amount in (1, 0))
        taken, nothing = on.run(some, none)
        kinds = ["address", "uint256", "uint256"]
        must_fail(function, taken, "ERC20InsufficientAllowance", kinds, STRANGER, 0, 1)
        _restricted(f"{function} of 0", nothing, function)


def no_approval(on: Subject) -> None:
    """Nobody is approved; the allowance is 0."""
    seen = on.run(
        on.step("approve", NOBODY, 1), on.step("approve", BOB, 1), on.step("allowance", STRANGER, BOB)
    )
    must_fail("approve of zero", seen[0], "ERC20InvalidSpender", ["address"], NOBODY)
    _restricted("approve", seen[1], "approve")
    must_be("allowance", value_of("allowance", seen[2]), 0)


def no_permit(on: Subject) -> None:
    """ERC-2612 permits are refused."""
    ask = on.step("permit", STRANGER, BOB, 1, 2**64, 27, b"\1" * 32, b"\1" * 32)
    _restricted("permit", on.run(ask)[0], "permit")


def calendar_of_the_registry(on: Subject) -> None:
    """The ERC-7818 views tell the registry's calendar and terms."""
    names = ("epochType", "currentEpoch", "epochLength", "validityDuration")
    kind, current, length, validity = map(value_of, names, on.run(*(on.step(name) for name in names)))
    before = on.of_registry("epochEnd", on.programme, max(0, on.current - 1))
    must_be("epochType", kind, 1)
    must_be("currentEpoch", current, on.current)
    must_be("epochLength", length, on.end - before if on.end else 0)
    must_be("validityDuration", validity, on.of_registry("currentTerms", on.programme)[4])
    for epoch in sorted({0, on.current - 1, on.current, on.epochs, on.epochs + 1}):
        over = value_of("isEpochExpired", on.run(on.step("isEpochExpired", epoch))[0])
        must_be(f"isEpochExpired({epoch})", over, on.of_registry("epochEnd", on.programme, epoch) <= on.now)


def nothing_foreign(on: Subject) -> None:
    """No function that makes, destroys, freezes or upgrades beside the standard's own."""
    body = encode(["uint256", "uint256", "uint256"], [1, 1, 1])
    for sender in (STRANGER, on.house, on.registry):
        asks = [Step(sender, on.token, keccak256(f.encode())[:4] + body, on.now) for f in _FOREIGN]
        for function, seen in zip(_FOREIGN, on.run(*asks), strict=True):
            must_be(f"{function} succeeds", seen.succeeded, False)


def within_the_cap(on: Subject) -> None:
    """Lifetime issuance stays within the cap, and is what the counters say (INV-10)."""
    if not on.epochs:
        raise NotApplicable("the programme has no calendar")
    cap = on.of_registry("currentTerms", on.programme)[3]
    if not cap:
        raise NotApplicable("the programme ends and issues no more")
    issued = value_of("issuedTotal", on.run(on.step("issuedTotal"))[0])
    must_be(f"issuedTotal {issued} is within the cap {cap}", issued <= cap, True)
