"""Pure: a block of a node's JSON, its hash worked out from its header, its transactions as they were sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.chain.witness.errors import HeaderForged
from ledger_service.kernel.chain_tx import Fee, Item, Unsigned, hash_of, rlp
from ledger_service.kernel.secp256k1 import keccak256

# Source: Ethereum execution specifications, Prague header; the last ones are left out by older networks.
_DATA, _NUMBER = "data", "number"
_FIELDS = (
    ("parentHash", _DATA), ("sha3Uncles", _DATA), ("miner", _DATA), ("stateRoot", _DATA),
    ("transactionsRoot", _DATA), ("receiptsRoot", _DATA), ("logsBloom", _DATA), ("difficulty", _NUMBER),
    ("number", _NUMBER), ("gasLimit", _NUMBER), ("gasUsed", _NUMBER), ("timestamp", _NUMBER),
    ("extraData", _DATA), ("mixHash", _DATA), ("nonce", _DATA),
)  # fmt: skip
_LATER = (
    ("baseFeePerGas", _NUMBER), ("withdrawalsRoot", _DATA), ("blobGasUsed", _NUMBER),
    ("excessBlobGas", _NUMBER), ("parentBeaconBlockRoot", _DATA), ("requestsHash", _DATA),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A block as a node tells it; ``transactions`` are the node's JSON objects, in their order."""

    number: int
    hash: bytes
    parent_hash: bytes
    state_root: bytes
    timestamp: int
    gas_limit: int
    extra: bytes
    transactions: tuple[Mapping[str, Any], ...]


def told_block(raw: Any, number: int) -> Told:
    """The block that was asked for, whose hash is that of its header.

    Raises:
        HeaderForged: another number, a hash that is not the header's, or no block at all.
    """
    try:
        items: list[Item] = [_item(raw[name], kind) for name, kind in _FIELDS]
        items += [_item(raw[name], kind) for name, kind in _LATER if raw.get(name) is not None]
        digest, told = keccak256(rlp(items)), _bytes(raw["hash"])
        block = Told(
            _int(raw["number"]), told, _bytes(raw["parentHash"]), _bytes(raw["stateRoot"]),
            _int(raw["timestamp"]), _int(raw["gasLimit"]), _bytes(raw["extraData"]),
            tuple(raw["transactions"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise HeaderForged(number, "not a block") from None
    if block.number != number:
        raise HeaderForged(number, f"numbered {block.number}")
    if digest != told:
        raise HeaderForged(number, f"hash 0x{told.hex()} over a header of 0x{digest.hex()}")
    return block


def raw_transaction(told: Mapping[str, Any], number: int) -> bytes:
    """The bytes that were sent, whose hash is the transaction's.

    Raises:
        HeaderForged: another type of transaction, or not the bytes of its hash.
    """
    try:
        unsigned = Unsigned(
            _int(told["chainId"]), _int(told["nonce"]),
            Fee(_int(told["maxFeePerGas"]), _int(told["maxPriorityFeePerGas"])), _int(told["gas"]),
            _bytes(told["to"]) if told.get("to") else None, _bytes(told["input"]),
        )  # fmt: skip
        r, s, parity = (_int(told[name]) for name in ("r", "s", "yParity"))
        raw = unsigned.signed(r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))
        stands = hash_of(raw) == _bytes(told["hash"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise HeaderForged(number, "a transaction that cannot be written") from None
    if not stands:
        raise HeaderForged(number, "a transaction that is not the one of its hash")
    return raw


def _item(value: Any, kind: str) -> Item:
    return _int(value) if kind is _NUMBER else _bytes(value)


def _int(value: str) -> int:
    found = int(value, 16)
    if found < 0:
        raise ValueError("negative")
    return found


def _bytes(value: str) -> bytes:
    if not value.startswith("0x"):
        raise ValueError("no hex")
    return bytes.fromhex(value[2:])
