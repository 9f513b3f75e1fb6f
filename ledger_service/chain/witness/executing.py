"""The chain once more on the witness's own machine: executed from block zero, and kept to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger_service.chain.node.chain import Chain, Genesis
from ledger_service.chain.node.errors import Refused
from ledger_service.chain.node.store import Store
from ledger_service.chain.witness.errors import ChainMisexecuted
from ledger_service.chain.witness.headers import Told, raw_transaction


class Executor:
    """A local chain with the same block zero, in a file of the witness's.

    Args:
        path: the file; one that exists is gone on with.
        zero: the node's block zero.
        chain_id: of the chain.
        funded: the addresses that block zero funds, 20 bytes each; its hash proves them.

    Raises:
        ChainMisexecuted: block zero comes out different: other addresses, or another kind of chain.
        StoreError: the file is in use, or another chain's.
    """

    def __init__(self, path: Path, zero: Told, chain_id: int, funded: Sequence[bytes]) -> None:
        addresses = tuple(sorted("0x" + one.hex() for one in funded))
        genesis = Genesis(chain_id, zero.timestamp, zero.gas_limit, addresses)
        self._chain = Chain(Store(path), genesis, clock=lambda: 0.0)
        founded = self.hash_of(0)
        if founded != zero.hash:
            self._chain.close()
            raise ChainMisexecuted(0, _hex(zero.hash), _hex(founded))

    @property
    def height(self) -> int:
        """The last block that was executed."""
        return self._chain.head.number

    def hash_of(self, number: int) -> bytes:
        """The hash that a block came to, at most ``height``."""
        row = self._chain.store.writer.execute(
            "SELECT hash FROM block WHERE number = ?", (number,)
        ).fetchone()
        return bytes(row[0])

    def execute(self, block: Told) -> None:
        """The block stands, with the hash that the node told.

        Raises:
            ChainMisexecuted: it does not come to that hash, or a transaction is refused.
            HeaderForged: a transaction is not what its hash says.
        """
        raws = [raw_transaction(one, block.number) for one in block.transactions]
        try:
            self._chain.set_next_timestamp(block.timestamp)
            if raws:
                self._chain.send(raws[0])
            else:
                self._chain.mine_empty()
        except Refused as refusal:
            raise ChainMisexecuted(block.number, _hex(block.hash), str(refusal)) from None
        made = self._chain.head
        if len(raws) > 1 or (made.number, made.hash) != (block.number, block.hash):
            raise ChainMisexecuted(block.number, _hex(block.hash), _hex(made.hash))

    def close(self) -> None:
        """The file is free."""
        self._chain.close()


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
