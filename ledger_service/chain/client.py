"""The one narrow port to an Ethereum node: what the bridge asks, in our types, with answers checked.

A node's answer is untrusted input: whatever has not the shape we asked for is ``LyingNode``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger_service.chain.errors import ChainUnavailable, LyingNode, NodeRefusal, WrongNetwork
from ledger_service.chain.transport import Call, Transport
from ledger_service.kernel.chain_tx import Fee
from ledger_service.kernel.secp256k1 import keccak256

_NO_METHOD = -32601
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_GREATEST = 2**63 - 1  # what a column of the mirror holds; no height, time, nonce or fee comes near


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place in the chain, its time (whole seconds) and the hashes of its transactions.

    ``bloom`` is the header's filter of who logged in it; empty where the node gives none.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    transactions: tuple[bytes, ...]
    base_fee: int
    bloom: bytes = b""

    def may_hold_logs_of(self, addresses: Sequence[bytes]) -> bool:
        """Whether one of these may have logged in the block; False is certain.

        Source: Ethereum yellow paper, section 4.4.3 (the logs Bloom filter).
        """
        return not self.bloom or any(_in_bloom(self.bloom, address) for address in addresses)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction."""

    succeeded: bool
    block_number: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class CallAt:
    """A call to judge as if it stood in the next block, or on the state of the block ``at``."""

    sender: bytes
    to: bytes
    data: bytes
    gas: int | None = None
    at: str = "pending"


class Node:
    """An Ethereum node behind JSON-RPC."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    @cached_property
    def version(self) -> str:
        """The client's name and version, as the failure table needs it."""
        return str(self._one("web3_clientVersion"))

    @property
    def client(self) -> str:
        """The client's name alone, in lower case."""
        return self.version.split("/")[0].lower()

    @cached_property
    def chain_id(self) -> int:
        """The network's chain id."""
        return _number(self._one("eth_chainId"))

    def must_serve(self, chain_id: int) -> None:
        """Nothing, where the node serves that chain.

        Raises:
            WrongNetwork: it serves another one; nothing must be sent to it.
            ChainUnavailable: it does not answer.
        """
        if self.chain_id != chain_id:
            raise WrongNetwork(chain_id, self.chain_id)

    def head_number(self) -> int:
        """The height of the node's head."""
        return _number(self._one("eth_blockNumber"))

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """The blocks at these heights; None above the head."""
        return self._blocks([("eth_getBlockByNumber", [hex(n), False]) for n in numbers])

    def head(self) -> Block:
        """The newest block."""
        block = self._blocks([("eth_getBlockByNumber", ["latest", False])])[0]
        if block is None:
            raise ChainUnavailable("eth_getBlockByNumber", "no newest block")
        return block

    def _blocks(self, calls: Sequence[Call]) -> list[Block | None]:
        return [None if raw is None else _block(raw) for raw in map(_told, self.transport.read(calls))]

    def logs_of(
        self, hashes: Sequence[bytes], addresses: Sequence[bytes]
    ) -> list[list[dict[str, Any]] | None]:
        """The logs of each block, asked by its hash (R9); None for a block that the node no longer knows."""
        where = [_hex(a) for a in addresses]
        calls: list[Call] = [("eth_getLogs", [{"blockHash": _hex(h), "address": where}]) for h in hashes]
        answers = self.transport.read(calls)
        return [
            None if isinstance(a, NodeRefusal) else _logs(a, h) for a, h in zip(answers, hashes, strict=True)
        ]

    def receipts(self, hashes: Sequence[bytes]) -> list[Receipt | None]:
        """The receipts of these transactions; None where there is none."""
        answers = self.transport.read([("eth_getTransactionReceipt", [_hex(h)]) for h in hashes])
        return [None if raw is None else _receipt(raw) for raw in map(_told, answers)]

    def logs_in_receipts(self, hashes: Sequence[bytes]) -> list[list[dict[str, Any]] | None]:
        """The logs in the receipt of each of these transactions; None where there is no receipt."""
        answers = self.transport.read([("eth_getTransactionReceipt", [_hex(h)]) for h in hashes])
        return [None if raw is None else _logs_in(raw) for raw in map(_told, answers)]

    def logs_of_transactions(self, hashes: Sequence[bytes]) -> list[dict[str, Any]]:
        """The logs of these transactions, those of unmined ones left out."""
        answers = self.transport.read([("eth_getTransactionReceipt", [_hex(h)]) for h in hashes])
        return [log for raw in map(_told, answers) if raw is not None for log in _logs_in(raw)]

    def transactions(self, hashes: Sequence[bytes]) -> list[dict[str, Any] | None]:
        """The transactions as the node tells them; None for what it does not know."""
        answers = self.transport.read([("eth_getTransactionByHash", [_hex(h)]) for h in hashes])
        return [raw if isinstance(raw, dict) else None for raw in map(_told, answers)]

    def known(self, hashes: Sequence[bytes]) -> list[bool]:
        """Whether the node has each transaction, mined or waiting."""
        answers = self.transport.read([("eth_getTransactionByHash", [_hex(h)]) for h in hashes])
        return [_told(raw) is not None for raw in answers]

    def nonce(self, address: bytes, at: str | int = "latest") -> int:
        """The next nonce of an address by the state at a height, or ``latest``, or ``pending``."""
        return _number(
            self._one("eth_getTransactionCount", _hex(address), at if isinstance(at, str) else hex(at))
        )

    def code_at(self, address: bytes) -> bytes:
        """The code that stands at an address on the head's state; empty for none."""
        return _bytes(self._one("eth_getCode", _hex(address), "latest"))

    def send(self, raws: Sequence[bytes]) -> list[bytes | NodeRefusal]:
        """Hand raw transactions over in this order, in one request that is made once.

        Raises:
            ChainUnavailable: nobody knows which of them arrived; sending the same bytes again is safe (R5).
        """
        answers = self.transport.write([("eth_sendRawTransaction", [_hex(raw)]) for raw in raws])
        return [a if isinstance(a, NodeRefusal) else _bytes(a) for a in answers]

    def pending(self) -> int:
        """How many transactions the node's pool could mine now, by a call that geth and anvil have."""
        return _number(self._one("txpool_status").get("pending"))

    def call(self, ask: CallAt) -> bytes | NodeRefusal:
        """What a call would answer, or the refusal with its revert data."""
        return self.calls([ask])[0]

    def calls(self, asks: Sequence[CallAt]) -> list[bytes | NodeRefusal]:
        """As ``call``, for many in raw batches."""
        answers = self.transport.read([("eth_call", _call_params(ask)) for ask in asks])
        return [a if isinstance(a, NodeRefusal) else _bytes(a) for a in answers]

    def estimate(self, ask: CallAt) -> int | NodeRefusal:
        """The gas that a call would use in the next block, or why it would fail."""
        answer = self.transport.read([("eth_estimateGas", _call_params(ask))])[0]
        return answer if isinstance(answer, NodeRefusal) else _number(answer)

    def suggested_fee(self, priority_fee: int, floor: int) -> Fee:
        """Twice the head's base fee plus a tip, in wei, at least ``floor``."""
        return Fee(max(2 * self.head().base_fee + priority_fee, floor), priority_fee)

    @cached_property
    def has_time_control(self) -> bool:
        """Whether anybody may date this network's next block; asked by a call that changes nothing."""
        answer = self.transport.read([("evm_setNextBlockTimestamp", [])])[0]
        return not isinstance(answer, NodeRefusal) or answer.number != _NO_METHOD

    @cached_property
    def can_hold_back_mining(self) -> bool:
        """Whether automatic mining can be switched off, so that one block can be put together and dated."""
        answer = self.transport.read([("evm_setAutomine", [])])[0]
        return not isinstance(answer, NodeRefusal) or answer.number != _NO_METHOD

    def control(self, *calls: Call) -> list[Any]:
        """The results of time and mining control calls, made once and in order."""
        return [_told(answer) for answer in self.transport.write(calls)]

    def _one(self, method: str, *params: Any) -> Any:
        return _told(self.transport.read([(method, list(params))])[0])


