"""Signed transactions as a node reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import rlp

from ledger_service.kernel.chain_tx import hash_of
from ledger_service.kernel.secp256k1 import keccak256, recover_address
from tests.simulation.model.abi import Log


class Malformed(Exception):
    """No transaction that any network would take."""


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction of type 2 with its sender."""

    raw: bytes
    hash: bytes
    sender: bytes
    chain_id: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas: int
    to: bytes | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Mined:
    """What became of a transaction in its block."""

    tx: Tx
    succeeded: bool
    logs: tuple[Log, ...]


@lru_cache(maxsize=4096)
def read_raw(raw: bytes) -> Tx:
    """The transaction of these bytes.

    Raises:
        Malformed: they are none.
    """
    try:
        fields = rlp.decode(raw[1:])
        chain_id, nonce, priority, most, gas = (int.from_bytes(f, "big") for f in fields[:5])
        signature = fields[10].rjust(32, b"\0") + fields[11].rjust(32, b"\0")
        signature += bytes([27 + int.from_bytes(fields[9], "big")])
    except (rlp.exceptions.DecodingError, ValueError, IndexError) as failure:
        raise Malformed from failure
    sender = recover_address(keccak256(b"\x02" + rlp.encode(fields[:9])), signature)
    if raw[:1] != b"\x02" or sender is None:
        raise Malformed
    to = bytes(fields[5]) or None
    return Tx(raw, hash_of(raw), sender, chain_id, nonce, priority, most, gas, to, bytes(fields[7]))


def fields_of(tx: Tx) -> dict[str, Any]:
    """The transaction as JSON."""
    parity, r, s = (hex(int.from_bytes(field, "big")) for field in rlp.decode(tx.raw[1:])[9:12])
    return {
        "hash": "0x" + tx.hash.hex(), "from": "0x" + tx.sender.hex(), "type": "0x2",
        "to": None if tx.to is None else "0x" + tx.to.hex(), "input": "0x" + tx.data.hex(),
        "chainId": hex(tx.chain_id), "nonce": hex(tx.nonce), "gas": hex(tx.gas), "value": "0x0",
        "maxFeePerGas": hex(tx.max_fee), "maxPriorityFeePerGas": hex(tx.priority_fee),
        "yParity": parity, "v": parity, "r": r, "s": s,
    }  # fmt: skip
