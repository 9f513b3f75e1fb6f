"""Which issues a ClearingHouse has taken, read from its events with a node and an address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from ledger_service.chain.client import Node
from ledger_service.chain.decode import MinedOperation, fact_of
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.kernel.secp256k1 import keccak256

_ISSUED = "0x" + keccak256(b"OperationIssued(uint256,bytes16,address,uint256)").hex()
_BLOCKS_AT_ONCE = 10_000


class Issued(NamedTuple):
    """An issue that the contract took: of which points, how many, in which block."""

    op_id: bytes
    programme: int
    points: int
    block: int


def points_issued(
    node: Node, house: bytes, operations: Collection[bytes], first_block: int
) -> dict[bytes, int]:
    """The points of those of the operations that were issued in a block or later; each issue of a chain is in
    one block, so that what is not here was not issued.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    found: dict[bytes, int] = {}
    for some in _pages(node, house, first_block):
        found |= {one.op_id: one.points for one in some if one.op_id in operations}
        if len(found) == len(operations):
            break
    return found


def issues_of(
    node: Node, house: bytes, first_block: int, wanted: Callable[[Issued], bool]
) -> list[Issued]:
    """The issues that are wanted, of a block or later, in their order.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    return [one for some in _pages(node, house, first_block) for one in some if wanted(one)]


def _pages(node: Node, house: bytes, first_block: int) -> Iterator[list[Issued]]:
    head = node.head_number()
    for first in range(first_block, head + 1, _BLOCKS_AT_ONCE):
        last = min(first + _BLOCKS_AT_ONCE - 1, head)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": "0x" + house.hex(),
                  "topics": [_ISSUED]}  # fmt: skip
        answer: Any = node.transport.read([("eth_getLogs", [wanted])])[0]
        if isinstance(answer, NodeRefusal) or not isinstance(answer, list):
            raise ChainUnavailable("eth_getLogs", "the node refuses a search of logs")
        told = ((fact_of(log), int(log["blockNumber"], 16)) for log in answer)
        yield [
            Issued(fact.op_id, fact.legs[0].programme, sum(leg.amount for leg in fact.legs), block)
            for fact, block in told
            if isinstance(fact, MinedOperation) and fact.legs
        ]
