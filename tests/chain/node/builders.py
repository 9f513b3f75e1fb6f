"""What the node's tests build on: keys, signed transactions, a contract that takes batches, an open chain."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import Web3

from ledger_service.chain.node.chain import Chain, Genesis
from ledger_service.chain.node.store import Store
from ledger_service.chain.node.transactions import contract_address

CHAIN_ID = 31_337
GENESIS_TIME = 1_700_000_000
ALICE = Account.from_key("0x" + "11" * 32)
BOB = Account.from_key("0x" + "22" * 32)
GENESIS = Genesis(CHAIN_ID, GENESIS_TIME, funded=tuple(sorted((ALICE.address.lower(), BOB.address.lower()))))

_ARTIFACT = json.loads((Path(__file__).parent / "assets" / "Batches.json").read_text())
BYTECODE: str = _ARTIFACT["bytecode"]
BATCHES = Web3().eth.contract(abi=_ARTIFACT["abi"], bytecode=BYTECODE)
LEG = (5 << 112) | (1 << 96) | (3 << 64)

# Emits log topics (1, calldata word 0) and stores word 0 at slot 0, returns it.
ECHO_RUNTIME = bytes.fromhex("5f358060015f5fa2805f555f5260205ff3")
# Reverts with the calldata.
REVERT_RUNTIME = bytes.fromhex("365f5f37365ffd")


def init_code(runtime: bytes) -> bytes:
    """Creation code that returns the runtime."""
    size = len(runtime)
    return bytes.fromhex(f"61{size:04x}600c5f3961{size:04x}5ff3") + runtime


def signed(nonce: int, to: bytes | None = None, data: bytes = b"", **fields: Any) -> bytes:
    """A raw transaction by Alice (or `by`), EIP-1559 unless `gasPrice` or `type` says otherwise."""
    signer = fields.pop("by", ALICE)
    body: dict[str, Any] = {"nonce": nonce, "value": 0, "gas": 2_000_000, "chainId": CHAIN_ID, "data": data}
    if "gasPrice" not in fields:
        body |= {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    if to is not None:
        body["to"] = Web3.to_checksum_address(to)
    return bytes(signer.sign_transaction(body | fields).raw_transaction)


def created_by(signer: Any, nonce: int) -> bytes:
    """Address of the contract that the signer's transaction creates."""
    return contract_address(bytes.fromhex(signer.address[2:]), nonce)


def address_of(signer: Any) -> bytes:
    """The signer's 20 bytes."""
    return bytes.fromhex(signer.address[2:])


def batch(number: int, size: int, seed: int) -> bytes:
    """Calldata of a batch of issues and redemptions, the same for the same seed."""
    rng = random.Random(seed)
    accounts = [Web3.to_checksum_address(rng.randbytes(20)) for _ in range(max(2, size // 3))]
    issues = [(rng.randbytes(16), rng.choice(accounts), GENESIS_TIME, LEG | 1_000) for _ in range(size)]
    redeems = [
        (rng.randbytes(16), issue[1], at + 256 * number, GENESIS_TIME, [LEG | 1], rng.randbytes(64) + b"\x1b")
        for at, issue in enumerate(issues[: size // 2])
    ]
    return bytes.fromhex(BATCHES.encode_abi("submit", [number, issues, redeems])[2:])


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[Chain]:
    """The chain in this file, closed afterwards."""
    chain = Chain(Store(path), options.pop("genesis", GENESIS), **options)
    try:
        yield chain
    finally:
        chain.close()


def hashes(chain: Chain) -> list[str]:
    """Every block's hash in order."""
    with chain.store.reading() as connection:
        return [row[0].hex() for row in connection.execute("SELECT hash FROM block ORDER BY number")]
