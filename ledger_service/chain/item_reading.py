"""What the chain says of items and of the log, read from one block with a node and two addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.errors import ChainUnavailable, NodeRefusal
from ledger_service.chain.log_pages import search_logs
from ledger_service.kernel.item_operations import text_word
from ledger_service.kernel.secp256k1 import keccak256

_NOBODY = bytes(20)
_ANCHORED = "0x" + keccak256(b"ItemBatchAnchored(bytes32,uint64,uint64,bytes32,uint32,bytes16)").hex()
_CLAIMED = "0x" + keccak256(b"ItemClaimed(bytes32,uint32,address,bytes16)").hex()
_STEP = 200


class BatchOnChain(NamedTuple):
    """A root's batch: owner (GLN), GTIN, the second of acceptance, and its size; all 0 if unknown."""

    owner: int
    gtin: int
    accepted_at: int
    size: int


class AnchoredBatch(NamedTuple):
    """An anchored batch as its event tells it, and the contract that told it."""

    registry: bytes
    root: bytes
    owner: int
    lot: str
    size: int


@dataclass(frozen=True, slots=True)
class ItemChain:
    """Both contracts as of one block, ``at`` its number in hex."""

    node: Node
    registry: bytes
    log: bytes
    at: str

    def stands(self) -> bool:
        """Whether there is code at both addresses."""
        return all(self.node.code_at(address) for address in (self.registry, self.log))

    def batch(self, root: bytes) -> BatchOnChain:
        """The batch of a root."""
        ((owner, gtin, accepted_at, count),) = self._ask("ItemRegistry", self.registry, "itemBatch", root)
        return BatchOnChain(owner, gtin, accepted_at, count)

    def has_lot(self, root: bytes, lot: str) -> bool:
        """Whether it was for this lot that the owner anchored the root: a lot has one root, for ever."""
        batch = self.batch(root)
        try:
            word = text_word(lot)
        except ValueError:
            return False
        asked = batch.owner, batch.gtin, word
        (told,) = self._ask("ItemRegistry", self.registry, "rootOfLot", *asked)
        return bool(batch.size) and bytes(told) == root

    def marks(self, root: bytes, index: int) -> tuple[bool, bool]:
        """Whether an item is claimed, and whether it is void."""
        (word,) = self._ask("ItemRegistry", self.registry, "marksOf", root, index >> 7)
        marks = word >> ((index & 127) << 1)
        return bool(marks & 1), bool(marks & 2)

    def marks_of(self, root: bytes, indexes: Sequence[int]) -> dict[int, tuple[bool, bool]]:
        """As ``marks``, for many items."""
        places, words = sorted({index >> 7 for index in indexes}), dict[int, int]()
        for first in range(0, len(places), _STEP):
            page = places[first : first + _STEP]
            asked = [("marksOf", root, place) for place in page]
            told = self._asks("ItemRegistry", self.registry, asked)
            words |= {place: word for place, (word,) in zip(page, told, strict=True)}
        shifted = {index: words[index >> 7] >> ((index & 127) << 1) for index in indexes}
        return {index: (bool(marks & 1), bool(marks & 2)) for index, marks in shifted.items()}

    def anchored_in(self, root: bytes) -> int | None:
        """The number of the block that has a batch's root; None where none has."""
        logs = search_logs(self.node, [_ANCHORED, "0x" + root.hex()], self.registry)
        return int(logs[0]["blockNumber"], 16) if logs else None

    def root_of_size(self, size: int) -> bytes:
        """The root of the checkpoint of that size; zero bytes where there is none."""
        (root,) = self._ask("TransparencyLog", self.log, "rootOfSize", size)
        return bytes(root)

    def last_size(self) -> int:
        """The size of the last checkpoint; 0 where there is none."""
        ((size, _, _),) = self._ask("TransparencyLog", self.log, "latest")
        return int(size)

    def checkpoints(self) -> dict[int, bytes]:
        """Every checkpoint's root by its size."""
        (count,) = self._ask("TransparencyLog", self.log, "checkpointCount")
        found: dict[int, bytes] = {}
        for first in range(0, count, _STEP):
            asked = [("checkpointAt", place) for place in range(first, min(first + _STEP, count))]
            for ((size, _, root),) in self._asks("TransparencyLog", self.log, asked):
                found[size] = root
        return found

    def claimer(self, root: bytes, index: int) -> bytes | None:
        """The account that claimed an item, as the event tells; None where there is no such event."""
        topics = [_CLAIMED, "0x" + root.hex(), "0x" + index.to_bytes(32, "big").hex()]
        logs = search_logs(self.node, topics, self.registry)
        return bytes.fromhex(logs[-1]["topics"][3][26:]) if logs else None

    def _ask(self, contract: str, at: bytes, function: str, *arguments: object) -> tuple[Any, ...]:
        return self._asks(contract, at, [(function, *arguments)])[0]

    def _asks(self, contract: str, at: bytes, asked: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        artifact = load(contract)
        calls = [CallAt(_NOBODY, at, artifact.call_data(*one), at=self.at) for one in asked]
        answers = self.node.calls(calls)
        told = []
        for (function, *_), answer in zip(asked, answers, strict=True):
            if isinstance(answer, NodeRefusal):
                raise ChainUnavailable("eth_call", f"{contract}.{function} does not answer")
            told.append(artifact.answer_of(function, answer))
        return told


def batches_of(node: Node, gtin: int, registry: bytes | None = None) -> list[AnchoredBatch]:
    """Every batch of a product that anybody anchored, or one registry's alone, as events tell."""
    logs = search_logs(node, [_ANCHORED, None, None, "0x" + gtin.to_bytes(32, "big").hex()], registry)
    found = []
    for log in logs:
        data = bytes.fromhex(log["data"][2:])
        registry_of, root, owner = log["address"], log["topics"][1], int(log["topics"][2], 16)
        lot, count = data[:32].rstrip(b"\0").decode("ascii", "replace"), int.from_bytes(data[32:64], "big")
        found.append(
            AnchoredBatch(bytes.fromhex(registry_of[2:]), bytes.fromhex(root[2:]), owner, lot, count)
        )
    return found
