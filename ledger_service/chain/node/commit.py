"""Turns what an execution changed into a sealed block and its rows, and writes them as one durable
transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from ledger_service.chain.node.codec import keccak, rlp_int
from ledger_service.chain.node.engine import Outcome
from ledger_service.chain.node.reader import (
    ACCOUNTS,
    Account,
    UndoEntry,
    encode_account,
    pack_undo,
    storage_owner,
)
from ledger_service.chain.node.seal import Header, bloom_of, encode_receipt, list_root
from ledger_service.chain.node.terms import terms_of
from ledger_service.chain.node.transactions import Transaction
from ledger_service.chain.node.trie import TrieUpdate, nibbles_of
from ledger_service.chain.node.world import World


@dataclass(frozen=True, slots=True)
class StateChange:
    """A block's effect on the state: new root, trie rows to write, new code, and how to undo it."""

    root: bytes
    rows: dict[bytes, bytes | None]
    codes: dict[bytes, bytes]
    undo: bytes
    accounts: dict[bytes, Account | None]
    slots: dict[tuple[bytes, int], int]


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A block ready to be written."""

    header: Header
    hash: bytes
    encoded: bytes
    state: StateChange
    transaction: Transaction | None = None
    outcome: Outcome | None = None
    receipt: bytes = b""
    terms: set[int] = field(default_factory=set)


def state_change(world: World, load: Callable[[bytes], bytes | None]) -> StateChange:
    """The new state root and everything to write for it.

    Args:
        world: the parent state with the block's changes.
        load: reads a trie row of the parent state.
    """
    update = TrieUpdate(load)
    undo: list[UndoEntry] = []
    slots: dict[tuple[bytes, int], int] = {}
    roots: dict[bytes, bytes] = {}
    for address, changed in world.changed_slots().items():
        changes = []
        for slot, (before, after) in changed.items():
            key = slot.to_bytes(32, "big")
            changes.append((nibbles_of(keccak(key)), rlp_int(after) if after else b""))
            undo.append((address, slot, before.to_bytes((before.bit_length() + 7) // 8, "big")))
            slots[address, slot] = after
        roots[address] = update.merge(storage_owner(address), changes)
    accounts = {address: (before, after) for address, before, after in world.changed_accounts()}
    for address, root in roots.items():
        accounts[address] = world.with_storage_root(address, root)
    changes = []
    for address, (old, new) in accounts.items():
        changes.append((nibbles_of(keccak(address)), encode_account(new) if new else b""))
        undo.append((address, None, encode_account(old) if old else b""))
    root = update.merge(ACCOUNTS, changes)
    final = {address: new for address, (_, new) in accounts.items()}
    hashes = {account.code_hash for account in final.values() if account} & world.codes.keys()
    codes = {code_hash: world.codes[code_hash] for code_hash in hashes}
    return StateChange(root, update.rows, codes, pack_undo(undo), final, slots)


def seal(
    parent: tuple[int, bytes],
    limits: tuple[int, int],
    state: StateChange,
    body: tuple[Transaction, Outcome] | None,
) -> SealedBlock:
    """The block on top of `parent` (height, hash) with `limits` (timestamp, gas limit)."""
    transaction, outcome = body if body else (None, None)
    bloom = bloom_of(outcome.logs if outcome else ())
    receipt = encode_receipt(transaction, outcome, bloom) if transaction and outcome else b""
    header = Header(
        number=parent[0] + 1,
        parent_hash=parent[1],
        timestamp=limits[0],
        gas_limit=limits[1],
        gas_used=outcome.gas_used if outcome else 0,
        state_root=state.root,
        transactions_root=list_root([transaction.raw] if transaction else []),
        receipts_root=list_root([receipt] if receipt else []),
        bloom=bloom,
    )
    encoded = header.encode()
    terms = terms_of(outcome.logs) if outcome else set()
    return SealedBlock(header, keccak(encoded), encoded, state, transaction, outcome, receipt, terms)


def write_block(connection: sqlite3.Connection, block: SealedBlock, keep_states: int) -> None:
    """The block, its state and its indexes stand in the open database transaction.

    Args:
        connection: inside a write transaction.
        block: the sealed block.
        keep_states: undo records older than this many blocks are removed.
    """
    number = block.header.number
    connection.execute(
        "INSERT INTO block (number, hash, header, transactions) VALUES (?, ?, ?, ?)",
        (number, block.hash, block.encoded, int(block.transaction is not None)),
    )
    if block.transaction and block.outcome:
        transaction, outcome = block.transaction, block.outcome
        connection.execute(
            "INSERT INTO tx (block, position, hash, sender, raw, gas_used, created, receipt) "
            "VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
            (number, transaction.hash, transaction.sender, transaction.raw, outcome.gas_used, outcome.created,
             block.receipt),
        )  # fmt: skip
        connection.execute(
            "DELETE FROM waiting WHERE sender = ? AND nonce <= ?", (transaction.sender, transaction.nonce)
        )
    connection.executemany(
        "INSERT INTO log_term (term, block) VALUES (?, ?)", [(value, number) for value in sorted(block.terms)]
    )
    _write_state(connection, block.state)
    connection.execute("INSERT INTO undo (block, body) VALUES (?, ?)", (number, block.state.undo))
    connection.execute("DELETE FROM undo WHERE block <= ?", (number - keep_states,))


def _write_state(connection: sqlite3.Connection, state: StateChange) -> None:
    rows = sorted(state.rows.items())
    connection.executemany(
        "INSERT OR REPLACE INTO node (path, body) VALUES (?, ?)", [row for row in rows if row[1] is not None]
    )
    connection.executemany(
        "DELETE FROM node WHERE path = ?", [(path,) for path, body in rows if body is None]
    )
    connection.executemany("INSERT OR IGNORE INTO code (hash, body) VALUES (?, ?)", list(state.codes.items()))
