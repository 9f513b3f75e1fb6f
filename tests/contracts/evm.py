"""A bare EVM (Prague rules) for contract tests: transactions on a state with a clock of its own, no blocks.

Going back to an earlier state is free, so each test starts from a prepared alliance. Contracts run as on the
project's own chain, by its traced interpreter; a ``PlainEvm`` goes by py-evm alone, and
``tests/chain/node/test_real_contracts.py`` holds the one against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction

from ledger_service.chain.node.interpreter import TracedComputation

CHAIN_ID = 31_337
TX_GAS = 60_000_000
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")


class Reverted(Exception):
    """The transaction failed; ``data`` is what the EVM gave back, empty where it ran out of gas."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


@dataclass(frozen=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    gas: int
    output: bytes
    created: bytes
    logs: tuple[Log, ...]


class TracedState(PragueState):
    """py-evm's own accounts under the project's interpreter, which asks for them as its ``world``."""

    computation_class = TracedComputation

    @property
    def world(self) -> TracedState:
        return self


class Evm:
    """One account space. ``now`` is the timestamp of the next transaction."""

    state_class: type[PragueState] = TracedState

    def __init__(self, now: int) -> None:
        self.now = now
        self._db = AtomicDB()
        self._state = self._state_at(EMPTY_ROOT)
        self._refresh()

    def mark(self) -> tuple[bytes, int]:
        """What ``back_to`` needs to return to this state and time."""
        self._state.persist()
        return self._state.state_root, self.now

    def back_to(self, mark: tuple[bytes, int]) -> None:
        root, self.now = mark
        self._state = self._state_at(root)

    def send(self, sender: bytes, to: bytes, data: bytes, gas: int = TX_GAS) -> Receipt:
        """Apply a transaction; ``Reverted`` leaves the state as it was but for the nonce."""
        self._refresh()
        computation = self._state.apply_transaction(self._unsigned(sender, to, data, gas))
        self._state.lock_changes()
        used = 10**18 - self._state.get_balance(sender)
        if computation.is_error:
            raise Reverted(bytes(computation.output))
        logs = tuple(
            Log(bytes(a), tuple(t.to_bytes(32, "big") for t in topics), bytes(d))
            for a, topics, d in computation.get_log_entries()
        )
        return Receipt(used, bytes(computation.output), bytes(computation.msg.storage_address), logs)

    def create(self, sender: bytes, code: bytes) -> bytes:
        """Deploy; the new contract's address."""
        return self.send(sender, b"", code).created

    def call(self, sender: bytes, to: bytes, data: bytes) -> bytes:
        """What a call would answer; nothing changes."""
        self._refresh()
        snapshot = self._state.snapshot()
        try:
            computation = self._state.apply_transaction(self._unsigned(sender, to, data, TX_GAS))
            if computation.is_error:
                raise Reverted(bytes(computation.output))
            return bytes(computation.output)
        finally:
            self._state.revert(snapshot)

    def stored(self, address: bytes, slot: int) -> int:
        """The word at a slot, as ``eth_getStorageAt`` would answer."""
        return int(self._state.get_storage(address, slot))

    def store(self, address: bytes, slot: int, word: int) -> None:
        """The slot has this word, which no call has written."""
        self._state.set_storage(address, slot, word)

    def _unsigned(self, sender: bytes, to: bytes, data: bytes, gas: int) -> Any:
        self._state.set_balance(sender, 10**18)
        nonce = self._state.get_nonce(sender)
        transaction = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            CHAIN_ID, nonce, 1, 1, gas, to, 0, data, ()
        )
        return SpoofTransaction(transaction, from_=sender, sender=sender)

    def _state_at(self, root: bytes) -> PragueState:
        return self.state_class(self._db, self._context(), root)

    def _context(self) -> ExecutionContext:
        return ExecutionContext(bytes(19) + b"\x01", self.now, 1, 0, bytes(32), 10**9, (), CHAIN_ID, 0, 0)

    def _refresh(self) -> None:
        self._state.execution_context = self._context()


class PlainEvm(Evm):
    """As ``Evm``, without a line of the project's."""

    state_class = PragueState


def words(data: bytes) -> Sequence[int]:
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
