"""The JSON-RPC methods. Each reads on its own snapshot; only sending and mining take the chain's lock."""

from __future__ import annotations

import platform
import sqlite3
import threading
from collections.abc import Callable
from contextlib import nullcontext
from inspect import signature
from typing import Any

from ledger_service.chain.node import params
from ledger_service.chain.node.chain import Chain
from ledger_service.chain.node.codec import data, parse_data, parse_quantity, quantity
from ledger_service.chain.node.engine import call, estimate_gas
from ledger_service.chain.node.errors import SERVER_ERROR, InvalidParams, RpcError
from ledger_service.chain.node.fork import BlockContext
from ledger_service.chain.node.logs import find_logs
from ledger_service.chain.node.lookup import (
    StoredBlock,
    block_by_hash,
    block_by_number,
    head_number,
    render_block,
    render_receipt,
    render_transaction,
    transaction_by_hash,
    transactions_of,
    waiting_by_hash,
)
from ledger_service.chain.node.reader import Account, NewestState, OlderState, StateReader
from ledger_service.chain.node.simulation import simulate
from ledger_service.chain.node.transactions import decode_transaction
from ledger_service.chain.node.world import Hot

CLIENT_VERSION = f"AllianceChain/1/python{platform.python_version()}"
MAX_FEE_HISTORY = 1_024
NO_ACCOUNTS: list[str] = []
# Calls that run contract code may take seconds; they never hold all reading connections.
MAX_EXECUTIONS = 3
_EXECUTING = frozenset({"eth_call", "eth_estimateGas", "eth_simulateV1"})

Method = Callable[..., Any]


