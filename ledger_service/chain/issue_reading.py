"""Which issues a ClearingHouse has taken, read from its events with a node and an address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from ledger_service.chain.client import Node
from ledger_service.chain.decode import MinedOperation, fact_of
from ledger_service.chain.log_pages import log_pages
from ledger_service.kernel.secp256k1 import keccak256

_ISSUED = "0x" + keccak256(b"OperationIssued(uint256,bytes16,address,uint256)").hex()


class Issued(NamedTuple):
    """An issue that the contract took: of which points, how many, by whom, why, in which block."""

    op_id: bytes
    programme: int
    points: int
    merchant: int
    reason: int
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
    node: Node, house: bytes, first_block: int, wanted: Callable[[Issued], bool],
    last_block: int | None = None,
) -> list[Issued]:
    """The issues that are wanted, of a block or later up to the last one, in their order.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    return [one for some in _pages(node, house, first_block, last_block) for one in some if wanted(one)]


def _pages(
    node: Node, house: bytes, first_block: int, last_block: int | None = None
) -> Iterator[list[Issued]]:
    for some in log_pages(node, house, [_ISSUED], first_block, last_block):
        told = ((fact_of(log), int(log["blockNumber"], 16)) for log in some)
        yield [
            _issued(fact, block) for fact, block in told if isinstance(fact, MinedOperation) and fact.legs
        ]


def _issued(fact: MinedOperation, block: int) -> Issued:
    reason = int.from_bytes(fact.data[:32], "big") >> 48 & 255
    points = sum(leg.amount for leg in fact.legs)
    return Issued(fact.op_id, fact.legs[0].programme, points, fact.merchant, reason, block)
