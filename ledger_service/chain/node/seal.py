"""Blocks and receipts: header fields, roots, bloom and hash. The same inputs always give the same hash.

Fixed for every block: coinbase zero, difficulty zero, randao zero, base fee zero, no withdrawals, blobs or
requests, extra data `Alliance Ledger`. So a block's hash depends only on the genesis, the raw transactions
and the timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rlp

from ledger_service.chain.node.codec import BLANK_ROOT, data, keccak, quantity, rlp_int, rlp_list, rlp_string
from ledger_service.chain.node.engine import Log, Outcome
from ledger_service.chain.node.fork import BASE_FEE, COINBASE, PREVIOUS_RANDAO
from ledger_service.chain.node.transactions import Transaction
from ledger_service.chain.node.trie import nibbles_of

EXTRA_DATA = b"Alliance Ledger"
EMPTY_UNCLES_HASH = keccak(b"\xc0")
EMPTY_REQUESTS_HASH = sha256(b"").digest()
_NONCE = bytes(8)
_ZERO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Header:
    """What varies between blocks."""

    number: int
    parent_hash: bytes
    timestamp: int
    gas_limit: int
    gas_used: int
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes

    def encode(self) -> bytes:
        """RLP of the Prague header."""
        fields: list[Any] = [
            self.parent_hash, EMPTY_UNCLES_HASH, COINBASE, self.state_root, self.transactions_root,
            self.receipts_root, self.bloom, 0, self.number, self.gas_limit, self.gas_used, self.timestamp,
            EXTRA_DATA, PREVIOUS_RANDAO, _NONCE, BASE_FEE, BLANK_ROOT, 0, 0, _ZERO_HASH, EMPTY_REQUESTS_HASH,
        ]  # fmt: skip
        encoded: bytes = rlp.encode(fields)
        return encoded


def decode_header(encoded: bytes) -> Header:
    """The header of stored bytes."""
    fields = rlp.decode(encoded)
    number, gas_limit, gas_used, timestamp = (int.from_bytes(field, "big") for field in fields[8:12])
    return Header(number, fields[0], timestamp, gas_limit, gas_used, *fields[3:7])


def bloom_of(logs: tuple[Log, ...]) -> bytes:
    """The 256-byte bloom filter of logs."""
    bits = 0
    for value in {value for address, topics, _ in logs for value in (address, *topics)}:
        digest = keccak(value)
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


def encode_receipt(transaction: Transaction, outcome: Outcome, bloom: bytes) -> bytes:
    """Consensus encoding of the receipt of a block's only transaction."""
    logs = [
        rlp_string(address) + rlp_list(b"".join([b"\xa0" + topic for topic in topics])) + rlp_string(body)
        for address, topics, body in outcome.logs
    ]
    encoded = rlp_list(
        rlp_int(int(outcome.succeeded))
        + rlp_int(outcome.gas_used)
        + rlp_string(bloom)
        + rlp_list(b"".join([rlp_list(log) for log in logs]))
    )
    return bytes((transaction.type_id,)) + encoded if transaction.type_id else encoded


def decode_receipt(encoded: bytes) -> tuple[bool, bytes, list[Log]]:
    """(succeeded, bloom, logs) of a stored receipt."""
    status, _, bloom, logs = rlp.decode(encoded[1:] if encoded[0] < 0x80 else encoded)
    return status == b"\x01", bloom, [(address, tuple(topics), body) for address, topics, body in logs]


def list_root(items: list[bytes]) -> bytes:
    """Root of the index-keyed trie of at most one item (a block here has at most one transaction)."""
    if not items:
        return BLANK_ROOT
    path = nibbles_of(rlp_int(0))
    run = bytes((0x20,)) + bytes((path[0] << 4 | path[1],))
    return keccak(rlp_list(rlp_string(run) + rlp_string(items[0])))


def render_header(header: Header, block_hash: bytes | None, size: int) -> dict[str, Any]:
    """The header's part of a JSON-RPC block; a block without a hash is the pending one."""
    return {
        "number": quantity(header.number),
        "hash": None if block_hash is None else data(block_hash),
        "parentHash": data(header.parent_hash),
        "nonce": data(_NONCE),
        "sha3Uncles": data(EMPTY_UNCLES_HASH),
        "logsBloom": data(header.bloom),
        "transactionsRoot": data(header.transactions_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipts_root),
        "miner": data(COINBASE),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": data(EXTRA_DATA),
        "size": quantity(size),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "mixHash": data(PREVIOUS_RANDAO),
        "baseFeePerGas": quantity(BASE_FEE),
        "withdrawalsRoot": data(BLANK_ROOT),
        "withdrawals": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": data(_ZERO_HASH),
        "requestsHash": data(EMPTY_REQUESTS_HASH),
        "uncles": [],
    }
