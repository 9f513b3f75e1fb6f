"""Logs of one contract, from a block to another or the head, in pages that a node answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal

_BLOCKS_AT_ONCE = 10_000


def log_pages(
    node: Node, address: bytes, events: Sequence[str], first_block: int, last_block: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """The logs of any of the events (first topics), page by page in the order of the chain.

    Whoever holds several contracts against each other names ``last_block``: the head moves meanwhile.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    head = node.head_number() if last_block is None else last_block
    for first in range(first_block, head + 1, _BLOCKS_AT_ONCE):
        last = min(first + _BLOCKS_AT_ONCE - 1, head)
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": "0x" + address.hex(),
                  "topics": [list(events)]}  # fmt: skip
        answer: Any = node.transport.read([("eth_getLogs", [wanted])])[0]
        if isinstance(answer, NodeRefusal) or not isinstance(answer, list):
            raise ChainUnavailable("eth_getLogs", "the node refuses a search of logs")
        yield answer
