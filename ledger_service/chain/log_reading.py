"""What a node says of one checkpoint of the TransparencyLog: its root, and the block that it came with."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable
from ledger_service.chain.log_pages import search_logs
from ledger_service.kernel.secp256k1 import keccak256

_MADE = "0x" + keccak256(b"CheckpointMade(uint64,bytes32,uint40)").hex()


class Stamped(NamedTuple):
    """A checkpoint's root with the number and the second of the block that has it."""

    root: bytes
    block: int
    second: int


def checkpoint_of(node: Node, log: bytes, size: int) -> Stamped | None:
    """The checkpoint of that very size; None where the log has none.

    Its block's second counts, not the one that the operator wrote beside the root.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    answer = search_logs(node, [_MADE, "0x" + size.to_bytes(32, "big").hex()], log)
    if not answer:
        return None
    number = int(answer[0]["blockNumber"], 16)
    (block,) = node.blocks([number])
    if block is None:
        raise ChainUnavailable("eth_getBlockByNumber", "the node lacks a block that it named")
    return Stamped(bytes.fromhex(answer[0]["data"][2:66]), number, block.timestamp)
