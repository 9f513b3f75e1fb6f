"""What a node that is behind, or fails for a moment, says: nothing is taken from it for good."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.transport import Transport
from tests.chain.networks import Network
from tests.chain.test_bridge import drain, states
from tests.chain.world import MERCHANTS, World


class BehindTransport(Transport):
    """Judges calls on an old block and has none above it, as another node behind the same address may."""

    at: int | None = None

    def read(self, calls: Any) -> list[Any]:
        if self.at is None or not any(method == "eth_call" for method, _ in calls):
            return super().read(calls)
        behind = [(m, [p[0], hex(self.at)] if m == "eth_call" else p) for m, p in calls]
        answers = super().read(behind)
        above = [m == "eth_getBlockByNumber" and int(p[0], 16) > self.at for m, p in calls]
        return [None if missing else answer for missing, answer in zip(above, answers, strict=True)]


def test_what_a_node_behind_refuses_is_tried_again_and_not_set_aside(world: World, network: Network) -> None:
    """The phone was enrolled in a block that the node has not got: it would be no signer for ever after."""
    ann, ben, *_ = world.members
    drain(world.bridge(), world.database)
    before = world.node.head().number
    world.enqueue(world.signer(ann), world.signer(ben), world.issue(ann, 1, 100), world.issue(ben, 1, 100))
    drain(world.bridge(), world.database)
    transport = BehindTransport(network.url)
    world.node = Node(transport)
    network.nodes.append(world.node)
    poisoned, good = world.redeem(ann, MERCHANTS[1], (1, 500)), world.redeem(ben, MERCHANTS[1], (1, 10))
    world.enqueue(poisoned, good)
    bridge = world.bridge()
    transport.at = before
    with pytest.raises(ChainUnavailable, match="has not got block"):
        drain(bridge, world.database)
    assert "set_aside" not in states(world.database).values()
    transport.at = None
    drain(bridge, world.database)
    told = states(world.database)
    assert (told[poisoned.op_id], told[good.op_id]) == ("set_aside", "final")


class Told(Transport):
    """Answers what it was given."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = list(answers)

    def read(self, calls: Any) -> list[Any]:
        return self.answers[: len(calls)]


REFUSED = NodeRefusal("eth_call", 3, "execution reverted", "0x")
ASK = CallAt(bytes(20), bytes(20), b"")


def raw(number: int, word: str) -> dict[str, Any]:
    """A block as JSON-RPC tells it."""
    head = {"number": hex(number), "hash": "0x" + word * 32, "parentHash": "0x" + "00" * 32}
    return {**head, "timestamp": "0x1", "transactions": []}


READ_TO = Node(Told(raw(9, "aa"))).head()


@pytest.mark.parametrize("answers", [
    (None, REFUSED, raw(9, "aa")), (raw(9, "aa"), REFUSED, None),
    (raw(9, "bb"), REFUSED, raw(9, "bb")), (raw(9, "aa"), REFUSED, raw(9, "bb")),
], ids=["behind", "behind-since", "another-branch", "another-branch-since"])  # fmt: skip
def test_a_refusal_counts_only_from_who_has_the_block_before_and_after(answers: tuple[Any, ...]) -> None:
    for ask in (Node(Told(*answers)).call, Node(Told(*answers)).estimate):
        with pytest.raises(ChainUnavailable):
            ask(ASK, READ_TO)


def test_who_has_the_block_is_believed_and_no_answer_but_a_refusal_needs_it() -> None:
    there = raw(9, "aa")
    assert Node(Told(there, REFUSED, there)).call(ASK, READ_TO) is REFUSED
    assert Node(Told(None, "0x01", None)).call(ASK, READ_TO) == b"\x01"
    assert Node(Told(None, "0x5208", None)).estimate(ASK, READ_TO) == 21_000
    assert Node(Told(REFUSED)).call(ASK) is REFUSED


@pytest.mark.parametrize(
    ("number", "has"), [(-32601, False), (-32600, False), (-32604, False), (-32602, True)]
)
def test_a_method_is_there_whose_missing_parameter_is_missed(number: int, has: bool) -> None:
    node = Node(Told(NodeRefusal("evm_setAutomine", number, "no")))
    assert (node.can_hold_back_mining, node.has_time_control) == (has, has)


def test_a_node_that_fails_for_a_moment_is_asked_again_what_it_can_do() -> None:
    """Taken for an answer it would be kept: the bridge would call for ever what the node has not got."""
    transport = Told(NodeRefusal("evm_setAutomine", -32603, "internal error"))
    node = Node(transport)
    with pytest.raises(ChainUnavailable):
        _ = node.can_hold_back_mining
    transport.answers = [NodeRefusal("evm_setAutomine", -32601, "no such method")]
    assert not node.can_hold_back_mining
