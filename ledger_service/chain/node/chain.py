"""The chain: opens or founds it, takes transactions, mines each into a durable block, keeps the clock.

One lock covers execution and writing. `send` answers after the commit of the transaction's block, so whatever
was answered stands after any crash.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from ledger_service.chain.node import pool
from ledger_service.chain.node.commit import SealedBlock, seal, state_change, write_block
from ledger_service.chain.node.engine import Outcome, apply_transaction
from ledger_service.chain.node.errors import InvalidParams, Refused, StoreError
from ledger_service.chain.node.fork import BlockContext
from ledger_service.chain.node.reader import NewestState
from ledger_service.chain.node.seal import decode_header
from ledger_service.chain.node.store import Store, get_meta, set_meta
from ledger_service.chain.node.transactions import Transaction, decode_transaction
from ledger_service.chain.node.world import Hot, World

DEFAULT_GAS_LIMIT = 60_000_000
DEFAULT_FUNDS_WEI = 10**27
DEFAULT_KEPT_STATES = 256
_MAX_TIMESTAMP = (1 << 40) - 1


@dataclass(frozen=True, slots=True)
class Genesis:
    """What founds a chain; it cannot change afterwards.

    Args:
        timestamp: of block zero, whole seconds since the epoch.
        funded: lower-case 0x addresses that hold 10**27 wei each from the start, sorted.
    """

    chain_id: int
    timestamp: int
    gas_limit: int = DEFAULT_GAS_LIMIT
    funded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block."""

    number: int
    hash: bytes
    timestamp: int


