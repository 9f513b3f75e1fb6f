"""The one narrow port to an Ethereum node: what the bridge asks, in our types, with answers checked.

A node's answer is untrusted input: whatever has not the shape we asked for is ``LyingNode``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger_service.chain.answers import (
    Block,
    Receipt,
    block_of,
    bytes_of,
    hex_of,
    is_block,
    logs_at,
    logs_in,
    number_of,
    receipt_of,
)
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal, WrongNetwork
from ledger_service.chain.transport import Call, Transport
from ledger_service.kernel.chain_tx import Fee

# Source: JSON-RPC 2.0, section 5.1. A method that a node lacks, or keeps to itself, has several others.
_BAD_PARAMETERS, _INTERNAL = -32602, -32603


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
        return number_of(self._one("eth_chainId"))

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
        return number_of(self._one("eth_blockNumber"))

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
        return [None if raw is None else block_of(raw) for raw in map(_told, self.transport.read(calls))]

    def logs_of(
        self, hashes: Sequence[bytes], addresses: Sequence[bytes]
    ) -> list[list[dict[str, Any]] | None]:
        """The logs of each block, asked by its hash (R9); None for a block that the node no longer knows."""
        where = [hex_of(a) for a in addresses]
        calls: list[Call] = [("eth_getLogs", [{"blockHash": hex_of(h), "address": where}]) for h in hashes]
        answers = self.transport.read(calls)
        both = zip(answers, hashes, strict=True)
        return [None if isinstance(a, NodeRefusal) else logs_at(a, h) for a, h in both]

    def receipts(self, hashes: Sequence[bytes]) -> list[Receipt | None]:
        """The receipts of these transactions; None where there is none."""
        answers = self.transport.read([("eth_getTransactionReceipt", [hex_of(h)]) for h in hashes])
        return [None if raw is None else receipt_of(raw) for raw in map(_told, answers)]

    def logs_in_receipts(self, hashes: Sequence[bytes]) -> list[list[dict[str, Any]] | None]:
        """The logs in the receipt of each of these transactions; None where there is no receipt."""
        answers = self.transport.read([("eth_getTransactionReceipt", [hex_of(h)]) for h in hashes])
        return [None if raw is None else logs_in(raw) for raw in map(_told, answers)]

    def logs_of_transactions(self, hashes: Sequence[bytes]) -> list[dict[str, Any]]:
        """The logs of these transactions, those of unmined ones left out."""
        answers = self.transport.read([("eth_getTransactionReceipt", [hex_of(h)]) for h in hashes])
        return [log for raw in map(_told, answers) if raw is not None for log in logs_in(raw)]

    def transactions(self, hashes: Sequence[bytes]) -> list[dict[str, Any] | None]:
        """The transactions as the node tells them; None for what it does not know."""
        answers = self.transport.read([("eth_getTransactionByHash", [hex_of(h)]) for h in hashes])
        return [raw if isinstance(raw, dict) else None for raw in map(_told, answers)]

    def known(self, hashes: Sequence[bytes]) -> list[bool]:
        """Whether the node has each transaction, mined or waiting."""
        answers = self.transport.read([("eth_getTransactionByHash", [hex_of(h)]) for h in hashes])
        return [_told(raw) is not None for raw in answers]

    def nonce(self, address: bytes, at: str | int = "latest") -> int:
        """The next nonce of an address by the state at a height, or ``latest``, or ``pending``."""
        return number_of(
            self._one("eth_getTransactionCount", hex_of(address), at if isinstance(at, str) else hex(at))
        )

    def code_at(self, address: bytes) -> bytes:
        """The code that stands at an address on the head's state; empty for none."""
        return bytes_of(self._one("eth_getCode", hex_of(address), "latest"))

    def send(self, raws: Sequence[bytes]) -> list[bytes | NodeRefusal]:
        """Hand raw transactions over in this order, in one request that is made once.

        Raises:
            ChainUnavailable: nobody knows which of them arrived; sending the same bytes again is safe (R5).
        """
        answers = self.transport.write([("eth_sendRawTransaction", [hex_of(raw)]) for raw in raws])
        return [a if isinstance(a, NodeRefusal) else bytes_of(a) for a in answers]

    def pending(self) -> int:
        """How many transactions the node's pool could mine now, by a call that geth and anvil have."""
        return number_of(self._one("txpool_status").get("pending"))

    def call(self, ask: CallAt, on: Block | None = None) -> bytes | NodeRefusal:
        """What a call would answer, or the refusal with its revert data.

        Args:
            ask: the call.
            on: a block that must be in the state which a refusal is judged on; None for any state.

        Raises:
            ChainUnavailable: the node refuses, and has not got that block.
        """
        answer = self._judged("eth_call", ask, on)
        return answer if isinstance(answer, NodeRefusal) else bytes_of(answer)

    def calls(self, asks: Sequence[CallAt]) -> list[bytes | NodeRefusal]:
        """As ``call``, for many in raw batches."""
        answers = self.transport.read([("eth_call", _call_params(ask)) for ask in asks])
        return [a if isinstance(a, NodeRefusal) else bytes_of(a) for a in answers]

    def estimate(self, ask: CallAt, on: Block | None = None) -> int | NodeRefusal:
        """The gas that a call would use in the next block, or why it would fail; as ``call``."""
        answer = self._judged("eth_estimateGas", ask, on)
        return answer if isinstance(answer, NodeRefusal) else number_of(answer)

    def _judged(self, method: str, ask: CallAt, on: Block | None) -> Any:
        """A node that is behind, or on another branch, refuses what follows from blocks that it has not got:
        whoever takes its word for good asks for the newest block that was read, before and after."""
        judged = (method, _call_params(ask))
        if on is None:
            return self.transport.read([judged])[0]
        there = ("eth_getBlockByNumber", [hex(on.number), False])
        before, answer, after = self.transport.read([there, judged, there])
        if isinstance(answer, NodeRefusal) and not (is_block(on, before) and is_block(on, after)):
            raise ChainUnavailable(method, f"the node has not got block {on.number} as it was read")
        return answer

    def suggested_fee(self, priority_fee: int, floor: int) -> Fee:
        """Twice the head's base fee plus a tip, in wei, at least ``floor``."""
        return Fee(max(2 * self.head().base_fee + priority_fee, floor), priority_fee)

    @cached_property
    def has_time_control(self) -> bool:
        """Whether anybody may date this network's next block; asked by a call that changes nothing."""
        return self._has("evm_setNextBlockTimestamp")

    @cached_property
    def can_hold_back_mining(self) -> bool:
        """Whether automatic mining can be switched off, so that one block can be put together and dated."""
        return self._has("evm_setAutomine")

    def _has(self, method: str) -> bool:
        """Whether the node has a method, by its answer to a call that lacks its parameter.

        Raises:
            ChainUnavailable: it failed to answer, which says neither; whoever asks later learns it.
        """
        answer = self.transport.read([(method, [])])[0]
        if isinstance(answer, NodeRefusal) and answer.number == _INTERNAL:
            raise ChainUnavailable(method, answer.message)
        return not isinstance(answer, NodeRefusal) or answer.number == _BAD_PARAMETERS

    def control(self, *calls: Call) -> list[Any]:
        """The results of time and mining control calls, made once and in order."""
        return [_told(answer) for answer in self.transport.write(calls)]

    def _one(self, method: str, *params: Any) -> Any:
        return _told(self.transport.read([(method, list(params))])[0])


def _call_params(ask: CallAt) -> list[Any]:
    call = {"from": hex_of(ask.sender), "to": hex_of(ask.to), "data": hex_of(ask.data)}
    if ask.gas is not None:
        call["gas"] = hex(ask.gas)
    return [call, ask.at]


def _told(answer: Any) -> Any:
    if isinstance(answer, NodeRefusal):
        raise answer
    return answer