def _call_params(ask: CallAt) -> list[Any]:
    call = {"from": _hex(ask.sender), "to": _hex(ask.to), "data": _hex(ask.data)}
    if ask.gas is not None:
        call["gas"] = hex(ask.gas)
    return [call, ask.at]


def _told(answer: Any) -> Any:
    if isinstance(answer, NodeRefusal):
        raise answer
    return answer


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _number(value: Any) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value) or int(value, 16) > _GREATEST:
        raise ChainUnavailable("answer", "not a number")
    return int(value, 16)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise ChainUnavailable("answer", "not bytes")
    return bytes.fromhex(value[2:])


def _hash(value: Any) -> bytes:
    raw = _bytes(value)
    if len(raw) != 32:
        raise ChainUnavailable("answer", "not a hash")
    return raw


def _block(raw: Any) -> Block:
    try:
        return Block(
            _number(raw["number"]), _hash(raw["hash"]), _hash(raw["parentHash"]), _number(raw["timestamp"]),
            tuple(map(_hash, raw["transactions"])), _number(raw.get("baseFeePerGas") or "0x0"),
            _bloom(raw.get("logsBloom") or "0x"),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as failure:
        raise ChainUnavailable("eth_getBlockByNumber", "malformed block") from failure


def _bloom(value: Any) -> bytes:
    raw = _bytes(value)
    if len(raw) not in (0, 256):
        raise ChainUnavailable("answer", "not a logs Bloom filter")
    return raw


def _in_bloom(bloom: bytes, address: bytes) -> bool:
    digest = keccak256(address)
    bits = (int.from_bytes(digest[i : i + 2], "big") % 2048 for i in (0, 2, 4))
    return all(bloom[-1 - bit // 8] >> bit % 8 & 1 for bit in bits)


def _receipt(raw: Any) -> Receipt:
    try:
        if raw["status"] not in ("0x0", "0x1"):
            raise ChainUnavailable("eth_getTransactionReceipt", "neither succeeded nor failed")
        return Receipt(raw["status"] == "0x1", _number(raw["blockNumber"]), _number(raw["gasUsed"]))
    except (KeyError, TypeError) as failure:
        raise ChainUnavailable("eth_getTransactionReceipt", "malformed receipt") from failure


def _logs_in(receipt: Any) -> list[dict[str, Any]]:
    logs = receipt.get("logs") if isinstance(receipt, dict) else None
    if not isinstance(logs, list) or not all(isinstance(log, dict) for log in logs):
        raise ChainUnavailable("eth_getTransactionReceipt", "malformed logs")
    return logs


def _logs(raw: Any, block_hash: bytes) -> list[dict[str, Any]]:
    if not isinstance(raw, list):
        raise ChainUnavailable("eth_getLogs", "malformed logs")
    wanted = _hex(block_hash)
    for log in raw:
        if not isinstance(log, dict) or str(log.get("blockHash", "")).lower() != wanted or log.get("removed"):
            raise LyingNode(-1, "a log of another block")
    return raw
