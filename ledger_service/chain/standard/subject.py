"""The token under judgement: who and when it is, and how a rule asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import Node
from ledger_service.chain.standard.simulated import Log, Seen, Step, simulate
from ledger_service.kernel.secp256k1 import keccak256

POINTS, REGISTRY = load("AlliancePoints"), load("AllianceRegistry")
NOBODY = bytes(20)


class Unlike(Exception):
    """The token does something else than the rule says; the text tells what was seen."""


class NotApplicable(Exception):
    """The rule has nothing to hold on to here; the text says why."""


class Unreadable(Exception):
    """No token of an alliance stands at this address, so there is nothing to judge."""


def somebody(name: str) -> bytes:
    """An address that nobody has, the same every time."""
    return keccak256(b"alliance conformance " + name.encode())[12:]


STRANGER, ANN, BOB = somebody("stranger"), somebody("ann"), somebody("bob")


@dataclass(frozen=True, slots=True)
class Subject:
    """A token and what its registry says of it; ``now`` is later than the newest block."""

    node: Node
    token: bytes
    registry: bytes
    programme: int
    house: bytes
    current: int
    epochs: int
    end: int
    now: int

    def step(self, function: str, *arguments: object, sender: bytes = STRANGER, at: int = 0) -> Step:
        """A call of the token."""
        return Step(sender, self.token, POINTS.call_data(function, *arguments), at or self.now)

    def moves(self, function: str, words: Sequence[int], sender: bytes | None = None) -> Step:
        """A batch, by the ClearingHouse in force or who else is named."""
        return self.step(function, list(words), sender=self.house if sender is None else sender)

    def run(self, *steps: Step) -> list[Seen]:
        """What the steps do on top of each other."""
        return simulate(self.node, steps)

    def of_registry(self, function: str, *arguments: object, at: int = 0) -> Any:
        """What the registry answers, at a time."""
        step = Step(STRANGER, self.registry, REGISTRY.call_data(function, *arguments), at or self.now)
        answer = REGISTRY.answer_of(function, self.run(step)[0].output)
        return answer[0]

    def needs_open_epoch(self) -> int:
        """The current epoch.

        Raises:
            NotApplicable: the calendar is over.
        """
        if self.current > self.epochs:
            raise NotApplicable("the programme's calendar is over: there is no epoch to book into")
        return self.current


def value_of(function: str, seen: Seen) -> Any:
    """The answer of a view.

    Raises:
        Unlike: it failed, or its answer has another shape.
    """
    if not seen.succeeded:
        raise Unlike(f"{function} fails: 0x{seen.output.hex()}")
    try:
        return POINTS.answer_of(function, seen.output)[0]
    except (DecodingError, UnicodeDecodeError, OverflowError) as failure:
        raise Unlike(f"{function} answers 0x{seen.output.hex()}") from failure


def must_be(what: str, seen: object, wanted: object) -> None:
    """Nothing, where both are equal.

    Raises:
        Unlike: they are not.
    """
    if seen != wanted:
        raise Unlike(f"{what}: {_told(seen)} instead of {_told(wanted)}")


def must_fail(what: str, seen: Seen, error: str, types: Sequence[str] = (), *values: object) -> None:
    """Nothing, where the call reverted with this error and these values.

    Raises:
        Unlike: it succeeded, or failed otherwise.
    """
    wanted = keccak256(f"{error}({','.join(types)})".encode())[:4] + encode(list(types), list(values))
    if seen.succeeded:
        raise Unlike(f"{what} succeeds; {error} was due")
    if seen.output != wanted:
        raise Unlike(f"{what} reverts with 0x{seen.output.hex()}; {error} (0x{wanted.hex()}) was due")


def must_succeed(what: str, seen: Seen) -> None:
    """Nothing, where the call succeeded.

    Raises:
        Unlike: it did not.
    """
    if not seen.succeeded:
        raise Unlike(f"{what} reverts with 0x{seen.output.hex()}")


def move(account: bytes, epoch: int, amount: int, operation: int = 0) -> int:
    """A move as the batch functions take it."""
    return int.from_bytes(account, "big") << 96 | operation << 80 | epoch << 64 | amount


def transfer(token: bytes, giver: bytes, taker: bytes, amount: int) -> Log:
    """ERC-20's event."""
    topics = (keccak256(b"Transfer(address,address,uint256)"), giver.rjust(32, b"\0"), taker.rjust(32, b"\0"))
    return Log(token, topics, amount.to_bytes(32, "big"))


def expired(token: bytes, account: bytes, epoch: int, amount: int) -> Log:
    """The standard's own event."""
    topics = (
        keccak256(b"PointsExpired(address,uint256,uint256)"),
        account.rjust(32, b"\0"),
        epoch.to_bytes(32, "big"),
    )
    return Log(token, topics, amount.to_bytes(32, "big"))


def subject_of(node: Node, token: bytes, registry: bytes | None) -> Subject:
    """The token and its surroundings, read from the chain.

    Args:
        node: of the token's chain.
        token: its address.
        registry: who judges; None takes the one that the token names.

    Raises:
        Unreadable: no contract, or none that names a registry and a programme that the registry knows.
        ChainUnavailable, NodeRefusal: the node does not answer, or does not simulate.
    """
    now = node.head().timestamp + 1
    bare = Subject(node, token, registry or NOBODY, 0, NOBODY, 0, 0, 0, now)
    try:
        named, programme = bare.run(bare.step("registry"), bare.step("programme"))
        number = value_of("programme", programme)
        bare = replace(
            bare, registry=registry or bytes.fromhex(value_of("registry", named)[2:]), programme=number
        )
        current, epochs = bare.of_registry("currentEpoch", number), bare.of_registry("programme", number)[3]
        return replace(
            bare, house=bytes.fromhex(bare.of_registry("clearingHouse")[2:]), current=current, epochs=epochs,
            end=bare.of_registry("epochEnd", number, current),
        )  # fmt: skip
    except (Unlike, DecodingError) as failure:
        raise Unreadable(f"no token of an alliance at 0x{token.hex()}: {failure}") from failure


def _told(value: object) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Log):
        return "; ".join(_told(log) for log in value)
    if isinstance(value, Log):
        return f"{[t.hex() for t in value.topics]} {value.data.hex()}"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
