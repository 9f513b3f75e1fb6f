"""Checks at the door, and the bounded durable pool of transactions that wait for a lower nonce."""

from __future__ import annotations

import sqlite3

from ledger_service.chain.node.errors import Refused
from ledger_service.chain.node.transactions import (
    MAX_INITCODE_BYTES,
    MAX_TRANSACTION_GAS,
    Transaction,
    decode_transaction,
)
from ledger_service.chain.node.world import World

MAX_WAITING = 1_024
MAX_WAITING_PER_SENDER = 256
_DELEGATION = b"\xef\x01\x00"


def check_limits(transaction: Transaction, block_gas_limit: int) -> None:
    """Returns when the transaction could ever be mined here, whatever the state.

    Raises:
        Refused: gas limit too high or too low, tip above cap, creation code too long.
    """
    cap = min(MAX_TRANSACTION_GAS, block_gas_limit)
    if transaction.gas > cap:
        raise Refused(
            "gas_limit_too_high", f"transaction gas limit too high (cap: {cap}, tx: {transaction.gas})"
        )
    if transaction.gas < transaction.least_gas:
        raise Refused(
            "intrinsic_gas_too_low",
            f"intrinsic gas too low: have {transaction.gas}, want {transaction.least_gas}",
        )
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise Refused("tip_above_fee_cap", "max priority fee per gas higher than max fee per gas")
    if not transaction.to and len(transaction.data) > MAX_INITCODE_BYTES:
        raise Refused("initcode_too_long", f"max initcode size exceeded: limit {MAX_INITCODE_BYTES}")
    if transaction.nonce >= (1 << 64) - 1:
        raise Refused("nonce_max", "nonce has max value")


def check_against_state(transaction: Transaction, world: World) -> None:
    """Returns when the sender can pay and may send.

    Raises:
        Refused: nonce already used, balance too small, or the sender is a contract (EIP-3607).
    """
    nonce = world.get_nonce(transaction.sender)
    if transaction.nonce < nonce:
        raise Refused("nonce_too_low", f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
    cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
    balance = world.get_balance(transaction.sender)
    if balance < cost:
        raise Refused(
            "insufficient_funds",
            f"insufficient funds for gas * price + value: have {balance}, want {cost}",
        )
    code = world.get_code(transaction.sender)
    if code and not code.startswith(_DELEGATION):
        raise Refused("sender_is_contract", "sender not an eoa")


def put(connection: sqlite3.Connection, transaction: Transaction, state_nonce: int, chain_id: int) -> None:
    """The transaction waits, in the open database transaction.

    Raises:
        Refused: the pool is full, the nonce too far ahead, or the fee too low to replace the one that waits.
    """
    sender = transaction.sender
    if transaction.nonce - state_nonce > MAX_WAITING_PER_SENDER:
        raise Refused(
            "nonce_too_far", f"nonce too far ahead: at most {MAX_WAITING_PER_SENDER} past {state_nonce}"
        )
    row = connection.execute(
        "SELECT raw FROM waiting WHERE sender = ? AND nonce = ?", (sender, transaction.nonce)
    ).fetchone()
    if row is not None:
        _check_replacement(decode_transaction(row[0], chain_id), transaction)
    elif connection.execute("SELECT count(*) FROM waiting").fetchone()[0] >= MAX_WAITING:
        raise Refused("pool_full", "txpool is full")
    connection.execute(
        "INSERT OR REPLACE INTO waiting (sender, nonce, hash, raw) VALUES (?, ?, ?, ?)",
        (sender, transaction.nonce, transaction.hash, transaction.raw),
    )


def _check_replacement(old: Transaction, new: Transaction) -> None:
    for before, after in (
        (old.max_fee_per_gas, new.max_fee_per_gas),
        (old.max_priority_fee_per_gas, new.max_priority_fee_per_gas),
    ):
        if after * 10 < before * 11 or after <= before:
            raise Refused("replacement_underpriced", "replacement transaction underpriced")


def take(connection: sqlite3.Connection, sender: bytes, nonce: int) -> bytes | None:
    """The raw transaction waiting under that nonce, or None; it stays until its block is written."""
    row = connection.execute(
        "SELECT raw FROM waiting WHERE sender = ? AND nonce = ?", (sender, nonce)
    ).fetchone()
    return None if row is None else row[0]


def drop(connection: sqlite3.Connection, transaction: Transaction) -> None:
    """The transaction no longer waits."""
    connection.execute("DELETE FROM waiting WHERE hash = ?", (transaction.hash,))


def senders(connection: sqlite3.Connection) -> list[bytes]:
    """Everyone who has something waiting."""
    return [row[0] for row in connection.execute("SELECT DISTINCT sender FROM waiting").fetchall()]
