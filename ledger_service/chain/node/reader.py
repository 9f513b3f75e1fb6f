"""Reads of world state from the store: the newest state, or that of a kept older block."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import rlp

from ledger_service.chain.node.codec import BLANK_ROOT, EMPTY_CODE_HASH, keccak, rlp_int, rlp_list, rlp_string
from ledger_service.chain.node.errors import StatePruned
from ledger_service.chain.node.trie import leaf_value, nibbles_of

ACCOUNTS = b"a"


class Account(NamedTuple):
    """What the account trie holds for an address."""

    nonce: int = 0
    balance: int = 0
    storage_root: bytes = BLANK_ROOT
    code_hash: bytes = EMPTY_CODE_HASH

    @property
    def is_empty(self) -> bool:
        """True when EIP-161 calls the account empty."""
        return not self.nonce and not self.balance and self.code_hash == EMPTY_CODE_HASH


def encode_account(account: Account) -> bytes:
    """The account's leaf value."""
    return rlp_list(
        rlp_int(account.nonce)
        + rlp_int(account.balance)
        + rlp_string(account.storage_root)
        + rlp_string(account.code_hash)
    )


def decode_account(value: bytes) -> Account:
    """The account of a leaf value."""
    nonce, balance, storage_root, code_hash = rlp.decode(value)
    return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)


def storage_owner(address: bytes) -> bytes:
    """Row-key prefix of a contract's storage trie."""
    return b"s" + address


class StateReader(Protocol):
    """Committed state of one block."""

    def account(self, address: bytes) -> Account | None: ...

    def slot(self, address: bytes, slot: int) -> int: ...

    def code(self, code_hash: bytes) -> bytes: ...


class NewestState:
    """The state after the newest block that the connection's snapshot shows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def body(self, path: bytes) -> bytes | None:
        """The trie row at a path, or None."""
        row = self._connection.execute("SELECT body FROM node WHERE path = ?", (path,)).fetchone()
        return None if row is None else row[0]

    def _leaf(self, owner: bytes, key: bytes) -> bytes | None:
        row = self._connection.execute(
            "SELECT body FROM node WHERE path BETWEEN ? AND ? ORDER BY path DESC LIMIT 1",
            (owner, owner + nibbles_of(key)),
        ).fetchone()
        return None if row is None else leaf_value(row[0], key)

    def account(self, address: bytes) -> Account | None:
        """The account, or None when there is none."""
        value = self._leaf(ACCOUNTS, keccak(address))
        return None if value is None else decode_account(value)

    def slot(self, address: bytes, slot: int) -> int:
        """The value of a storage slot; zero when unset."""
        value = self._leaf(storage_owner(address), keccak(slot.to_bytes(32, "big")))
        return 0 if value is None else int.from_bytes(rlp.decode(value), "big")

    def code(self, code_hash: bytes) -> bytes:
        """The code with this hash; empty for the hash of nothing."""
        row = self._connection.execute("SELECT body FROM code WHERE hash = ?", (code_hash,)).fetchone()
        return b"" if row is None else row[0]


class OlderState:
    """The state after an older block: the newest one with the undo records of all later blocks laid over it.

    Raises:
        StatePruned: an undo record that it needs is no longer kept.
    """

    def __init__(self, connection: sqlite3.Connection, number: int, head: int) -> None:
        self._newest = NewestState(connection)
        self._accounts: dict[bytes, Account | None] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        bodies = connection.execute(
            "SELECT body FROM undo WHERE block > ? AND block <= ? ORDER BY block DESC", (number, head)
        ).fetchall()
        if len(bodies) != head - number:
            raise StatePruned(number, head - len(bodies))
        for (body,) in bodies:
            self._lay_over(body)

    def _lay_over(self, body: bytes) -> None:
        for address, slot, value in unpack_undo(body):
            if slot is None:
                self._accounts[address] = decode_account(value) if value else None
            else:
                self._slots[address, slot] = int.from_bytes(value, "big")

    def account(self, address: bytes) -> Account | None:
        """The account then, or None."""
        return self._accounts[address] if address in self._accounts else self._newest.account(address)

    def slot(self, address: bytes, slot: int) -> int:
        """The value of a storage slot then."""
        key = (address, slot)
        return self._slots[key] if key in self._slots else self._newest.slot(address, slot)

    def code(self, code_hash: bytes) -> bytes:
        """The code with this hash; code is never removed."""
        return self._newest.code(code_hash)


UndoEntry = tuple[bytes, int | None, bytes]
"""(address, slot or None for the account itself, value before the block)."""

_UNDO_HEAD = struct.Struct(">20sBB")


def pack_undo(entries: Iterable[UndoEntry]) -> bytes:
    """One block's undo record."""
    parts = []
    for address, slot, value in entries:
        parts.append(_UNDO_HEAD.pack(address, slot is not None, len(value)))
        if slot is not None:
            parts.append(slot.to_bytes(32, "big"))
        parts.append(value)
    return b"".join(parts)


def unpack_undo(body: bytes) -> Iterator[UndoEntry]:
    """The entries of an undo record."""
    at, size = 0, len(body)
    while at < size:
        address, has_slot, width = _UNDO_HEAD.unpack_from(body, at)
        at += _UNDO_HEAD.size
        slot = None
        if has_slot:
            slot = int.from_bytes(body[at : at + 32], "big")
            at += 32
        yield address, slot, body[at : at + width]
        at += width
