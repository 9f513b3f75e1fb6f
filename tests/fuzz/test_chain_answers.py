"""A node is not trusted: whatever it answers, the bridge gets its own types or a refusal that it knows."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger_service.chain.answers import Block
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.decode import SIGNATURES
from ledger_service.chain.errors import ChainUnavailable, LyingNode, NodeRefusal
from ledger_service.chain.houses import Line
from ledger_service.chain.reading import facts_of, next_blocks
from ledger_service.chain.settings import Contracts
from ledger_service.chain.transport import Transport
from ledger_service.kernel.secp256k1 import keccak256

HASH = "0x" + "ab" * 32
ADDRESS, REGISTRY = b"\xcc" * 20, b"\xdd" * 20
BLOCK = {"number": "0x5", "hash": HASH, "parentHash": HASH, "timestamp": "0x65000000", "transactions": [HASH],
         "baseFeePerGas": "0x7"}  # fmt: skip
RECEIPT = {"status": "0x1", "blockNumber": "0x5", "gasUsed": "0x5208", "logs": []}
TOPICS = ["0x" + keccak256(s.encode()).hex() for s in SIGNATURES]
WORD = "0x" + "00" * 31 + "01"
KNOWN = (ChainUnavailable, LyingNode, NodeRefusal)
ODD = st.sampled_from(
    ["0x", "0x-1", "-0x1", " 0x1", "0x1_0", "0x" + "f" * 64, "0x" + "f" * 70, HASH, "0xzz", "5"]
)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
JSON = st.recursive(
    ODD | st.none() | st.booleans() | NUMBERS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


class Fixed(Transport):
    """Answers every batch with the same bytes; nothing is sent."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("http://127.0.0.1:1")
        self._answer = answer

    def _exchange(self, method: str, body: bytes) -> bytes:
        return self._answer

    def _read_some(self, calls: Any) -> list[Any]:
        return self.write(calls)


def node_of(answer: Any) -> Node:
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return Node(Fixed(raw))


def result(value: Any) -> list[dict[str, Any]]:
    return [{"jsonrpc": "2.0", "id": 0, "result": value}]


def asked(node: Node) -> None:
    """Every question that the bridge has."""
    ask = CallAt(ADDRESS, ADDRESS, b"")
    for question in (
        lambda: node.version, lambda: node.chain_id, node.head_number, node.head, lambda: node.blocks([1]),
        lambda: node.logs_of([bytes.fromhex(HASH[2:])], [ADDRESS]), lambda: node.receipts([ADDRESS]),
        lambda: node.logs_of_transactions([ADDRESS]), lambda: node.known([ADDRESS]),
        lambda: node.nonce(ADDRESS), lambda: node.code_at(ADDRESS), lambda: node.send([b"\x02"]),
        lambda: node.call(ask), lambda: node.estimate(ask), lambda: node.suggested_fee(0, 0),
    ):  # fmt: skip
        try:
            question()
        except KNOWN:
            continue


def with_one_field_changed(good: dict[str, Any]) -> st.SearchStrategy[Any]:
    def change(name: str, value: Any, drop: bool) -> dict[str, Any]:
        changed = copy.deepcopy(good)
        if drop:
            del changed[name]
        else:
            changed[name] = value
        return changed

    return st.builds(change, st.sampled_from(sorted(good)), JSON, st.booleans())


@given(st.binary(max_size=60) | JSON.map(lambda v: json.dumps(v).encode()))
@example(b"[" * 5_000)
@example(b'[{"id":[],"result":1}]')
@example(b'[{"id":0,"error":{"code":{},"message":[],"data":{"reason":5,"data":{}}}}]')
def test_any_bytes_are_an_answer_or_a_known_refusal(answer: bytes) -> None:
    asked(node_of(answer))


@given(JSON | with_one_field_changed(BLOCK) | with_one_field_changed(RECEIPT))
def test_any_result_is_of_our_types_or_a_known_refusal(value: Any) -> None:
    asked(node_of(result(value)))


@given(with_one_field_changed(BLOCK))
def test_a_block_has_numbers_that_a_database_holds_and_whole_hashes(raw: Any) -> None:
    try:
        block = node_of(result(raw)).head()
    except KNOWN:
        return
    for number in (block.number, block.timestamp, block.base_fee):
        assert 0 <= number < 2**63
    assert {len(h) for h in (block.hash, block.parent_hash, *block.transactions)} == {32}


LOGS = st.fixed_dictionaries(
    {"topics": st.lists(st.sampled_from(TOPICS) | st.just(WORD) | ODD, max_size=4) | JSON,
     "data": st.integers(0, 12).map(lambda n: "0x" + ("00" * 31 + "01") * n) | st.binary(max_size=400).map(
         lambda b: "0x" + b.hex()) | JSON,
     "blockHash": st.just(HASH), "logIndex": st.just("0x0") | JSON,
     "address": st.sampled_from(["0x" + "cc" * 20, "0x" + "dd" * 20]) | JSON},
)  # fmt: skip


@given(st.lists(LOGS, max_size=3))
@example([{"topics": [t, WORD, WORD], "data": "0x" + ("ff" * 32) * 9, "blockHash": HASH, "logIndex": "0x0",
           "address": "0x" + "cc" * 20}
          for t in TOPICS])  # fmt: skip
def test_any_logs_are_facts_or_a_node_that_is_not_believed(logs: Any) -> None:
    raw = bytes.fromhex(HASH[2:])
    block = Block(5, raw, raw, 1_700_000_000, (raw,), 7)
    try:
        facts = facts_of(node_of(result(logs)), [block], Line(Contracts(ADDRESS, REGISTRY)))
    except KNOWN:
        return
    assert facts[0].batches == []


def test_a_chain_that_is_not_linked_is_not_believed() -> None:
    with pytest.raises(KNOWN):
        next_blocks(node_of([{"id": 0, "result": BLOCK}, {"id": 1, "result": BLOCK}]), None, 5, 1)
