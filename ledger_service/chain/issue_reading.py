"""Which issues a ClearingHouse has taken, read from its events with a node and an address."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ledger_service.chain.client import Node
from ledger_service.chain.decode import MinedOperation, fact_of
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.kernel.secp256k1 import keccak256

_ISSUED = "0x" + keccak256(b"OperationIssued(uint256,bytes16,address,uint256)").hex()
_BLOCKS_AT_ONCE = 10_000


def points_issued(
    node: Node, house: bytes, operations: Collection[bytes], first_block: int
) -> dict[bytes, int]:
    """The points of those of the operations that were issued in a block or later; each issue of a chain is in
    one block, so that what is not here was not issued.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    found: dict[bytes, int] = {}
    head = node.head_number()
    for first in range(first_block, head + 1, _BLOCKS_AT_ONCE):
        if len(found) == len(operations):
            break
        last = min(first + _BLOCKS_AT_ONCE - 1, head)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": "0x" + house.hex(),
                  "topics": [_ISSUED]}  # fmt: skip
        answer: Any = node.transport.read([("eth_getLogs", [wanted])])[0]
        if isinstance(answer, NodeRefusal) or not isinstance(answer, list):
            raise ChainUnavailable("eth_getLogs", "the node refuses a search of logs")
        for issue in map(fact_of, answer):
            if isinstance(issue, MinedOperation) and issue.op_id in operations:
                found[issue.op_id] = sum(leg.amount for leg in issue.legs)
    return found
