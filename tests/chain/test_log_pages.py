"""Searches of logs at nodes that refuse many blocks or many results: each log once, in the chain's order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.log_pages import log_pages, search_logs

HOUSE, EVENT = bytes(19) + b"\x01", "0x" + "ab" * 32


@dataclass
class Bounded:
    """A node with so many logs in each block, and bounds of its own."""

    logs: list[int]
    most_blocks: int = 10**9
    most_logs: int = 10**9
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def transport(self) -> Bounded:
        return self

    def head_number(self) -> int:
        return len(self.logs) - 1

    def read(self, calls: Any) -> list[Any]:
        ((method, (wanted,)),) = calls
        self.asked.append(wanted)
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        found = [{"block": n, "place": i} for n in range(first, last + 1) for i in range(self.logs[n])]
        if last - first >= self.most_blocks or len(found) > self.most_logs:
            return [NodeRefusal(method, -32005, "query returned more than it may")]
        return [found]


def every(node: Bounded, first: int = 0) -> list[dict[str, int]]:
    return [{"block": n, "place": i} for n in range(first, len(node.logs)) for i in range(node.logs[n])]


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=80),
    st.integers(1, 90),
    st.integers(5, 60),
    st.integers(0, 80),
)
def test_each_log_comes_once_whatever_the_node_refuses(
    logs: list[int], most_blocks: int, most_logs: int, first: int
) -> None:
    node: Any = Bounded(logs, most_blocks, most_logs)
    told = [log for page in log_pages(node, HOUSE, [EVENT], first) for log in page]
    assert told == every(node, first)
    assert search_logs(node, [EVENT, None], HOUSE) == every(node)
    assert len(node.asked) <= 8 * len(logs) + 8


def test_a_search_is_one_request_where_the_node_searches_its_whole_chain() -> None:
    node: Any = Bounded([0] * 30_000 + [1])
    assert search_logs(node, [EVENT, None, "0x01"]) == [{"block": 30_000, "place": 0}]
    assert node.asked == [{"fromBlock": "0x0", "toBlock": hex(30_000), "topics": [EVENT, None, "0x01"]}]


def test_a_year_of_issues_is_read_from_a_node_that_tells_twenty_thousand_at_most() -> None:
    node: Any = Bounded([80] * 5_200, most_logs=20_000)
    pages = list(log_pages(node, HOUSE, [EVENT], 97))
    assert sum(map(len, pages)) == 80 * (5_200 - 97)
    assert max(map(len, pages)) <= 20_000 and len(node.asked) < 100


def test_one_block_that_is_refused_says_why() -> None:
    node: Any = Bounded([0, 9, 0], most_logs=8)
    with pytest.raises(ChainUnavailable, match="more than it may"):
        search_logs(node, [EVENT])


def test_an_answer_that_is_no_list_is_not_believed() -> None:
    node: Any = Bounded([0])
    node.read = lambda calls: ["0x"]
    with pytest.raises(ChainUnavailable, match="no list of logs"):
        list(log_pages(node, HOUSE, [], 0))
