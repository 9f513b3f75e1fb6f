"""The Merkle tree over the operations of a batch, as the ClearingHouse computes it.

Leaves stay in batch order, a pair is hashed as keccak256 of the two nodes in ascending order, and
an odd node moves up unchanged: proofs verify with OpenZeppelin's ``MerkleProof``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.kernel.secp256k1 import keccak256


def hash_pair(a: bytes, b: bytes) -> bytes:
    """keccak256 of the two 32-byte nodes, smaller first."""
    return keccak256(a + b if a <= b else b + a)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over at least one 32-byte leaf; 32 zero bytes for none."""
    if not leaves:
        return bytes(32)
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def proof_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling nodes from leaf ``index`` up to the root; ``IndexError`` beyond the leaves."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    level, path = list(leaves), []
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _parents(level), index // 2
    return path


def verify(leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the leaf to the root."""
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return node == root


def _parents(level: list[bytes]) -> list[bytes]:
    paired = len(level) & ~1
    pairs = zip(level[0:paired:2], level[1:paired:2], strict=True)
    above = [keccak256(a + b if a <= b else b + a) for a, b in pairs]
    return above + level[paired:]
