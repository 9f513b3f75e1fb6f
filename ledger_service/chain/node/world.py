"""The state a block or a call works on: committed values below, its own changes above, one undo journal for
both.

Stands in for py-evm's account database. A block of this chain holds at most one transaction, so "before the
transaction" (EIP-2200's original value) and "before the block" are the same and one journal is enough.
Committed values that were read stay in a bounded `Hot` cache, shared by the blocks of a chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger_service.chain.node.codec import EMPTY_CODE_HASH, keccak
from ledger_service.chain.node.reader import Account, StateReader

_HOT_SLOTS = 60_000
_HOT_ACCOUNTS = 4_000
_HOT_CODES = 64
_ABSENT = object()


class Hot:
    """Committed values read or written lately. Never more than a fixed number of each."""

    def __init__(self, reader: StateReader) -> None:
        self.reader = reader
        self.accounts: dict[bytes, Account | None] = {}
        self.slots: dict[tuple[bytes, int], int] = {}
        self.codes: dict[bytes, bytes] = {}

    def account(self, address: bytes) -> Account | None:
        """The committed account, or None."""
        if address in self.accounts:
            return self.accounts[address]
        account = self.accounts[address] = self.reader.account(address)
        return account

    def slot(self, key: tuple[bytes, int]) -> int:
        """The committed value of (address, slot)."""
        value = self.slots.get(key)
        if value is None:
            value = self.slots[key] = self.reader.slot(*key)
        return value

    def code(self, code_hash: bytes) -> bytes:
        """The code with this hash."""
        code = self.codes.get(code_hash)
        if code is None:
            code = self.codes[code_hash] = self.reader.code(code_hash)
        return code

    def trim(self) -> None:
        """Empties a cache that has outgrown its bound; the next reads fill it again."""
        for cache, bound in (
            (self.slots, _HOT_SLOTS),
            (self.accounts, _HOT_ACCOUNTS),
            (self.codes, _HOT_CODES),
        ):
            if len(cache) > bound:
                cache.clear()


class World:
    """The account database of one execution.

    Args:
        hot: committed state; this object never changes it.
    """

    def __init__(self, hot: Hot) -> None:
        self._hot = hot
        self._accounts: dict[bytes, Account | None] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        self._transient: dict[tuple[bytes, int], bytes] = {}
        self._warm: dict[object, bool] = {}
        self._journal: list[tuple[dict[Any, Any], object, object]] = []
        self.codes: dict[bytes, bytes] = {}

    # -- journal ---------------------------------------------------------------------------------------------

    def checkpoint(self) -> int:
        """A mark to roll back to."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Everything changed since the mark is as it was then."""
        journal = self._journal
        while len(journal) > mark:
            mapping, key, old = journal.pop()
            if old is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = old

    def _set(self, mapping: dict[Any, Any], key: object, value: object) -> None:
        self._journal.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    # -- storage ---------------------------------------------------------------------------------------------

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """The slot's value now, or (`from_journal=False`) before the transaction."""
        key = (address, slot)
        if from_journal:
            value = self._slots.get(key)
            if value is not None:
                return value
        return self._hot.slot(key)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """The slot holds the value."""
        self._set(self._slots, (address, slot), value)

    def delete_storage(self, address: bytes) -> None:
        """Every slot written in this transaction is zero. Since EIP-6780 no older storage is ever deleted."""
        for key in [key for key in self._slots if key[0] == address]:
            self._set(self._slots, key, 0)

    def get_transient(self, address: bytes, slot: int) -> bytes:
        """The transient slot's value (EIP-1153)."""
        return self._transient.get((address, slot), b"")

    def set_transient(self, address: bytes, slot: int, value: bytes) -> None:
        """The transient slot holds the value until the transaction ends."""
        self._set(self._transient, (address, slot), value)

    # -- warm addresses and slots (EIP-2929) -----------------------------------------------------------------

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        """True once the slot was touched."""
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        """The slot counts as touched."""
        if (address, slot) not in self._warm:
            self._set(self._warm, (address, slot), True)

    def is_address_warm(self, address: bytes) -> bool:
        """True once the address was touched."""
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        """The address counts as touched."""
        if address not in self._warm:
            self._set(self._warm, address, True)

    # -- accounts --------------------------------------------------------------------------------------------

    def _account(self, address: bytes) -> Account | None:
        if address in self._accounts:
            return self._accounts[address]
        return self._hot.account(address)

    def _existing(self, address: bytes) -> Account:
        return self._account(address) or Account()

    def get_balance(self, address: bytes) -> int:
        """Wei of the address."""
        return self._existing(address).balance

    def set_balance(self, address: bytes, balance: int) -> None:
        """The address holds this many wei."""
        account = self._existing(address)
        if account.balance != balance:
            self._set(self._accounts, address, account._replace(balance=balance))

    def get_nonce(self, address: bytes) -> int:
        """Next nonce of the address."""
        return self._existing(address).nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """The address has this next nonce."""
        self._set(self._accounts, address, self._existing(address)._replace(nonce=nonce))

    def increment_nonce(self, address: bytes) -> None:
        """The next nonce is one higher."""
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code_hash(self, address: bytes) -> bytes:
        """Hash of the account's code."""
        return self._existing(address).code_hash

    def get_code(self, address: bytes) -> bytes:
        """The account's code."""
        code_hash = self._existing(address).code_hash
        if code_hash == EMPTY_CODE_HASH:
            return b""
        return self.codes[code_hash] if code_hash in self.codes else self._hot.code(code_hash)

    def set_code(self, address: bytes, code: bytes) -> None:
        """The account has this code."""
        code_hash = keccak(code)
        if code:
            self.codes[code_hash] = code
        self._set(self._accounts, address, self._existing(address)._replace(code_hash=code_hash))

    def delete_code(self, address: bytes) -> None:
        """The account has no code."""
        self.set_code(address, b"")

    def delete_account(self, address: bytes) -> None:
        """The account and its storage are gone."""
        self.delete_storage(address)
        self._set(self._accounts, address, None)

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        """True when a contract cannot be created there."""
        account = self._existing(address)
        return account.nonce != 0 or account.code_hash != EMPTY_CODE_HASH

    def account_exists(self, address: bytes) -> bool:
        """True when there is an account, even an empty one."""
        return self._account(address) is not None

    def account_is_empty(self, address: bytes) -> bool:
        """True when the account is empty or missing (EIP-161)."""
        return self._existing(address).is_empty

    def touch_account(self, address: bytes) -> None:
        """Nothing: empty accounts are never kept, so a touch changes no state."""

    # -- what changed ----------------------------------------------------------------------------------------

    def changed_slots(self) -> dict[bytes, dict[int, tuple[int, int]]]:
        """Per address the slots whose value differs from the committed one, as (before, after)."""
        changed: dict[bytes, dict[int, tuple[int, int]]] = {}
        for key, after in self._slots.items():
            before = self._hot.slot(key)
            if before != after:
                changed.setdefault(key[0], {})[key[1]] = (before, after)
        return changed

    def changed_accounts(self) -> Iterator[tuple[bytes, Account | None, Account | None]]:
        """(address, before, after) of accounts that differ; an empty one counts as missing."""
        for address, after in self._accounts.items():
            before = self._hot.account(address)
            kept = None if after is None or after.is_empty else after
            if before != kept:
                yield address, before, kept

    def with_storage_root(self, address: bytes, root: bytes) -> tuple[Account | None, Account]:
        """(before, after) of an account whose storage now has this root."""
        return self._hot.account(address), self._existing(address)._replace(storage_root=root)