class Chain:
    """An open chain.

    Args:
        genesis: founds an empty store; on an existing one it must be the same. None takes what is stored.
        clock: unix seconds, for block timestamps.
        keep_states: how many blocks back `eth_call` and balance reads reach.

    Raises:
        StoreError: the store holds another genesis, or is empty and none is given.
    """

    def __init__(
        self,
        store: Store,
        genesis: Genesis | None,
        clock: Callable[[], float] = time.time,
        keep_states: int = DEFAULT_KEPT_STATES,
    ) -> None:
        self.store = store
        self.keep_states = keep_states
        self._clock = clock
        self._lock = threading.Lock()
        self._newest = NewestState(store.writer)
        self._hot = Hot(self._newest)
        self.genesis = self._found(genesis)
        self.head = self._stored_head()
        self._chosen = _stored_integer(store, "next_timestamp")
        self._offset = _stored_integer(store, "clock_offset") or 0
        with self._lock:
            self._mine_waiting(pool.senders(store.writer))

    @staticmethod
    def stored_genesis(store: Store) -> Genesis | None:
        """What the stored chain was founded with, or None for an empty store."""
        stored = get_meta(store.writer, "genesis")
        if stored is None:
            return None
        fields = json.loads(stored)
        return Genesis(**{**fields, "funded": tuple(fields["funded"])})

    def close(self) -> None:
        """Waits for the block in work, then releases the file."""
        with self._lock:
            self.store.close()

    def _found(self, genesis: Genesis | None) -> Genesis:
        known = self.stored_genesis(self.store)
        if known is not None:
            if genesis is not None and genesis != known:
                raise StoreError(f"{self.store.path} was founded as {known}, not {genesis}")
            return known
        if genesis is None:
            raise StoreError(f"{self.store.path} holds no chain and no genesis was given")
        world = World(self._hot)
        for address in genesis.funded:
            world.set_balance(bytes.fromhex(address[2:]), DEFAULT_FUNDS_WEI)
        state = state_change(world, self._newest.body)
        block = seal((-1, bytes(32)), (genesis.timestamp, genesis.gas_limit), state, None)
        with self.store.writing() as connection:
            set_meta(connection, "genesis", json.dumps(asdict(genesis), sort_keys=True).encode())
            write_block(connection, block, self.keep_states)
        self._settle(block)
        return genesis

    def _stored_head(self) -> Head:
        row = self.store.writer.execute(
            "SELECT hash, header FROM block ORDER BY number DESC LIMIT 1"
        ).fetchone()
        header = decode_header(row[1])
        return Head(header.number, row[0], header.timestamp)

    # -- clock -----------------------------------------------------------------------------------------------

    def next_timestamp(self) -> int:
        """Timestamp of the next block: the set one, else the clock, always later than the parent's."""
        if self._chosen is not None:
            return self._chosen
        return max(self.head.timestamp + 1, int(self._clock()) + self._offset)

    def set_next_timestamp(self, timestamp: int) -> None:
        """The next block has this timestamp, and later ones follow it at real speed; durable.

        Args:
            timestamp: whole seconds since the epoch.

        Raises:
            InvalidParams: not later than the newest block, or beyond 2**40.
        """
        with self._lock:
            self._choose_timestamp(timestamp)

    def _choose_timestamp(self, timestamp: int) -> None:
        if not self.head.timestamp < timestamp <= _MAX_TIMESTAMP:
            raise InvalidParams(f"timestamp must be above the newest block's {self.head.timestamp}")
        self._store_clock(timestamp, timestamp - int(self._clock()))

    def increase_time(self, seconds: int) -> int:
        """The chain's clock is ahead by this many seconds more; returns the whole offset in seconds.

        Raises:
            InvalidParams: the clock would pass 2**40.
        """
        with self._lock:
            if int(self._clock()) + self._offset + seconds > _MAX_TIMESTAMP:
                raise InvalidParams("time out of range")
            self._store_clock(self._chosen, self._offset + seconds)
            return self._offset

    def _store_clock(self, chosen: int | None, offset: int) -> None:
        with self.store.writing() as connection:
            set_meta(connection, "next_timestamp", None if chosen is None else str(chosen).encode())
            set_meta(connection, "clock_offset", str(offset).encode())
        self._chosen, self._offset = chosen, offset

    # -- mining ----------------------------------------------------------------------------------------------

    def send(self, raw: bytes) -> bytes:
        """The transaction is mined in a durable block (or waits durably for a lower nonce); returns its hash.

        Raises:
            Refused: invalid, or already known (`already_known`: mined or waiting, so a retry succeeded).

        Idempotency: the same bytes again change nothing and are refused as already known.
        """
        transaction = decode_transaction(raw, self.genesis.chain_id)
        pool.check_limits(transaction, self.genesis.gas_limit)
        with self._lock:
            self._check_unknown(transaction)
            world = World(self._hot)
            pool.check_against_state(transaction, world)
            nonce = world.get_nonce(transaction.sender)
            if transaction.nonce > nonce:
                with self.store.writing() as connection:
                    pool.put(connection, transaction, nonce, self.genesis.chain_id)
            else:
                self._mine(transaction)
                self._mine_waiting([transaction.sender])
        return transaction.hash

    def mine_empty(self, timestamp: int | None = None) -> None:
        """One more block without transactions."""
        with self._lock:
            if timestamp is not None:
                self._choose_timestamp(timestamp)
            self._mine(None)

    def _check_unknown(self, transaction: Transaction) -> None:
        known = self.store.writer.execute(
            "SELECT 1 FROM tx WHERE hash = ? UNION ALL SELECT 1 FROM waiting WHERE hash = ?",
            (transaction.hash, transaction.hash),
        ).fetchone()
        if known:
            raise Refused("already_known", "already known")

    def context(self, timestamp: int) -> BlockContext:
        """The context of a block on top of the head."""
        return BlockContext(
            self.head.number + 1,
            timestamp,
            self.genesis.gas_limit,
            self.genesis.chain_id,
            self._ancestor_hash,
        )

    def _ancestor_hash(self, number: int) -> bytes | None:
        row = self.store.writer.execute("SELECT hash FROM block WHERE number = ?", (number,)).fetchone()
        return None if row is None else row[0]

    def _mine(self, transaction: Transaction | None) -> None:
        timestamp = self.next_timestamp()
        world = World(self._hot)
        body: tuple[Transaction, Outcome] | None = None
        if transaction is not None:
            body = transaction, apply_transaction(world, self.context(timestamp), transaction)
        state = state_change(world, self._newest.body)
        block = seal((self.head.number, self.head.hash), (timestamp, self.genesis.gas_limit), state, body)
        with self.store.writing() as connection:
            write_block(connection, block, self.keep_states)
            if self._chosen is not None:
                set_meta(connection, "next_timestamp", None)
        self._chosen = None
        self._settle(block)
        self.head = Head(block.header.number, block.hash, timestamp)

    def _settle(self, block: SealedBlock) -> None:
        """The cache of committed values follows the committed block."""
        self._hot.accounts.update(block.state.accounts)
        self._hot.slots.update(block.state.slots)
        self._hot.trim()

    def _mine_waiting(self, senders: list[bytes]) -> None:
        for sender in senders:
            while True:
                nonce = World(self._hot).get_nonce(sender)
                raw = pool.take(self.store.writer, sender, nonce)
                if raw is None:
                    break
                self._mine_or_drop(decode_transaction(raw, self.genesis.chain_id))

    def _mine_or_drop(self, transaction: Transaction) -> None:
        try:
            pool.check_against_state(transaction, World(self._hot))
        except Refused:
            with self.store.writing() as connection:
                pool.drop(connection, transaction)
        else:
            self._mine(transaction)


def _stored_integer(store: Store, name: str) -> int | None:
    value = get_meta(store.writer, name)
    return None if value is None else int(value)
