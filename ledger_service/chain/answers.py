"""What a node answers, read into our types: untrusted input, checked for shape and size.

Whatever has not the shape that was asked for is ``ChainUnavailable`` or ``LyingNode``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.errors import ChainUnavailable, LyingNode
from ledger_service.kernel.secp256k1 import keccak256

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


def is_block(block: Block, answer: Any) -> bool:
    """Whether the answer is that block."""
    return isinstance(answer, dict) and block_of(answer).hash == block.hash


def hex_of(raw: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + raw.hex()


def number_of(value: Any) -> int:
    """A quantity that fits a column of the mirror."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value) or int(value, 16) > _GREATEST:
        raise ChainUnavailable("answer", "not a number")
    return int(value, 16)


def bytes_of(value: Any) -> bytes:
    """Data of any length."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise ChainUnavailable("answer", "not bytes")
    return bytes.fromhex(value[2:])


def _hash(value: Any) -> bytes:
    raw = bytes_of(value)
    if len(raw) != 32:
        raise ChainUnavailable("answer", "not a hash")
    return raw


def block_of(raw: Any) -> Block:
    """A block without the bodies of its transactions."""
    try:
        return Block(
            number_of(raw["number"]), _hash(raw["hash"]), _hash(raw["parentHash"]),
            number_of(raw["timestamp"]), tuple(map(_hash, raw["transactions"])),
            number_of(raw.get("baseFeePerGas") or "0x0"), _bloom(raw.get("logsBloom") or "0x"),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as failure:
        raise ChainUnavailable("eth_getBlockByNumber", "malformed block") from failure


def _bloom(value: Any) -> bytes:
    raw = bytes_of(value)
    if len(raw) not in (0, 256):
        raise ChainUnavailable("answer", "not a logs Bloom filter")
    return raw


def _in_bloom(bloom: bytes, address: bytes) -> bool:
    digest = keccak256(address)
    bits = (int.from_bytes(digest[i : i + 2], "big") % 2048 for i in (0, 2, 4))
    return all(bloom[-1 - bit // 8] >> bit % 8 & 1 for bit in bits)


def receipt_of(raw: Any) -> Receipt:
    """A receipt without its logs."""
    try:
        if raw["status"] not in ("0x0", "0x1"):
            raise ChainUnavailable("eth_getTransactionReceipt", "neither succeeded nor failed")
        return Receipt(raw["status"] == "0x1", number_of(raw["blockNumber"]), number_of(raw["gasUsed"]))
    except (KeyError, TypeError) as failure:
        raise ChainUnavailable("eth_getTransactionReceipt", "malformed receipt") from failure


def logs_in(receipt: Any) -> list[dict[str, Any]]:
    """The logs of a receipt."""
    logs = receipt.get("logs") if isinstance(receipt, dict) else None
    if not isinstance(logs, list) or not all(isinstance(log, dict) for log in logs):
        raise ChainUnavailable("eth_getTransactionReceipt", "malformed logs")
    return logs


def logs_at(raw: Any, block_hash: bytes) -> list[dict[str, Any]]:
    """The logs that a node told of the block with that hash.

    Raises:
        LyingNode: one is of another block.
    """
    if not isinstance(raw, list):
        raise ChainUnavailable("eth_getLogs", "malformed logs")
    wanted = hex_of(block_hash)
    for log in raw:
        if not isinstance(log, dict) or str(log.get("blockHash", "")).lower() != wanted or log.get("removed"):
            raise LyingNode(-1, "a log of another block")
    return raw
