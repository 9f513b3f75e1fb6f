"""Logs from a block to another or the head, in pages that a node answers.

Nodes refuse a search over too many blocks or with too many results, each at bounds of its own. So what is
refused is asked again in halves, and a page that was answered is followed by one twice as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger_service.chain.client import Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal

_BLOCKS_AT_ONCE = 10_000
Log = dict[str, Any]


def log_pages(
    node: Node, address: bytes, events: Sequence[str], first_block: int, last_block: int | None = None
) -> Iterator[list[Log]]:
    """The logs of any of the events (first topics; none means all), page by page in the order of the chain.

    Whoever holds several contracts against each other names ``last_block``: the head moves meanwhile.

    Raises:
        ChainUnavailable: the node does not answer, or refuses one block alone.
    """
    head = node.head_number() if last_block is None else last_block
    wanted = {"address": "0x" + address.hex()} | ({"topics": [list(events)]} if events else {})
    yield from _pages(node, wanted, (first_block, head), _BLOCKS_AT_ONCE)


def search_logs(node: Node, topics: Sequence[str | None], address: bytes | None = None) -> list[Log]:
    """The few logs with these topics, of one contract or of any, wherever they are: at once where the node
    searches its whole chain.

    Raises:
        ChainUnavailable: the node does not answer, or refuses one block alone.
    """
    wanted: dict[str, Any] = {"topics": list(topics)}
    if address is not None:
        wanted["address"] = "0x" + address.hex()
    head = node.head_number()
    return [log for page in _pages(node, wanted, (0, head), head + 1) for log in page]


def _pages(
    node: Node, wanted: Mapping[str, Any], blocks: tuple[int, int], most: int
) -> Iterator[list[Log]]:
    (first, head), span = blocks, most
    while first <= head:
        last = min(first + span - 1, head)
        within = {"fromBlock": hex(first), "toBlock": hex(last)}
        answer: Any = node.transport.read([("eth_getLogs", [{**within, **wanted}])])[0]
        if isinstance(answer, NodeRefusal):
            if first == last:
                raise ChainUnavailable("eth_getLogs", answer.message)
            span = (last - first + 1) // 2
            continue
        if not isinstance(answer, list):
            raise ChainUnavailable("eth_getLogs", "no list of logs")
        yield answer
        first, span = last + 1, min(2 * span, most)
