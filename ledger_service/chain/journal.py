"""Heals a chain that lost blocks: the journal of signed raw transactions is replayed with its block times
(R13).

Bit for bit where the network lets blocks be dated: each block is put together from the journal on a
parent that is checked first, and must get the hash it had. Where that cannot be, the indexer rewinds
to what the node still has and the submitter sends the same bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Row, select

from ledger_service.chain.answers import Block
from ledger_service.chain.client import Node
from ledger_service.chain.desk import MINING_HELD_BACK, Desk, clear_alarm, raise_alarm
from ledger_service.chain.errors import WrongNetwork
from ledger_service.chain.models import chain_alarm, chain_block, chain_journal
from ledger_service.db.engine import Database

_CHUNK = 200
Body = tuple["Row[Any]", "Sequence[Row[Any]]"]
Replay = Callable[["Row[Any]", Sequence[bytes]], bytes | None]


@dataclass(frozen=True, slots=True)
class Healed:
    """The highest block that node and mirror agree on, how many blocks were replayed to get there, and
    whether what the mirror has above it cannot be replayed: it is to be rewound, and sent once more."""

    agreed: int
    replayed: int = 0
    forked: bool = True


class Journal:
    """The stored blocks and raw transactions of one alliance; a leader gives its desk, an auditor the
    database."""

    def __init__(self, database: Database | Desk, node: Node, first_block: int = 0) -> None:
        self._desk = database if isinstance(database, Desk) else None
        self._database = database.database if isinstance(database, Desk) else database
        self._node, self._first = node, first_block

    def heal(self) -> Healed:
        """The node has every block of the mirror again, as far as that can be done without changing one.

        Raises:
            WrongNetwork: the node shares no block with the mirror and dates its own blocks, so it is
                another network and nothing must be sent to it.
        """
        agreed = self.common_ancestor()
        if agreed < self._first and not self._node.has_time_control:
            raise WrongNetwork(self._node.chain_id, self._node.chain_id)
        if not self._node.has_time_control or self._node.head_number() > agreed:
            return Healed(agreed)
        replayed = self.replay(agreed)
        # Looked at again and not added up: a node that died meanwhile has forgotten what was replayed, and
        # to rewind then would give away the blocks from which it is made again.
        stands = self.common_ancestor()
        stuck = not replayed and stands == agreed
        return Healed(stands, replayed, stuck or self._node.head_number() > stands)

    def common_ancestor(self) -> int:
        """The highest block of the mirror that the node has too; ``first_block - 1`` for none."""
        with self._database.read() as conn:
            top = conn.execute(
                select(chain_block.c.number).order_by(chain_block.c.number.desc()).limit(1)
            ).scalar()
        high = min(top if top is not None else self._first - 1, self._node.head_number())
        low = self._first - 1
        # A chain agrees up to one height and nowhere above it.
        while low < high:
            middle = (low + high + 1) // 2
            if self._agrees(middle):
                low = middle
            else:
                high = middle - 1
        return low

    def _agrees(self, number: int) -> bool:
        with self._database.read() as conn:
            stored = conn.execute(select(chain_block.c.hash).where(chain_block.c.number == number)).scalar()
        block = self._node.blocks([number])[0]
        return block is not None and stored is not None and block.hash == stored

    def replay(self, after: int) -> int:
        """Blocks above ``after`` are mined again from the journal, until one is not what it was.

        Returns:
            how many blocks stand again with the hash they had.
        """
        with self.replaying() as replay:
            stands = (
                replay(block, [row.raw_tx for row in rows]) == block.hash
                for block, rows in self.blocks_above(after)
            )
            return sum(takewhile(bool, stands))

    @contextmanager
    def replaying(self) -> Iterator[Replay]:
        """Mines one recorded block on the node's head and tells the hash it got; None where it cannot stand
        there.
        """
        held_back = self._hold_back()
        try:
            yield self._replay_block
        finally:
            if held_back:
                self._mine_again()

    def resume_mining(self) -> None:
        """Mining that a replay switched off and did not live to switch on again is on; else nothing changes.

        Raises:
            ChainUnavailable: the node does not answer; the next call tries again.
        """
        if self._desk is None or not self._node.can_hold_back_mining:
            return
        with self._desk.read() as conn:
            held_back = select(chain_alarm.c.code).where(chain_alarm.c.code == MINING_HELD_BACK)
            owed = conn.execute(held_back).first()
        if owed is not None:
            self._mine_again()

    def blocks_above(self, after: int) -> Iterator[Body]:
        """The recorded blocks above a height, each with its rows of the journal in the block's order."""
        while True:
            blocks, bodies = self._chunk(after)
            for block in blocks:
                yield block, bodies.get(block.number, [])
            if len(blocks) < _CHUNK:
                return
            after += _CHUNK

    def _hold_back(self) -> bool:
        """The node mines only when told; returns whether it did by itself before."""
        if not self._node.can_hold_back_mining:
            return False
        before = bool(self._node.control(("anvil_getAutomine", []))[0])
        if before and self._desk is not None:
            # Noted first: whoever dies in the middle leaves word that mining must be switched on again.
            with self._desk.write() as conn:
                raise_alarm(conn, self._desk.wall, MINING_HELD_BACK, "", "the journal is being replayed")
        self._node.control(("evm_setAutomine", [False]))
        return before

    def _mine_again(self) -> None:
        self._node.control(("evm_setAutomine", [True]))
        if self._desk is not None:
            with self._desk.write() as conn:
                clear_alarm(conn, MINING_HELD_BACK, "")

    def _chunk(self, after: int) -> tuple[list[Row[Any]], dict[int, list[Any]]]:
        within = (chain_block.c.number > after) & (chain_block.c.number <= after + _CHUNK)
        mined = (chain_journal.c.block_number > after) & (chain_journal.c.block_number <= after + _CHUNK)
        with self._database.read() as conn:
            blocks = list(conn.execute(select(chain_block).where(within).order_by(chain_block.c.number)))
            c = chain_journal.c
            query = select(c.block_number, c.tx_hash, c.raw_tx).where(mined)
            bodies: dict[int, list[Any]] = {}
            for row in conn.execute(query.order_by(c.block_number, c.block_position)):
                bodies.setdefault(row.block_number, []).append(row)
        return blocks, bodies

    def _replay_block(self, block: Row[Any], raws: Sequence[bytes]) -> bytes | None:
        head = self._node.head()
        if head.hash != block.parent_hash:
            return None
        dated = ("evm_setNextBlockTimestamp", [block.timestamp])
        if self._node.can_hold_back_mining:
            # Anvil forgets the base fee when it reverts to a snapshot; a block's hash covers it. One that was
            # started anew since the last block mines by itself, and would mine this one twice.
            fee = hex(block.base_fee)
            held_back = ("evm_setAutomine", [False])
            self._node.control(held_back, dated, ("anvil_setNextBlockBaseFeePerGas", [fee]))
        else:
            self._node.control(dated)
        if raws:
            self._node.send(raws)
        if self._node.can_hold_back_mining or not raws:
            self._node.control(("evm_mine", []))
        made: Block = self._node.head()
        return made.hash if made.number == block.number else None
