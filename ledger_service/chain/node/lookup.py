"""Reads of blocks, transactions and receipts, each by one index seek, rendered for JSON-RPC."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from ledger_service.chain.node.codec import data, quantity
from ledger_service.chain.node.engine import Log
from ledger_service.chain.node.seal import Header, decode_header, decode_receipt, render_header
from ledger_service.chain.node.transactions import (
    LEGACY,
    Transaction,
    decode_transaction,
    effective_gas_price,
)

_TX = "SELECT block, position, hash, raw, gas_used, created, receipt FROM tx"


class StoredBlock(NamedTuple):
    """A block row."""

    number: int
    hash: bytes
    encoded: bytes
    transactions: int

    @property
    def header(self) -> Header:
        """The decoded header."""
        return decode_header(self.encoded)


class StoredTransaction(NamedTuple):
    """A transaction row."""

    block: int
    position: int
    hash: bytes
    raw: bytes
    gas_used: int
    created: bytes | None
    receipt: bytes


def head_number(connection: sqlite3.Connection) -> int:
    """Height of the newest block."""
    number: int = connection.execute("SELECT max(number) FROM block").fetchone()[0]
    return number


def block_by_number(connection: sqlite3.Connection, number: int) -> StoredBlock | None:
    """The block at a height, or None."""
    row = connection.execute("SELECT * FROM block WHERE number = ?", (number,)).fetchone()
    return None if row is None else StoredBlock(*row)


def block_by_hash(connection: sqlite3.Connection, block_hash: bytes) -> StoredBlock | None:
    """The block with a hash, or None."""
    row = connection.execute("SELECT * FROM block WHERE hash = ?", (block_hash,)).fetchone()
    return None if row is None else StoredBlock(*row)


def transactions_of(connection: sqlite3.Connection, number: int) -> list[StoredTransaction]:
    """The block's transactions in order."""
    rows = connection.execute(f"{_TX} WHERE block = ? ORDER BY position", (number,)).fetchall()
    return [StoredTransaction(*row) for row in rows]


def transaction_by_hash(connection: sqlite3.Connection, tx_hash: bytes) -> StoredTransaction | None:
    """The mined transaction with a hash, or None."""
    row = connection.execute(f"{_TX} WHERE hash = ?", (tx_hash,)).fetchone()
    return None if row is None else StoredTransaction(*row)


def waiting_by_hash(connection: sqlite3.Connection, tx_hash: bytes) -> bytes | None:
    """The raw transaction that waits under a hash, or None."""
    row = connection.execute("SELECT raw FROM waiting WHERE hash = ?", (tx_hash,)).fetchone()
    return None if row is None else row[0]


def render_block(
    connection: sqlite3.Connection, block: StoredBlock, full: bool, chain_id: int
) -> dict[str, Any]:
    """The JSON-RPC block, with whole transactions or their hashes."""
    stored = transactions_of(connection, block.number) if block.transactions else []
    size = len(block.encoded) + sum(len(item.raw) for item in stored) + 8
    rendered = render_header(block.header, block.hash, size)
    if full:
        rendered["transactions"] = [
            render_transaction(
                decode_transaction(item.raw, chain_id), (block.number, block.hash, item.position)
            )
            for item in stored
        ]
    else:
        rendered["transactions"] = [data(item.hash) for item in stored]
    return rendered


def render_transaction(transaction: Transaction, place: tuple[int, bytes, int] | None) -> dict[str, Any]:
    """The JSON-RPC transaction; `place` is (block height, block hash, position), None while it waits."""
    rendered: dict[str, Any] = {
        "hash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "nonce": quantity(transaction.nonce),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "chainId": quantity(transaction.chain_id or 0),
        "blockNumber": quantity(place[0]) if place else None,
        "blockHash": data(place[1]) if place else None,
        "transactionIndex": quantity(place[2]) if place else None,
        "gasPrice": quantity(effective_gas_price(transaction) if place else transaction.max_fee_per_gas),
    }
    if transaction.type_id != LEGACY:
        rendered["yParity"] = quantity(transaction.v)
        rendered["accessList"] = [
            {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
            for address, slots in transaction.access_list
        ]
    if transaction.type_id > 1:
        rendered["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        rendered["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return rendered


def render_receipt(stored: StoredTransaction, block_hash: bytes, chain_id: int) -> dict[str, Any]:
    """The JSON-RPC receipt of a mined transaction."""
    transaction = decode_transaction(stored.raw, chain_id)
    succeeded, bloom, logs = decode_receipt(stored.receipt)
    return {
        "transactionHash": data(stored.hash),
        "transactionIndex": quantity(stored.position),
        "blockHash": data(block_hash),
        "blockNumber": quantity(stored.block),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "contractAddress": data(stored.created) if stored.created else None,
        "type": quantity(transaction.type_id),
        "status": quantity(int(succeeded)),
        "gasUsed": quantity(stored.gas_used),
        "cumulativeGasUsed": quantity(stored.gas_used),
        "effectiveGasPrice": quantity(effective_gas_price(transaction)),
        "logsBloom": data(bloom),
        "logs": render_logs(logs, stored, block_hash),
    }


def render_logs(logs: list[Log], stored: StoredTransaction, block_hash: bytes) -> list[dict[str, Any]]:
    """JSON-RPC logs of one transaction."""
    shared = {
        "blockNumber": quantity(stored.block),
        "blockHash": data(block_hash),
        "transactionHash": data(stored.hash),
        "transactionIndex": quantity(stored.position),
        "removed": False,
    }
    return [
        {
            "address": data(address),
            "topics": [data(topic) for topic in topics],
            "data": data(body),
            "logIndex": quantity(index),
            **shared,
        }
        for index, (address, topics, body) in enumerate(logs)
    ]
