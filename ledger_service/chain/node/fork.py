"""py-evm's Prague rules over this package's own account database.

Only the interpreter, the gas rules and the transaction executor of py-evm are used; its chain, header
validation and tries are not. Nothing outside this module and `engine` touches py-evm objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address, BlockNumber, Hash32

from ledger_service.chain.node.interpreter import TracedComputation
from ledger_service.chain.node.world import World

COINBASE = bytes(20)
BASE_FEE = 0
PREVIOUS_RANDAO = bytes(32)
HASH_WINDOW = 256


@dataclass(frozen=True, slots=True)
class BlockContext:
    """What a contract can ask about the block it runs in.

    Args:
        number: height of the block.
        timestamp: whole seconds since the epoch.
        ancestor_hash: hash of an earlier block by height, or None.
    """

    number: int
    timestamp: int
    gas_limit: int
    chain_id: int
    ancestor_hash: Callable[[int], bytes | None]


# py-evm types its database wider than it is used here.
_PragueState: Any = PragueState


class LocalState(_PragueState):  # type: ignore[misc]  # the base is Any on purpose, see above
    """py-evm's state object over a `World`."""

    computation_class = TracedComputation

    def __init__(self, world: World, block: BlockContext) -> None:
        self.execution_context = ExecutionContext(
            coinbase=Address(COINBASE),
            timestamp=block.timestamp,
            block_number=BlockNumber(block.number),
            difficulty=0,
            mix_hash=Hash32(PREVIOUS_RANDAO),
            gas_limit=block.gas_limit,
            prev_hashes=(),
            chain_id=block.chain_id,
            base_fee_per_gas=BASE_FEE,
            excess_blob_gas=0,
        )
        self._account_db = world
        self.world = world
        self._block = block

    def snapshot(self) -> int:
        """A mark to revert to."""
        return self.world.checkpoint()

    def revert(self, snapshot: int) -> None:
        """Everything since the mark is undone."""
        self.world.rollback(snapshot)

    def commit(self, snapshot: int) -> None:
        """Nothing: changes stay in the journal of the enclosing call."""

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        """EIP-1153 read."""
        return self.world.get_transient(address, slot)

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        """EIP-1153 write."""
        self.world.set_transient(address, slot, value)

    def clear_transient_storage(self) -> None:
        """Nothing: a `World` lives for one transaction."""

    def get_ancestor_hash(self, block_number: int) -> bytes:
        """Hash of one of the last 256 blocks, else empty."""
        if not 0 < self._block.number - block_number <= HASH_WINDOW:
            return b""
        return self._block.ancestor_hash(block_number) or b""