class Methods:
    """All methods by name.

    Args:
        chain: the open chain.
        time_control: whether the `evm_*` methods exist.
    """

    def __init__(self, chain: Chain, time_control: bool) -> None:
        self._chain = chain
        self._chain_id = chain.genesis.chain_id
        self._executions = threading.BoundedSemaphore(MAX_EXECUTIONS)
        self.reads: dict[str, Method] = {
            "eth_blockNumber": lambda connection: quantity(head_number(connection)),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockTransactionCountByNumber": self._count_by_number,
            "eth_getBlockTransactionCountByHash": self._count_by_hash,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getTransactionByHash": self._transaction_by_hash,
            "eth_getTransactionByBlockNumberAndIndex": self._transaction_by_number,
            "eth_getTransactionByBlockHashAndIndex": self._transaction_by_block_hash,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": self._nonce,
            "eth_getBalance": self._balance,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_simulateV1": self._simulate,
            "eth_feeHistory": self._fee_history,
            "eth_getLogs": lambda connection, wanted: find_logs(
                connection, params.log_filter(connection, wanted)
            ),
        }
        self.plain = self._plain(time_control)

    def _plain(self, time_control: bool) -> dict[str, Method]:
        """Methods that take no reading connection."""
        methods: dict[str, Method] = {
            "web3_clientVersion": lambda: CLIENT_VERSION,
            "net_version": lambda: str(self._chain_id),
            "net_listening": lambda: True,
            "eth_chainId": lambda: quantity(self._chain_id),
            "eth_syncing": lambda: False,
            "eth_accounts": lambda: NO_ACCOUNTS,
            "eth_gasPrice": lambda: "0x0",
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_sendRawTransaction": lambda raw: data(self._chain.send(parse_data(raw, "transaction"))),
        }
        if time_control:
            methods["evm_setNextBlockTimestamp"] = self._set_timestamp
            methods["evm_increaseTime"] = self._increase_time
            methods["evm_mine"] = self._evm_mine
        return methods

    def accepts(self, name: str, count: int) -> bool:
        """True when the method takes this many parameters."""
        plain = name in self.plain
        arguments = [None] * (count if plain else count + 1)
        try:
            signature(self.plain[name] if plain else self.reads[name]).bind(*arguments)
        except TypeError:
            return False
        return True

    def run(self, name: str, arguments: list[Any]) -> Any:
        """The result of a method.

        Raises:
            KeyError: there is no such method.
            RpcError: the method refused.
        """
        if name in self.plain:
            return self.plain[name](*arguments)
        method = self.reads[name]
        turn = self._executions if name in _EXECUTING else nullcontext()
        with turn, self._chain.store.reading() as connection:
            return method(connection, *arguments)

    # -- blocks ----------------------------------------------------------------------------------------------

    def _block_by_number(self, connection: sqlite3.Connection, tag: Any, full: Any = False) -> Any:
        block = block_by_number(connection, params.block_number(connection, tag))
        rendered = self._rendered(connection, block, full)
        if tag != "pending" or rendered is None or block is None:
            return rendered
        following = {
            "number": quantity(block.number + 1),
            "parentHash": data(block.hash),
            "hash": None,
            "nonce": None,
        }
        timestamp = quantity(max(self._chain.next_timestamp(), block.header.timestamp + 1))
        return {**rendered, **following, "timestamp": timestamp, "gasUsed": "0x0", "transactions": []}

    def _block_by_hash(self, connection: sqlite3.Connection, block_hash: Any, full: Any = False) -> Any:
        return self._rendered(connection, block_by_hash(connection, parse_data(block_hash, "hash", 32)), full)

    def _rendered(self, connection: sqlite3.Connection, block: StoredBlock | None, full: Any) -> Any:
        whole = params.flag(full, "full transactions")
        return None if block is None else render_block(connection, block, whole, self._chain_id)

    def _count_by_number(self, connection: sqlite3.Connection, tag: Any) -> Any:
        block = block_by_number(connection, params.block_number(connection, tag))
        return None if block is None else quantity(block.transactions)

    def _count_by_hash(self, connection: sqlite3.Connection, block_hash: Any) -> Any:
        block = block_by_hash(connection, parse_data(block_hash, "hash", 32))
        return None if block is None else quantity(block.transactions)

    def _block_receipts(self, connection: sqlite3.Connection, tag: Any) -> Any:
        if isinstance(tag, str) and len(tag) == 66:
            tag = {"blockHash": tag}
        block = block_by_number(connection, params.block_number(connection, tag))
        if block is None:
            return None
        stored = transactions_of(connection, block.number)
        return [render_receipt(item, block.hash, self._chain_id) for item in stored]

    # -- transactions ----------------------------------------------------------------------------------------

    def _transaction_by_hash(self, connection: sqlite3.Connection, tx_hash: Any) -> Any:
        wanted = parse_data(tx_hash, "hash", 32)
        stored = transaction_by_hash(connection, wanted)
        if stored is None:
            raw = waiting_by_hash(connection, wanted)
            return None if raw is None else render_transaction(decode_transaction(raw, self._chain_id), None)
        return self._at(connection, block_by_number(connection, stored.block), stored.position)

    def _transaction_by_number(self, connection: sqlite3.Connection, tag: Any, index: Any) -> Any:
        block = block_by_number(connection, params.block_number(connection, tag))
        return self._at(connection, block, parse_quantity(index, "index"))

    def _transaction_by_block_hash(self, connection: sqlite3.Connection, block_hash: Any, index: Any) -> Any:
        block = block_by_hash(connection, parse_data(block_hash, "hash", 32))
        return self._at(connection, block, parse_quantity(index, "index"))

    def _at(self, connection: sqlite3.Connection, block: StoredBlock | None, position: int) -> Any:
        stored = transactions_of(connection, block.number) if block else []
        if block is None or position >= len(stored):
            return None
        transaction = decode_transaction(stored[position].raw, self._chain_id)
        return render_transaction(transaction, (block.number, block.hash, position))

    def _receipt(self, connection: sqlite3.Connection, tx_hash: Any) -> Any:
        stored = transaction_by_hash(connection, parse_data(tx_hash, "hash", 32))
        block = block_by_number(connection, stored.block) if stored else None
        return render_receipt(stored, block.hash, self._chain_id) if stored and block else None

    # -- state -----------------------------------------------------------------------------------------------

    def _state(self, connection: sqlite3.Connection, tag: Any) -> tuple[StateReader, StoredBlock]:
        number = params.block_number(connection, tag)
        block = block_by_number(connection, number)
        if block is None:
            raise RpcError(SERVER_ERROR, "unknown block", {"reason": "unknown_block"})
        head = head_number(connection)
        if number == head:
            return NewestState(connection), block
        return OlderState(connection, number, head), block

    def _account(self, connection: sqlite3.Connection, address: Any, tag: Any) -> Account:
        state, _ = self._state(connection, tag)
        return state.account(params.address(address, "address")) or Account()

    def _nonce(self, connection: sqlite3.Connection, address: Any, tag: Any = "latest") -> str:
        return quantity(self._account(connection, address, tag).nonce)

    def _balance(self, connection: sqlite3.Connection, address: Any, tag: Any = "latest") -> str:
        return quantity(self._account(connection, address, tag).balance)

    def _code(self, connection: sqlite3.Connection, address: Any, tag: Any = "latest") -> str:
        return data(NewestState(connection).code(self._account(connection, address, tag).code_hash))

    def _storage(self, connection: sqlite3.Connection, address: Any, slot: Any, tag: Any = "latest") -> str:
        state, _ = self._state(connection, tag)
        long = isinstance(slot, str) and len(slot) == 66
        number = int.from_bytes(parse_data(slot, "slot", 32), "big") if long else parse_quantity(slot, "slot")
        return data(state.slot(params.address(address, "address"), number).to_bytes(32, "big"))

    # -- execution -------------------------------------------------------------------------------------------

    def _context(self, connection: sqlite3.Connection, block: StoredBlock, tag: Any) -> BlockContext:
        """The block a call believes to be in: the named one, or for `pending` the one after the head."""

        def ancestor(number: int) -> bytes | None:
            found = block_by_number(connection, number)
            return None if found is None else found.hash

        pending = tag == "pending"
        timestamp = self._chain.next_timestamp() if pending else block.header.timestamp
        number = block.number + 1 if pending else block.number
        return BlockContext(number, timestamp, self._chain.genesis.gas_limit, self._chain_id, ancestor)

    def _call(self, connection: sqlite3.Connection, request: Any, tag: Any = "latest") -> str:
        state, block = self._state(connection, tag)
        return data(call(Hot(state), self._context(connection, block, tag), params.call_object(request)))

    def _estimate(self, connection: sqlite3.Connection, request: Any, tag: Any = "pending") -> str:
        state, block = self._state(connection, tag)
        return quantity(
            estimate_gas(Hot(state), self._context(connection, block, tag), params.call_object(request))
        )

    def _simulate(self, connection: sqlite3.Connection, payload: Any, tag: Any = "latest") -> Any:
        state, block = self._state(connection, tag)
        return simulate(Hot(state), self._context(connection, block, "latest"), payload)

    def _fee_history(
        self, connection: sqlite3.Connection, count: Any, newest: Any, rewards: Any = None
    ) -> Any:
        wanted = count if type(count) is int else parse_quantity(count, "blockCount")
        last = params.block_number(connection, newest)
        if not 0 < wanted <= MAX_FEE_HISTORY or last > head_number(connection):
            raise InvalidParams(f"blockCount: 1 to {MAX_FEE_HISTORY} blocks up to the newest")
        if rewards is not None and not isinstance(rewards, list):
            raise InvalidParams("rewardPercentiles: expected a list")
        first = max(0, last - wanted + 1)
        blocks = [block_by_number(connection, number) for number in range(first, last + 1)]
        headers = [block.header for block in blocks if block]
        answer: dict[str, Any] = {
            "oldestBlock": quantity(first),
            "baseFeePerGas": ["0x0"] * (len(headers) + 1),
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "baseFeePerBlobGas": ["0x1"] * (len(headers) + 1),
            "blobGasUsedRatio": [0] * len(headers),
        }
        return answer if rewards is None else {**answer, "reward": [["0x0"] * len(rewards) for _ in headers]}

    # -- time control ----------------------------------------------------------------------------------------

    def _set_timestamp(self, timestamp: Any) -> None:
        self._chain.set_next_timestamp(_seconds(timestamp))

    def _increase_time(self, seconds: Any) -> str:
        return quantity(self._chain.increase_time(_seconds(seconds)))

    def _evm_mine(self, timestamp: Any = None) -> str:
        self._chain.mine_empty(None if timestamp is None else _seconds(timestamp))
        return "0x0"


def _seconds(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    return parse_quantity(value, "seconds")
