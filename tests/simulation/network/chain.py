"""Blocks, the pool and what may happen to both; every block ever made stays known by its hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger_service.kernel.secp256k1 import keccak256
from tests.simulation.model.abi import Reverted, word
from tests.simulation.model.contracts import execute
from tests.simulation.model.state import Site, State
from tests.simulation.network.clients import Client, Refused
from tests.simulation.network.transactions import Malformed, Mined, Tx, read_raw

CHAIN_ID = 31_337


@dataclass(frozen=True)
class Block:
    """A block with the state after it; ``salt`` tells siblings of a reorganisation apart."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int
    mined: tuple[Mined, ...]
    state: State


def genesis(timestamp: int) -> Block:
    return Block(
        0, keccak256(b"genesis" + word(timestamp)), bytes(32), timestamp, 0, (), State(Site(CHAIN_ID))
    )


class Chain:
    """One node's chain. ``now`` gives the node's own clock in whole seconds."""

    def __init__(self, client: Client, now: Callable[[], int], blocks: list[Block]) -> None:
        self.client, self.now = client, now
        self.blocks = list(blocks)
        self.known = {block.hash: block for block in blocks}
        self.pool: dict[tuple[bytes, int], Tx] = {}
        self.highest = self.head.number
        self.salt = 0
        self.base_fee = 0
        self.automine = client.automine
        self.next_timestamp: int | None = None
        self.next_base_fee: int | None = None
        self.runs_out_of_gas: Callable[[Tx], bool] = lambda tx: False

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    # Taking transactions

    def send(self, raw: bytes) -> bytes:
        """The pool, or a block, has the transaction.

        Raises:
            Refused: it was not taken, with the client's own words.
        """
        try:
            tx = read_raw(raw)
        except Malformed:
            raise self.client.refusal("malformed") from None
        self._admit(tx)
        self.pool[tx.sender, tx.nonce] = tx
        if self.automine:
            while self._ready():
                self.mine(most=1)
        return tx.hash

    def _admit(self, tx: Tx) -> None:
        used = self.head.state.nonce(tx.sender)
        rival = self.pool.get((tx.sender, tx.nonce))
        if tx.chain_id != CHAIN_ID:
            raise self.client.refusal("malformed")
        if rival is not None and rival.hash == tx.hash:
            raise self.client.refusal("already-known")
        if tx.nonce < used:
            raise self.client.refusal("nonce-too-low")
        if tx.nonce > used + self.client.furthest_nonce:
            raise self.client.refusal("nonce-too-high")
        if rival is not None and not _outbids(tx, rival):
            raise self.client.refusal("replacement")
        if self.client.checks_fee and tx.max_fee < self.base_fee:
            raise self.client.refusal("underpriced")
        if rival is None and len(self.pool) >= self.client.pool_most:
            raise self.client.refusal("pool-full")

    # Blocks

    def timestamp(self) -> int:
        """What the next block's time will be."""
        earliest = self.head.timestamp + 1
        return max(self.now() if self.next_timestamp is None else self.next_timestamp, earliest)

    def mine(self, most: int = 100) -> Block:
        """The next block stands, with the transactions that can go into it, at most ``most``."""
        timestamp, state, mined = self.timestamp(), self.head.state, []
        fee = self.base_fee if self.next_base_fee is None else self.next_base_fee
        while len(mined) < most and (tx := self._next(state, fee)) is not None:
            del self.pool[tx.sender, tx.nonce]
            state, done = self._run(state, tx, timestamp)
            mined.append(done)
        hashes = b"".join(one.tx.hash for one in mined)
        head = word(self.head.number + 1) + self.head.hash + word(timestamp) + word(fee) + word(self.salt)
        block = Block(
            self.head.number + 1,
            keccak256(head + hashes),
            self.head.hash,
            timestamp,
            fee,
            tuple(mined),
            state,
        )
        self._append(block)
        self.next_timestamp = self.next_base_fee = None
        return block

    def _append(self, block: Block) -> None:
        self.blocks.append(block)
        self.known[block.hash] = block
        self.highest = max(self.highest, block.number)

    def _ready(self) -> bool:
        return self._next(self.head.state, self.base_fee) is not None

    def _next(self, state: State, fee: int) -> Tx | None:
        fit = [tx for tx in self.pool.values() if tx.nonce == state.nonce(tx.sender) and tx.max_fee >= fee]
        return min(fit, key=lambda tx: (-tx.priority_fee, tx.sender)) if fit else None

    def _run(self, state: State, tx: Tx, timestamp: int) -> tuple[State, Mined]:
        try:
            if self.runs_out_of_gas(tx):
                raise Reverted(b"")
            after, logs = execute(state, tx.sender, tx.to, tx.data, timestamp)
            return after, Mined(tx, True, tuple(logs))
        except Reverted:
            after = state.copy()
            after.nonces[tx.sender] = tx.nonce + 1
            return after, Mined(tx, False, ())

    # What goes wrong

    def reorganise(self, depth: int, keeps: Callable[[Tx], bool]) -> None:
        """The newest ``depth`` blocks are gone; their transactions wait again, as far as ``keeps`` says."""
        gone = self.blocks[len(self.blocks) - depth :] if depth else []
        del self.blocks[len(self.blocks) - len(gone) :]
        self.salt += 1
        for mined in (one for block in gone for one in block.mined):
            if keeps(mined.tx):
                self.pool.setdefault((mined.tx.sender, mined.tx.nonce), mined.tx)

    def restart(self, keep: int) -> None:
        """The node comes back with its blocks up to ``keep`` and an empty pool."""
        del self.blocks[keep + 1 :]
        self.pool.clear()
        self.next_timestamp = self.next_base_fee = None
        self.automine = self.client.automine
        self.salt = 0


def _outbids(tx: Tx, rival: Tx) -> bool:
    return 10 * tx.max_fee >= 11 * rival.max_fee and 10 * tx.priority_fee >= 11 * rival.priority_fee


__all__ = ["Refused"]
