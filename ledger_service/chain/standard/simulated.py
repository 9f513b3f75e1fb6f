"""A script of unsigned calls by any sender, each on what those before it left, and none of it kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal

_METHOD = "eth_simulateV1"
_MOST_GAS = 16_777_216  # EIP-7825: no transaction has more


@dataclass(frozen=True, slots=True)
class Step:
    """One call. ``at`` is the block's time; steps of one time share a block."""

    sender: bytes
    to: bytes
    data: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Log:
    """An event as the chain would have kept it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What a call did; ``output`` is the revert data where it failed."""

    succeeded: bool
    output: bytes
    gas: int
    logs: tuple[Log, ...]


def simulate(node: Node, steps: Sequence[Step]) -> list[Seen]:
    """What each step would do, in their order on the head's state.

    Raises:
        ChainUnavailable: the node does not answer, or with something else.
        NodeRefusal: it does not know the method, or refuses the question.
    """
    blocks: list[dict[str, Any]] = []
    previous = None
    for step in steps:
        if step.at != previous:
            blocks.append({"blockOverrides": {"time": hex(step.at)}, "calls": []})
            previous = step.at
        blocks[-1]["calls"].append(_call(step))
    payload = {"blockStateCalls": blocks, "validation": False}
    answer = node.transport.read([(_METHOD, [payload, "latest"])])[0]
    if isinstance(answer, NodeRefusal):
        raise answer
    try:
        seen = [_seen(raw) for block in answer for raw in block["calls"]]
    except (KeyError, TypeError, ValueError, AttributeError) as failure:
        raise ChainUnavailable(_METHOD, "malformed answer") from failure
    if len(seen) != len(steps):
        raise ChainUnavailable(_METHOD, "an answer for each call was expected")
    return seen


def _call(step: Step) -> dict[str, str]:
    return {
        "from": "0x" + step.sender.hex(), "to": "0x" + step.to.hex(), "input": "0x" + step.data.hex(),
        "gas": hex(_MOST_GAS), "maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0",
    }  # fmt: skip


def _seen(raw: dict[str, Any]) -> Seen:
    succeeded = int(raw["status"], 16) == 1
    output = raw["returnData"]
    if not succeeded and output == "0x":
        output = (raw.get("error") or {}).get("data") or "0x"
    logs = tuple(
        Log(_raw(log["address"]), tuple(map(_raw, log["topics"])), _raw(log["data"])) for log in raw["logs"]
    )
    return Seen(succeeded, _raw(output), int(raw["gasUsed"], 16), logs)


def _raw(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
